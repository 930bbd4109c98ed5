"""Recorded searches of our own: the null that a language model's discoveries need beside them."""

from __future__ import annotations

from asi_repro.report.figures.searches import release_counted, search_drawing
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Paragraph, Table
from asi_repro.report.searches import Search


def blocks(inputs: Inputs) -> tuple[Block, ...] | None:
    """What each search came to and the curves, where a recorded run was replayed here."""
    if not inputs.searches:
        return None
    drawing = search_drawing(inputs)
    return (
        Paragraph(
            "Runs of our own discovery loop, not the paper's. The control arm evolves programs by operators "
            "and asks no language model. Figure 1's count grows along a line; so does that of any search "
            "whose rate is steady, and a search without a language model shows how steady it is by itself."
        ),
        *(Paragraph(_about(search), tone="note") for search in inputs.searches),
        *((drawing,) if drawing else ()),
        _table(inputs),
    )


def _about(search: Search) -> str:
    said = [f"{search.name}: {search.experiments} experiments besides the baseline, {search.failed} failed."]
    if (setting := search.setting) is not None:
        items = "all" if setting.limit is None else f"the first {setting.limit}"
        said.append(
            f"Models of scale {setting.scale}, {setting.tokens:,} tokens of {setting.corpus}, "
            f"{items} items of {setting.tasks} tasks: far too small for their scores to say anything "
            "about architectures."
        )
    said.append(f"A discovery {search.discovery}; {search.verified} passed the second stage.")
    return " ".join(said)


def _table(inputs: Inputs) -> Table:
    rows = [
        (
            search.name,
            "ours, no language model" if search.arm == "operators" else "ours, language models",
            str(search.discoveries),
            rate.unit,
            f"{rate.interval.estimate:.3g}",
            f"{rate.interval.low:.3g} to {rate.interval.high:.3g}",
            "-" if rate.line_r2 is None else f"{rate.line_r2:.3f}",
        )
        for search in inputs.searches
        for rate in search.rates
    ]
    release = release_counted(inputs)
    if release.counts:
        each = f"{100 * release.counts[-1] / len(release.counts):.3g}"
        fit = "-" if release.r2 is None else f"{release.r2:.3f}"
        rows.append(("release", "the paper's", str(release.counts[-1]), "100 experiments", each, "", fit))
    return Table(
        caption=(
            "Discoveries per unit of compute, with 95% bootstrap intervals over experiments (too narrow: "
            "experiments with parents are not independent), and R² of a line through the cumulative count. "
            "The release counts membership of its gallery, so the two rates do not say which is better."
        ),
        header=("search", "whose", "discoveries", "unit", "rate", "95% interval", "R² of a line"),
        rows=tuple(rows),
        numeric=(2, 4, 5, 6),
    )
