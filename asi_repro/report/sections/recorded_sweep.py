"""A sweep that is recorded row by row: what it found, how reliable that is, and what it foretells."""

from __future__ import annotations

from asi_repro.claims.recorded_sweep import table2_by_slug
from asi_repro.report.figures.recorded_sweep import cost_drawing, paper_drawing, ranks_drawing
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Paragraph, Table
from asi_repro.results.layout import BASELINES
from asi_repro.results.leaking import NOT_CHECKED
from asi_repro.results.recorded_sweep import RecordedSweep, gallery_titles, grouped, sentence


def blocks(inputs: Inputs) -> tuple[Block, ...] | None:
    """Each recorded sweep; None where nothing is recorded."""
    if not inputs.recorded_sweeps:
        return None
    titles = gallery_titles(inputs.archive)
    paper = table2_by_slug(inputs.archive)
    found: list[Block] = []
    for scale, sweep in inputs.recorded_sweeps.items():
        drawings = (
            ranks_drawing(sweep, scale, titles),
            cost_drawing(sweep, scale, titles),
            paper_drawing(sweep, scale, paper),
        )
        tables = (_against(sweep), _reliability(sweep), _agreements(sweep))
        found += [
            Paragraph(_lead(sweep, scale)),
            Paragraph(sentence(sweep)),
            *(drawing for drawing in drawings if drawing is not None),
            *(table for table in tables if table is not None),
        ]
    return tuple(found)


def _lead(sweep: RecordedSweep, scale: str) -> str:
    groups = grouped(sweep.rows)
    two = sum(len(groups[name]) > 1 for name in sweep.architectures)
    stopped = sum(not row.completed for row in sweep.rows)
    return (
        f"Models of scale {scale} after {sweep.rows[0].tokens:,} tokens each. Architectures with a completed "
        f"training: {sweep.trained}; {two} of those compared have two seeds or more. Baselines: "
        f"{sum(name in groups for name in BASELINES)}. {stopped} trainings were stopped. "
        f"{'' if sweep.leaking is not None else f'{NOT_CHECKED}. '}"
        "This is not a reproduction of the paper's results."
    )


def _against(sweep: RecordedSweep) -> Table | None:
    if not sweep.beats:
        return None
    return Table(
        caption=(
            "Architectures whose validation loss differs from a baseline's by more than seeds do: t test "
            f"with the deviation of a seed ({sweep.seed_deviation:.4f} nats a byte) pooled over all models, "
            "p < 0.05 after Holm. Chance: how many would be called different without the correction if none "
            "were."
        ),
        header=("baseline", "lower loss", "higher loss", "not told apart", "chance"),
        rows=tuple(
            (
                one.baseline,
                str(one.lower),
                str(one.higher),
                str(one.models - one.lower - one.higher),
                f"{one.by_chance:.1f}",
            )
            for one in sweep.beats
        ),
        numeric=(1, 2, 3, 4),
    )


def _reliability(sweep: RecordedSweep) -> Table | None:
    if not sweep.reliabilities:
        return None
    named = sweep.reliabilities | {
        f"training loss after {tokens:,} tokens": known for tokens, known in sweep.by_tokens.items()
    }
    return Table(
        caption=(
            "How well a number repeats itself over seeds. ICC: intraclass correlation ICC(3,1) of one seed "
            "with its 95% bootstrap interval over models; 1 is perfect, 0 is noise. Ceiling: the highest "
            "correlation that the mean over seeds can show with anything."
        ),
        header=("measure", "models", "between models", "within a model", "ICC", "95% interval", "ceiling"),
        rows=tuple(
            (
                measure,
                str(known.models),
                f"{known.between:.4f}",
                f"{known.within:.4f}",
                f"{known.single:.2f}",
                f"{known.low:.2f} to {known.high:.2f}",
                f"{known.ceiling:.2f}",
            )
            for measure, known in named.items()
        ),
        numeric=(1, 2, 3, 4, 5, 6),
    )


def _agreements(sweep: RecordedSweep) -> Table | None:
    rows = tuple(
        (
            one.measure,
            one.target,
            str(one.models),
            f"{one.found.estimate:.2f}",
            f"{one.found.low:.2f} to {one.found.high:.2f}",
            "–" if one.ceiling is None else f"{one.ceiling:.2f}",
        )
        for one in sweep.agreements
        if one.found is not None
    )
    if not rows:
        return None
    return Table(
        caption=(
            "Spearman's correlation with the paper's 340M results over the same architectures, oriented so "
            "that better goes with better, beside the paper's own 20M stage and the parameter count."
        ),
        header=("measure", "against", "architectures", "Spearman", "95% interval", "ceiling"),
        rows=rows,
        numeric=(2, 3, 4, 5),
    )
