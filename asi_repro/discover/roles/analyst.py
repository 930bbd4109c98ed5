"""The Analyst: explains the numbers beside those of the baseline, the parent and the siblings.

Its shortcomings are symptoms; they recall entries of the cognition base for the next generation, and stand at
the end of its text, from where the Researcher of a child takes them.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from asi_repro.config.roles import RolesSettings
from asi_repro.discover.cognition.base import CognitionBase
from asi_repro.discover.prompts import load_prompt
from asi_repro.discover.roles.asking import RoleAnswer, ask_for
from asi_repro.discover.roles.facts import candidate_results, results_text
from asi_repro.discover.roles.notes import traced_recall, with_shortcomings
from asi_repro.discover.types import Analysis, Candidate, Metrics, Proposal
from asi_repro.llm.client import LLM
from asi_repro.traces.spans import Trace

ROLE = "analyst"
# Later ones knew more. A parent can have dozens of children, and every one shown costs tokens.
MOST_SIBLINGS = 6


class AnalysisAnswer(RoleAnswer):
    """What the Analyst answers."""

    findings: str = Field(min_length=20, max_length=8000)
    causes: str = Field(min_length=20, max_length=8000)
    shortcomings: list[str] = Field(min_length=1, max_length=3, description="Symptoms, a sentence each.")
    next: str = Field(min_length=5, max_length=2000, description="What to try first.")


class LlmAnalyst:
    """Analyses by asking a model, then recalls what the shortcomings bring to mind."""

    def __init__(self, llm: LLM, cognition: CognitionBase, settings: RolesSettings) -> None:
        self._llm, self._cognition, self._settings = llm, cognition, settings

    def analyse(
        self,
        proposal: Proposal,
        metrics: Metrics,
        baseline: Metrics,
        parent: Candidate | None,
        siblings: Sequence[Candidate],
        trace: Trace,
    ) -> Analysis:
        """See `discover.types.Analyst`. Of many siblings the last six are shown.

        Raises:
            MissingInput: where texts cannot be embedded here.
            RoleFailure: where the model gives no usable answer, also when asked again.
            BudgetExceeded, ReplayMiss, Unreachable: as `LLM.ask`.
        """

        def described(candidate: Candidate) -> dict[str, str]:
            return {
                "name": candidate.name,
                "motivation": candidate.motivation,
                "results": candidate_results(candidate, baseline),
            }

        prompt = load_prompt("analyst").render(
            name=proposal.name,
            motivation=proposal.motivation,
            program=proposal.program,
            results=results_text(metrics, baseline),
            baseline=results_text(baseline),
            parent=described(parent) if parent else None,
            siblings=[described(sibling) for sibling in siblings[-MOST_SIBLINGS:]],
        )
        answer = ask_for(self._llm, ROLE, prompt, AnalysisAnswer, trace)
        recalled = traced_recall(self._cognition, answer.shortcomings, self._settings.recall, trace)
        body = (
            f"## Findings\n\n{answer.findings}\n\n## Likely causes\n\n{answer.causes}\n\n"
            f"## What to try next\n\n{answer.next}"
        )
        return Analysis(
            text=with_shortcomings(body, answer.shortcomings),
            shortcomings=tuple(answer.shortcomings),
            cognition=tuple(found.note.id for found in recalled),
        )
