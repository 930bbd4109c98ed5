"""The Engineer's self-revision: a program that failed in training goes back with the end of its log."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from asi_repro.config.roles import RolesSettings
from asi_repro.discover.prompts import load_prompt
from asi_repro.discover.roles.asking import RoleAnswer, ask_for_draft
from asi_repro.discover.roles.draft import Draft
from asi_repro.discover.types import Proposal
from asi_repro.llm.client import LLM
from asi_repro.traces.spans import Trace

ROLE = "engineer"


class Repair(RoleAnswer):
    """What the Engineer answers."""

    repaired: bool = Field(description="False where the idea cannot work.")
    cause: str = Field(min_length=5, max_length=2000, description="One sentence.")

    def wants_draft(self) -> bool:
        return self.repaired


class LlmEngineer:
    """Repairs by asking a model. How often a training is repaired is the loop's to count."""

    def __init__(self, llm: LLM, settings: RolesSettings) -> None:
        self._llm, self._settings = llm, settings

    def repair(self, proposal: Proposal, log: str, trace: Trace) -> Proposal | None:
        """See `discover.types.Engineer`. Every version that the model writes is in the trace.

        Raises:
            RoleFailure: where the model gives no usable answer, also when asked again.
            BudgetExceeded, ReplayMiss, Unreachable: as `LLM.ask`.
        """
        prompt = load_prompt("engineer").render(
            motivation=proposal.motivation,
            program=proposal.program,
            log=log[-self._settings.log_characters :] or "(the log is empty)",
        )
        draft = Draft(proposal.program, {"failed": proposal.program}, trace)
        answer, problems = ask_for_draft(self._llm, ROLE, prompt, Repair, draft, self._settings.drafts, trace)
        with trace.span("repaired", "CHAIN") as span:
            span.set(
                **{
                    "repair.given": answer.repaired and not problems,
                    "repair.cause": answer.cause,
                    "repair.versions": draft.versions,
                    "repair.problems": problems if answer.repaired else [],
                }
            )
        if problems or not answer.repaired:
            return None
        return replace(proposal, program=draft.program)
