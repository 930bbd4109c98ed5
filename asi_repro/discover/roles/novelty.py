"""Is a proposal new? First by rule, then (with an LLM) by judgement on the nearest motivations.

The search looks at words only, so it finds candidates and never decides. The rule decides one thing: a
program that is a known one up to names, comments and layout is no new experiment.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Optional

from pydantic import Field, create_model

from asi_repro.config.roles import RolesSettings
from asi_repro.discover.novelty.embedding import Embedder
from asi_repro.discover.novelty.fingerprint import KnownPrograms, Programs
from asi_repro.discover.novelty.index import MotivationIndex, Neighbour
from asi_repro.discover.prompts import load_prompt
from asi_repro.discover.roles.asking import RoleAnswer, ask_for
from asi_repro.discover.types import Proposal, Verdict
from asi_repro.errors import DataError
from asi_repro.llm.client import LLM
from asi_repro.traces.spans import Trace

ROLE = "novelty"


class LlmNovelty:
    """Asks a model whether the proposal repeats one of the nearest ideas, once the rule has passed it.

    Args:
        programs: the programs of experiments by index.
        embedder: makes the vectors.
    """

    def __init__(self, llm: LLM, programs: Programs, embedder: Embedder, settings: RolesSettings) -> None:
        self._llm, self._settings = llm, settings
        self._known = KnownPrograms(programs)
        self._index = MotivationIndex(embedder)

    def check(self, proposal: Proposal, known: Sequence[tuple[int, str]], trace: Trace) -> Verdict:
        """See `discover.types.Novelty`.

        Raises:
            MissingInput: where texts cannot be embedded here.
            RoleFailure: where the model gives no usable answer, also when asked again.
            BudgetExceeded, ReplayMiss, Unreachable: as `LLM.ask`.
        """
        if (found := self._duplicate(proposal, known)) is not None:
            return found
        near = self._neighbours(proposal, known, trace)
        evidence = {**_evidence(near, self._index.embedder_name), "judged": "llm"}
        if not near:
            return Verdict(True, "there is no earlier experiment to compare with", evidence)
        prompt = load_prompt("novelty").render(motivation=proposal.motivation, neighbours=near)
        answer: Any = ask_for(self._llm, ROLE, prompt, answer_schema([each.index for each in near]), trace)
        if answer.repeats is None:
            return Verdict(True, answer.reason, evidence)
        reason = f"{proposal.name} repeats experiment {answer.repeats}: {answer.reason}"
        return Verdict(False, reason, {**evidence, "experiment": answer.repeats})

    def _neighbours(
        self, proposal: Proposal, known: Sequence[tuple[int, str]], trace: Trace
    ) -> list[Neighbour]:
        """The nearest known motivations, in a RETRIEVER span."""
        with trace.span("nearest motivations", "RETRIEVER") as span:
            self._index.sync(known)
            near = self._index.nearest(proposal.motivation, self._settings.neighbours)
            span.set(**{"input.value": proposal.motivation, "retrieval.embedding": self._index.embedder_name})
            for place, each in enumerate(near):
                prefix = f"retrieval.documents.{place}.document"
                span.set(**{f"{prefix}.id": str(each.index), f"{prefix}.score": each.similarity})
                span.set(**{f"{prefix}.content": each.motivation})
        return near

    def _duplicate(self, proposal: Proposal, known: Sequence[tuple[int, str]]) -> Verdict | None:
        """A rejection where the program is a known one. What does not parse is the Checker's to report."""
        try:
            same = self._known.duplicate_of(proposal.program, [index for index, _ in known])
        except DataError:
            return None
        if same is None:
            return None
        return Verdict(
            False,
            f"{proposal.name}: the program is that of experiment {same} up to names and layout; change what "
            "it computes",
            {"experiment": same, "judged": "rule"},
        )


def answer_schema(indices: Sequence[int]) -> type[RoleAnswer]:
    """The answer: which of `indices` is repeated, or none, and why. Another index is a misfit."""
    one_of: Any = Optional[Literal[tuple(sorted(indices))]]
    return create_model(
        "NoveltyAnswer",
        __base__=RoleAnswer,
        repeats=(
            one_of,
            Field(description="Index of the experiment that is repeated; null where the idea is new."),
        ),
        reason=(str, Field(min_length=5, max_length=2000, description="One or two sentences.")),
    )


def _evidence(near: Sequence[Neighbour], embedding: str) -> dict[str, Any]:
    return {
        "embedding": embedding,
        "nearest": [{"experiment": each.index, "similarity": each.similarity} for each in near],
    }
