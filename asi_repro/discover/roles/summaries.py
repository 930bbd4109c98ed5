"""Fresh summaries of the experiments that a proposal builds on (paper, section 3.1)."""

from __future__ import annotations

from asi_repro.discover.prompts import load_prompt
from asi_repro.discover.roles.asking import ask_text
from asi_repro.discover.roles.facts import candidate_results
from asi_repro.discover.types import Candidate, Metrics
from asi_repro.llm.client import LLM
from asi_repro.traces.spans import Trace

ROLE = "summary"


def summarise(llm: LLM, candidate: Candidate, baseline: Metrics, trace: Trace) -> str:
    """The candidate in a paragraph. Nothing is kept: another cycle asks again and may read it otherwise.

    Raises:
        RoleFailure: where the model gives no usable answer, also when asked again.
        BudgetExceeded, ReplayMiss, Unreachable: as `LLM.ask`.
    """
    prompt = load_prompt("summary").render(
        name=candidate.name,
        motivation=candidate.motivation,
        program=candidate.program,
        results=candidate_results(candidate, baseline),
        analysis=candidate.analysis or "",
    )
    return ask_text(llm, ROLE, prompt, trace)
