"""The Researcher: reads parent and references, then writes motivation and program in one conversation."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from asi_repro.config.roles import RolesSettings
from asi_repro.discover.cognition.base import CognitionBase, Recalled
from asi_repro.discover.prompts import Rendered, load_prompt
from asi_repro.discover.roles.asking import RoleAnswer, ask_for_draft
from asi_repro.discover.roles.draft import Draft
from asi_repro.discover.roles.facts import candidate_results, results_text
from asi_repro.discover.roles.notes import note_text, shortcomings_in, traced_recall
from asi_repro.discover.roles.summaries import summarise
from asi_repro.discover.types import Brief, Candidate, Proposal, RoleFailure, Verdict
from asi_repro.llm.client import LLM
from asi_repro.traces.spans import Trace

ROLE = "researcher"


class ProposalAnswer(RoleAnswer):
    """What the Researcher answers once its draft is written."""

    name: str = Field(
        pattern=r"^[A-Za-z][A-Za-z0-9_]{2,63}$", description="Short: letters, digits, underscores."
    )
    motivation: str = Field(min_length=80, max_length=12_000, description="As the instructions describe.")
    notes: list[str] = Field(description="Ids of the notes drawn on; may be empty.")


class LlmResearcher:
    """Proposes by asking a model.

    Args:
        cognition: what notes are recalled from, by the parent's shortcomings.
    """

    def __init__(self, llm: LLM, cognition: CognitionBase, settings: RolesSettings) -> None:
        self._llm, self._cognition, self._settings = llm, cognition, settings

    def propose(self, brief: Brief, rejections: Sequence[Verdict], trace: Trace) -> Proposal:
        """See `discover.types.Researcher`. Summaries are made anew for every proposal.

        Raises:
            RoleFailure: where the model gives no usable answer, also when asked again.
            BudgetExceeded, ReplayMiss, Unreachable: as `LLM.ask`.
        """
        recalled = self._recall(brief.parent, trace)
        prompt = self._prompt(brief, recalled, rejections, trace)
        others = {"parent": brief.parent.program}
        others |= {f"reference-{n}": each.program for n, each in enumerate(brief.references, 1)}
        draft = Draft(brief.parent.program, others, trace)
        answer, problems = ask_for_draft(
            self._llm, ROLE, prompt, ProposalAnswer, draft, self._settings.drafts, trace
        )
        if problems:
            raise RoleFailure(
                f"the researcher wrote no program that can be loaded in {self._settings.drafts} tries: "
                f"{problems[0]}",
                where=f"experiment {brief.cycle}",
                hint="run the command again to ask anew, or give the role another model",
            )
        known = {found.note.id for found in recalled}
        drawn_on = tuple(key for key in dict.fromkeys(answer.notes) if key in known)
        return Proposal(answer.name, answer.motivation, draft.program, cognition=drawn_on)

    def _recall(self, parent: Candidate, trace: Trace) -> list[Recalled]:
        if parent.analysis is None:
            return []
        queries = shortcomings_in(parent.analysis) or (parent.analysis,)
        return traced_recall(self._cognition, queries, self._settings.recall, trace)

    def _prompt(
        self, brief: Brief, recalled: list[Recalled], rejections: Sequence[Verdict], trace: Trace
    ) -> Rendered:
        def described(candidate: Candidate) -> dict[str, str]:
            return {
                "summary": summarise(self._llm, candidate, brief.baseline, trace),
                "results": candidate_results(candidate, brief.baseline),
            }

        return load_prompt("researcher").render(
            parent=described(brief.parent),
            references=[described(candidate) for candidate in brief.references],
            notes=[{"id": found.note.id, "text": note_text(found.note)} for found in recalled],
            rejections=[verdict.reason for verdict in rejections],
            baseline=results_text(brief.baseline),
        )
