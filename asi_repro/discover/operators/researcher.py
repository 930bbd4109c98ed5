"""The control arm's Researcher: proposes programs by operators, with no language model."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache

from asi_repro.config.operators import WEIGHTS, OperatorSettings
from asi_repro.discover.operators import code_edits, crossover, mutations
from asi_repro.discover.operators.describe import composition
from asi_repro.discover.operators.draft import Context, Donor, Edit, Operator
from asi_repro.discover.operators.errors import NoNewProgram, NothingToDo
from asi_repro.discover.operators.source import Source, normalised_ast, read_source
from asi_repro.discover.types import Brief, Proposal, Verdict
from asi_repro.store.files import sha256_bytes
from asi_repro.traces.spans import Trace

OPERATORS: dict[str, Operator] = {
    name: getattr(module, name)
    for module in (mutations, crossover, code_edits)
    for name in WEIGHTS
    if hasattr(module, name)
}
NAME_LENGTH = 70
_CHUNK = re.compile(r"\bchunk=\d+")


class OperatorResearcher:
    """Mutates the parent's source, or crosses it with a reference's.

    Its proposals depend on the brief's seed and cycle, the number of rejections and the programs in the
    brief, and on nothing else.

    Args:
        settings: `params.yaml: discover.operators`.
    """

    def __init__(self, settings: OperatorSettings | None = None) -> None:
        self.settings = settings or OperatorSettings()

    def propose(self, brief: Brief, rejections: Sequence[Verdict], trace: Trace) -> Proposal:
        """See `discover.types.Researcher`. No program of the brief comes back, nor an earlier try's.

        Raises:
            NotLibraryForm: where the parent has another form and cannot be adopted.
            NoNewProgram: where every draw gave a known program.
            DataError: where the parent does not parse.
        """
        parent = read_source(brief.parent.program)
        known = {functional_key(one.program) for one in (brief.parent, *brief.references)}
        proposal = None
        for attempt in range(len(rejections) + 1):
            proposal = self._new(brief, parent, attempt, known)
            known.add(functional_key(proposal.program))
        assert proposal is not None
        return proposal

    def _new(self, brief: Brief, parent: Source, attempt: int, known: set[str]) -> Proposal:
        donors = [
            Donor(f"experiment {one.index}", source)
            for one in brief.references
            if (source := read_source(one.program)).is_library_form
        ]
        for draw in range(self.settings.tries):
            rng = random.Random(f"{brief.seed}/{brief.cycle}/{attempt}/{draw}")
            edits = vary(parent, Context(rng, self.settings, donors))
            if edits and functional_key(edits[-1].source.text) not in known:
                return _proposal(brief, edits)
        raise NoNewProgram(
            f"{self.settings.tries} draws gave no program that is new",
            where=f"experiment {brief.cycle}, parent {brief.parent.index}",
            hint="raise discover.operators.tries, max_paths or the weights that are 0",
        )


def vary(source: Source, context: Context) -> list[Edit]:
    """One to a few edits, one after another; fewer where an operator finds nothing to do.

    A program that is not in the library's form is adopted first, or has an activation changed.

    Raises:
        NotLibraryForm: where it is in another form and cannot be adopted.
    """
    probabilities = context.settings.edits
    count = context.rng.choices(range(1, len(probabilities) + 1), weights=probabilities)[0]
    edits: list[Edit] = []
    names, weights = list(WEIGHTS), [context.settings.weights[name] for name in WEIGHTS]
    for _ in range(count):
        if source.is_library_form:
            operator = OPERATORS[context.rng.choices(names, weights=weights)[0]]
        else:
            operator = context.rng.choice((code_edits.adopt, code_edits.adopt, code_edits.change_activation))
        with suppress(NothingToDo):
            edits.append(operator(source, context))
            source = edits[-1].source
    return edits


@lru_cache(maxsize=4096)
def functional_key(program: str) -> str:
    """SHA-256 of the normalised syntax tree, chunk lengths left out: they do not change what is computed.

    Raises:
        DataError: where the program does not parse.
    """
    source = read_source(program)
    pieces = sorted(normalised_ast(_CHUNK.sub("chunk=0", piece.text)) for piece in source.pieces)
    imports = sorted(f"{one.target} {one.bound}" for one in source.imports)
    return sha256_bytes("\n".join((*imports, *pieces)).encode())


def _proposal(brief: Brief, edits: list[Edit]) -> Proposal:
    source = edits[-1].source
    text = source.text
    slugs = "_".join(edit.slug for edit in edits)[:NAME_LENGTH].strip("_.-")
    return Proposal(
        name=f"delta_net_{slugs}_{sha256_bytes(text.encode())[:6]}",
        motivation=motivation(brief, edits),
        program=text,
        operators=tuple(edit.label for edit in edits),
    )


def motivation(brief: Brief, edits: list[Edit]) -> str:
    """What was changed, in the field's terms; no benefit is claimed."""
    source = edits[-1].source
    count = {1: "One edit"}.get(len(edits), f"{len(edits)} edits")
    lines = [f"{count} of experiment {brief.parent.index}, drawn at random by program operators."]
    lines += [edit.sentence.strip() for edit in edits]
    if source.is_library_form:
        lines.append(composition(source.slots))
    return " ".join(lines)
