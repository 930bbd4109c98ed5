"""The Checker's reading: a model looks at a program that the automatic checks have passed."""

from __future__ import annotations

import json
from typing import Literal

from pydantic import Field

from asi_repro.discover.prompts import load_prompt
from asi_repro.discover.roles.asking import RoleAnswer, ask_for
from asi_repro.discover.types import Checker, Proposal, Verdict
from asi_repro.llm.client import LLM
from asi_repro.traces.spans import Trace

ROLE = "checker"
Severity = Literal["blocking", "mismatch", "remark"]
# What turns a proposal down; remarks are kept as evidence.
REJECTING: frozenset[Severity] = frozenset({"blocking", "mismatch"})


class Problem(RoleAnswer):
    """One thing that the reading found."""

    severity: Severity
    line: int = Field(ge=1, description="Line of the program.")
    what: str = Field(min_length=5, max_length=2000, description="What happens there, and when.")


class Reading(RoleAnswer):
    """What the Checker answers."""

    problems: list[Problem] = Field(description="Empty where there are none.")


class LlmChecker:
    """The automatic checks, then a model's reading. Measured facts come first: a program that fails them is
    not read, and a reading cannot overrule them.

    Args:
        checks: static and dynamic checks in the sandbox (`discover.lab.checker.SandboxChecker`).
    """

    def __init__(self, llm: LLM, checks: Checker) -> None:
        self._llm, self._checks = llm, checks

    def check(self, proposal: Proposal, trace: Trace) -> Verdict:
        """See `discover.types.Checker`.

        Raises:
            SandboxUnavailable, SandboxFailure: as the automatic checks.
            RoleFailure: where the model gives no usable answer, also when asked again.
            BudgetExceeded, ReplayMiss, Unreachable: as `LLM.ask`.
        """
        measured = self._checks.check(proposal, trace)
        if not measured.accepted:
            return measured
        with trace.span("read the program", "GUARDRAIL") as span:
            prompt = load_prompt("checker").render(
                name=proposal.name,
                motivation=proposal.motivation,
                program=proposal.program,
                checks=json.dumps(dict(measured.evidence), sort_keys=True, indent=1),
            )
            reading = ask_for(self._llm, ROLE, prompt, Reading, trace)
            verdict = _verdict(reading, measured, lines=len(proposal.program.splitlines()))
            span.set(**{"check.accepted": verdict.accepted, "check.reason": verdict.reason})
        return verdict


def _verdict(reading: Reading, measured: Verdict, *, lines: int) -> Verdict:
    """A problem that points at no line of the program is kept as a remark: it shows nothing."""
    problems = [
        problem if problem.line <= lines else problem.model_copy(update={"severity": "remark"})
        for problem in reading.problems
    ]
    evidence = {**measured.evidence, "reading": [problem.model_dump() for problem in problems]}
    bad = [problem for problem in problems if problem.severity in REJECTING]
    if not bad:
        return Verdict(True, f"{measured.reason}; the reading found nothing that forbids it", evidence)
    said = "; ".join(f"line {problem.line} ({problem.severity}): {problem.what}" for problem in bad[:3])
    return Verdict(False, f"the reading found: {said}", evidence)
