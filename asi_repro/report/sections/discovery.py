"""Recorded searches of our own: the null that a language model's discoveries need beside them."""

from __future__ import annotations

from asi_repro.report.figures.searches import release_counted, search_drawing
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Paragraph, Table
from asi_repro.report.searches import Search
from asi_repro.results.retest import Retest
from asi_repro.text import counted


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
        *(block for retest in inputs.retests for block in _retested(retest)),
    )


def _about(search: Search) -> str:
    experiments = counted(search.experiments, "experiment")
    said = [f"{search.name}: {experiments} besides the baseline, {search.failed} failed."]
    if (setting := search.setting) is not None:
        items = "all" if setting.limit is None else f"the first {setting.limit}"
        said.append(
            f"Models of scale {setting.scale}, {setting.tokens:,} tokens of {setting.corpus}, {items} items "
            f"of {setting.tasks} tasks: far too small for their scores to say anything about architectures."
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


def _retested(retest: Retest) -> tuple[Block, ...]:
    """How many of a run's discoveries are real: the noise, and the winners trained again."""
    lead = (
        f"Are the discoveries of {retest.run} real? {retest.beats} of {retest.experiments} experiments beat "
        f"the baseline in both metrics; if all were equal, {retest.beats_by_chance:.3g} would. The best "
        f"{len(retest.winners)} of them and the baseline were trained again with fresh seeds: {retest.stay} "
        f"stay better in both, {retest.stay_beyond('loss')} in loss and {retest.stay_beyond('benchmark')} in "
        "accuracy by more than noise (p < 0.05 after Holm)."
    )
    rows = []
    for metric, noise in retest.noise.items():
        claimed, again = retest.shrinkage(metric) or (None, None)
        rows.append(
            (
                metric,
                f"{noise.deviation:.4f}",
                str(noise.better),
                str(noise.beyond),
                f"{noise.beyond_by_chance:.3g}",
                str(noise.beyond_corrected),
                "–" if claimed is None else f"{claimed:+.4f}",
                "–" if again is None else f"{again:+.4f}",
            )
        )
    table = Table(
        caption=(
            f"Differences of {retest.run} from its baseline beside the noise: the standard deviation of a "
            "seed, experiments that are better at all, by more than noise (one-sided p < 0.05), by chance if "
            "none were, and after Holm's correction; and the winners' mean advantage as the run claimed it "
            "and on fresh seeds."
        ),
        header=("metric", "noise", "better", "beyond", "by chance", "corrected", "claimed", "found again"),
        rows=tuple(rows),
        numeric=tuple(range(1, 8)),
    )
    return (Paragraph(lead), table) if rows else (Paragraph(lead),)
