"""What both pages say, before either's format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asi_repro import __version__
from asi_repro.errors import DataError
from asi_repro.report.figures.scores import score_ranks
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, Section
from asi_repro.report.sections import build_sections, not_done
from asi_repro.report.sections.claims import verdict_counts


@dataclass(frozen=True)
class Content:
    """A report's head and sections.

    Attributes:
        limits: what the report does not rest on.
        counts: claims by verdict.
        metrics: numbers for `dvc metrics`.
    """

    title: str
    lead: str
    limits: str
    counts: dict[str, int]
    sections: list[Section]
    footer: str
    metrics: dict[str, Any]

    @property
    def drawings(self) -> list[Drawing]:
        """Every figure, in order."""
        return [block for section in self.sections for block in section.blocks if isinstance(block, Drawing)]


def make_content(inputs: Inputs) -> Content:
    """Read the inputs and lay out the report.

    Raises:
        MissingInput, DataError: where an input is not there or is not what it should be.
    """
    run = inputs.archive.experiments  # the archive first: the ledger is made from it
    counts = verdict_counts(inputs.claims)
    sections = build_sections(inputs)
    content = Content(
        title="ASI-ARCH, rechecked",
        lead=(
            f"What of the paper “AlphaGo Moment for Model Architecture Discovery” (arXiv 2507.18074), and of "
            f"others on the same search, holds on what its authors released: {len(run):,} experiments, "
            f"{len(inputs.archive.gallery)} architectures of the gallery, and {len(inputs.claims)} claims."
        ),
        limits=_limits(sections),
        counts=counts,
        sections=sections,
        footer=f"Made by asi-repro {__version__} from {inputs.commit}.",
        metrics=_metrics(inputs),
    )
    _refuse_repeats([drawing.id for drawing in content.drawings], "figure")
    _refuse_repeats([data.name for drawing in content.drawings for data in drawing.data], "plot data")
    return content


def _limits(sections: list[Section]) -> str:
    missing = not_done(sections)
    is_ = (
        "This report rechecks the released data and the numbers that the paper prints. "
        "It takes the released numbers as they are: it does not show that the experiments gave them."
    )
    return f"{is_} For this report {_listed(missing)}." if missing else is_


def _listed(items: list[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def _metrics(inputs: Inputs) -> dict[str, Any]:
    ranks = score_ranks(inputs.experiments)
    return {
        "experiments": len(inputs.experiments),
        "experiments_with_children": sum(e.children > 0 for e in inputs.experiments),
        "deepest": max(e.depth for e in inputs.experiments),
        "best_score": round(ranks.scores[0], 6) if ranks.scores else None,
        "gallery": len(inputs.archive.gallery),
        "gallery_among_best_as_many": ranks.overlap,
    }


def _refuse_repeats(names: list[str], what: str) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(
            f"two have the {what} name {', '.join(repeated)}",
            hint="this is a bug in the report's code: give each a name of its own",
        )
