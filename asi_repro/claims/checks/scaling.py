"""Figure 1: the count of state-of-the-art architectures over GPU hours."""

from __future__ import annotations

import numpy as np

from asi_repro.claims.context import Context
from asi_repro.claims.curves import Fit, fit_curves
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, Verdict, combine, holds
from asi_repro.claims.registry import claim
from asi_repro.results.statistics import Vector, fit_line, random_order_r2, uniform_distance

SOURCE = "paper/figure1.csv"


@claim("scaling-law")
def scaling_law(context: Context) -> Finding:
    if not context.data.gallery:
        raise NotCheckable("there is no gallery whose order could be compared")
    hours, counts = context.paper.figure1
    line = fit_line(hours, counts)
    fits = fit_curves(hours, counts)
    straight = next(fit for fit in fits if not fit.curve.bends)
    bent = next(fit for fit in fits if fit.curve.bends)
    margin = straight.aic - bent.aic
    null = _null(context)
    as_straight = float((null >= line.r2).mean())
    index_line, deviation, per_hour = _index_mapping(context)
    late = _uniformity(context)
    parts = [
        Part("R² of the line", "linear", f"{line.r2:.4f}", holds(line.r2 >= context.limit("r2"))),
        Part(
            "best bent curve against best straight line",
            "linear",
            f"{bent.curve.name}: AIC {margin:.1f} lower than {straight.curve.name}"
            if margin > 0
            else f"none better than {straight.curve.name}",
            holds(margin <= context.limit("aic")),
        ),
    ]
    low, middle, high = np.quantile(null, [0.025, 0.5, 0.975])
    return Finding(
        verdict=combine(parts),
        found=f"R² {line.r2:.3f} ({straight.curve.name}); a random order has {low:.3f} to {high:.3f}, "
        f"and is at least as straight in {as_straight:.0%} of draws",
        method="Least squares through Figure 1's points; Poisson fits of six curves to its increments, by "
        f"AIC; R² of {len(null):,} random choices of as many experiments, counted at the same points.",
        figures={
            "r2": line.r2,
            "slope_per_hour": line.slope,
            "intercept": line.intercept,
            "aic_margin_of_best_bent_curve": margin,
            "null_r2_low": low,
            "null_r2_median": middle,
            "null_r2_high": high,
            "share_of_null_at_least_as_straight": as_straight,
            "r2_by_index": index_line,
            "experiments_per_hour": per_hour,
            "largest_deviation_of_index_mapping": deviation,
            **late,
        },
        parts=parts,
        evidence=[
            Evidence("curves, best first", SOURCE, [_fit_row(fit, hours, counts) for fit in fits]),
            Evidence("points, line, and the gallery by index", SOURCE, _points(context, straight)),
            Evidence(
                "distribution of R² for a random order",
                "archive/experiments",
                [
                    {"quantile": q, "r2": float(np.quantile(null, q))}
                    for q in (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
                ],
            ),
        ],
        notes=[
            "A high R² is no evidence of a law: a cumulative count that gains at any steady rate is a line, "
            "and so is that of a gallery picked at random from the same experiments.",
            f"The axis fits the experiment index: with {per_hour:.3f} experiments an hour, the gallery's "
            f"count by index is never more than {deviation:.0f} from the figure. So the figure says that "
            "finds came at a steady rate per experiment.",
            "Kolmogorov–Smirnov against a constant rate over the index: p = "
            f"{late['uniform_p']:.2g} over all, {late['uniform_after_onset_p']:.2g} after the cold start.",
            "Figure 1's points were read off the picture; no hours were released.",
        ],
    )


def _hours_to_index(context: Context) -> float:
    """Experiments per GPU hour if the figure's last hour is the last experiment."""
    hours, _ = context.paper.figure1
    return context.data.experiments[-1].index / max(hours)


def _null(context: Context) -> Vector:
    """R² of random galleries, at the figure's hours mapped onto the index."""
    hours, _ = context.paper.figure1
    rate = _hours_to_index(context)
    places = [float(e.index) for e in context.data.experiments if e.parent is not None or e.in_gallery]
    points = [hour * rate for hour in hours]
    return random_order_r2(
        places,
        len(context.data.gallery),
        points,
        rng=context.rng(),
        resamples=context.settings.resamples,
    )


def _index_counts(context: Context) -> list[int]:
    """The gallery's cumulative count at the figure's hours mapped onto the index."""
    hours, _ = context.paper.figure1
    rate = _hours_to_index(context)
    indices = np.sort([e.index for e in context.data.gallery])
    return [int(n) for n in np.searchsorted(indices, [hour * rate for hour in hours], side="right")]


def _index_mapping(context: Context) -> tuple[float, float, float]:
    hours, counts = context.paper.figure1
    by_index = _index_counts(context)
    deviation = max(abs(a - b) for a, b in zip(by_index, counts, strict=True))
    return fit_line(hours, by_index).r2, float(deviation), _hours_to_index(context)


def _uniformity(context: Context) -> dict[str, float]:
    indices = [float(e.index) for e in context.data.gallery]
    root_children = [
        e.index for e in context.data.experiments if e.parent in context.data.archive.lineage.roots
    ]
    last = context.data.experiments[-1].index + 1
    adapted = [e.index for e in context.data.experiments if e.depth > 1]
    onset = float(min(adapted) if adapted else max(root_children, default=0))
    _, whole = uniform_distance(indices, 0, last)
    _, after = uniform_distance([i for i in indices if i >= onset], onset, last)
    return {"uniform_p": whole, "uniform_after_onset_p": after, "onset_index": onset}


def _fit_row(fit: Fit, hours: list[float], counts: list[int]) -> dict[str, object]:
    expected = fit.at(hours, hours[0], hours[-1])
    return {
        "curve": fit.curve.name,
        "parameters": len(fit.parameters),
        "bends": fit.curve.bends,
        "log_likelihood": fit.log_likelihood,
        "aic": fit.aic,
        "largest_deviation": float(np.abs(expected - np.asarray(counts)).max()),
    }


def _points(context: Context, fit: Fit) -> list[dict[str, object]]:
    hours, counts = context.paper.figure1
    expected = fit.at(hours, hours[0], hours[-1])
    rate = _hours_to_index(context)
    return [
        {
            "gpu_hours": hour,
            "cumulative_sota": count,
            "fitted": float(value),
            "index": int(hour * rate),
            "gallery_up_to_index": by_index,
        }
        for hour, count, value, by_index in zip(hours, counts, expected, _index_counts(context), strict=True)
    ]


@claim("gpu-hours")
def gpu_hours(context: Context) -> Finding:
    hours, counts = context.paper.figure1
    complete = next(hour for hour, count in zip(hours, counts, strict=True) if count == counts[-1])
    total, exploration = context.figure("total"), context.figure("exploration")
    tolerance = context.limit("tolerance")
    near = [value for value in (total, exploration) if abs(complete - value) <= tolerance * value]
    parts = [
        Part("hours of the runs", f"{total:,}", "no log of hours was released", Verdict.NOT_CHECKABLE),
        Part(
            "hours at Figure 1's last find",
            f"{total:,} or {exploration:,}",
            f"{complete:,.0f}",
            holds(bool(near)),
        ),
    ]
    return Finding(
        verdict=combine(parts),
        found=f"Figure 1 has all {counts[-1]} at {complete:,.0f} GPU hours; no log was released",
        method="Compare the hours at which Figure 1's count is complete with the stated totals.",
        figures={
            "hours_at_last_find": complete,
            "architectures": counts[-1],
            "hours_per_experiment": complete / context.data.experiments[-1].index,
        },
        parts=parts,
        evidence=[
            Evidence(
                "Figure 1's first and last points",
                SOURCE,
                [{"gpu_hours": hours[i], "cumulative_sota": counts[i]} for i in (0, -2, -1)],
            )
        ],
        notes=[
            "Three numbers are given for one search, and nothing says which hours the figure's axis counts: "
            "the paper's text and its figure do not agree as they stand."
        ],
    )
