"""Figure 1: the count of state-of-the-art architectures over GPU hours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize, stats

from asi_repro.claims.context import Context
from asi_repro.claims.curves import Fit, fit_curves
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, holds
from asi_repro.claims.registry import claim
from asi_repro.results.statistics import Vector, fit_line, random_order_r2, uniform_distance

SOURCE = "paper/figure1.csv"


@claim("scaling-law")
def scaling_law(context: Context) -> Finding:
    if not context.data.gallery:
        raise NotCheckable("there is no gallery whose order could be compared")
    hours, counts = context.paper.figure1
    line = fit_line(hours, counts)
    fits = context.data.once(("fits", tuple(counts)), lambda: fit_curves(hours, counts))
    bent = next(fit for fit in fits if fit.curve.bends)
    most = context.limit("aic")
    parts = []
    for reading, name in (("strict", "line"), ("lenient", "line after an onset")):
        straight = next(fit for fit in fits if fit.curve.name == name)
        margin = straight.aic - bent.aic
        against = f"AIC {margin:+.1f} against {bent.curve.name}"
        parts.append(Part(name, f"at most {most:g} behind", against, holds(margin <= most), reading))
    straight = next(fit for fit in fits if not fit.curve.bends)
    null = context.data.once(("null", context.settings, tuple(counts)), lambda: _null(context))
    as_straight = float((null >= line.r2).mean())
    axis = axis_of(hours, counts, [e.index for e in context.data.gallery])
    late = _uniformity(context)
    low, middle, high = np.quantile(null, [0.025, 0.5, 0.975])
    ratio = detectable_rate_ratio(counts[-1] - counts[0], most)
    return Finding(
        effect=f"line {parts[0].found[: parts[0].found.index(' against')]}; after an onset "
        f"{parts[1].found[4 : parts[1].found.index(' against')]}",
        found=f"plain line (R² {line.r2:.3f}): {parts[0].found}; after an onset: {parts[1].found}; a random "
        f"order has R² {low:.3f} to {high:.3f}, at least as straight in {as_straight:.0%} of draws",
        method="Poisson fits of six curves to the increments of Figure 1's points, by AIC; least squares and "
        f"R² beside {len(null):,} random choices of as many experiments, counted at the same points.",
        figures={
            "r2": line.r2,
            "slope_per_hour": line.slope,
            "intercept": line.intercept,
            "aic_behind_best_bent_curve": straight.aic - bent.aic,
            "aic_of_plain_line_behind": next(f for f in fits if f.curve.name == "line").aic - bent.aic,
            "null_r2_lowest": float(null[0]),
            "null_r2_low": low,
            "null_r2_median": middle,
            "null_r2_high": high,
            "share_of_null_at_least_as_straight": as_straight,
            "hours_per_experiment": axis["hours_per_experiment"],
            "points_that_the_axis_explains": axis["points"],
            **late,
        },
        parts=parts,
        power=f"R² cannot decide: the lowest of {len(null):,} random orders has {null[0]:.3f}. The "
        f"comparison by AIC finds a rate that changes half-way by a factor of {ratio:.1f} in four cases of "
        f"five, and calls a constant rate bent in {false_alarm(most):.1%} of cases, a bound for the four "
        "bent curves together.",
        evidence=[
            Evidence("curves, best first", SOURCE, [_fit_row(fit, hours, counts) for fit in fits]),
            Evidence("points, line, and the gallery by index", SOURCE, _points(context, straight, axis)),
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
            f"The k-th point is the number of gallery members with an index below {axis['batch']} "
            f"{'k' if axis['shift'] else '(k - 1)'}, at {axis['points']} of {len(hours)} points: the axis is "
            f"the experiment's index, at {axis['hours_per_experiment']:.1f} GPU hours each, and no measured "
            "hours.",
            "Kolmogorov–Smirnov against a constant rate over the index: p = "
            f"{late['uniform_p']:.2g} over all, {late['uniform_after_onset_p']:.2g} after the cold start.",
            "Figure 1's points were read off the picture; no hours were released.",
        ],
    )


def axis_of(hours: Sequence[float], counts: Sequence[int], indices: Sequence[int]) -> dict[str, float]:
    """How the figure's axis counts experiments: the whole batch of indices that explains most points.

    The k-th point, counted from 1, is taken as the number of `indices` below batch × (k - 1 + shift); a
    shift of 1 says that a batch is counted where it begins.

    Returns:
        `batch`, `shift`, `points` explained, and `hours_per_experiment`.
    """
    ordered, places = np.sort(np.asarray(indices)), np.arange(len(hours))
    best = {"points": -1.0}
    for shift in (1, 0):
        for batch in range(1, 201):
            explained = np.searchsorted(ordered, batch * (places + shift)) == np.asarray(counts)
            if explained.sum() > best["points"]:
                best = {"points": int(explained.sum()), "batch": batch, "shift": shift}
    return best | {"hours_per_experiment": (hours[1] - hours[0]) / best["batch"]}


def detectable_rate_ratio(finds: int, aic: float) -> float:
    """By what factor a rate must change half-way for its AIC to win by `aic` in four cases of five.

    From the likelihood ratio's noncentral chi-square with one degree of freedom.
    """
    needed = optimize.brentq(lambda nc: stats.ncx2.sf(aic + 2, 1, nc) - 0.8, 1e-6, 1e4)

    def lacking(log_ratio: float) -> float:
        share = 1 / (1 + np.exp(-log_ratio))
        both = share * np.log(2 * share) + (1 - share) * np.log(2 * (1 - share))
        return float(2 * finds * both - needed)

    return float(np.exp(optimize.brentq(lacking, 1e-9, 20))) if lacking(20) > 0 else float("inf")


def false_alarm(aic: float) -> float:
    """The most often that one of the four bent curves beats a true line by `aic`, by Bonferroni."""
    return float(sum(stats.chi2.sf(aic + 2 * extra, extra) for extra in (1, 1, 2, 2)))


def _null(context: Context) -> Vector:
    """R² of random galleries, counted as the figure's axis does."""
    hours, counts = context.paper.figure1
    places = [float(e.index) for e in context.data.experiments if e.parent is not None or e.in_gallery]
    axis = axis_of(hours, counts, [e.index for e in context.data.gallery])
    null = random_order_r2(
        places,
        len(context.data.gallery),
        _last_indices(hours, axis),
        rng=context.rng(),
        resamples=context.settings.resamples,
    )
    if not len(null):
        raise NotCheckable("the figure's axis does not fit the gallery's indices at all")
    return null


def _last_indices(hours: Sequence[float], axis: dict[str, float]) -> list[float]:
    """The last index that each point counts."""
    return [axis["batch"] * (place + axis["shift"]) - 1 for place in range(len(hours))]


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


def _points(context: Context, fit: Fit, axis: dict[str, float]) -> list[dict[str, object]]:
    hours, counts = context.paper.figure1
    expected = fit.at(hours, hours[0], hours[-1])
    indices = np.sort([e.index for e in context.data.gallery])
    lasts = _last_indices(hours, axis)
    return [
        {
            "gpu_hours": hour,
            "cumulative_sota": count,
            "fitted": float(value),
            "index": int(last),
            "gallery_up_to_index": int(np.searchsorted(indices, last, side="right")),
        }
        for hour, count, value, last in zip(hours, counts, expected, lasts, strict=True)
    ]


@claim("gpu-hours")
def gpu_hours(context: Context) -> Finding:
    hours, counts = context.paper.figure1
    complete = next(hour for hour, count in zip(hours, counts, strict=True) if count == counts[-1])
    total, exploration = context.figure("total"), context.figure("exploration")
    tolerance = context.limit("tolerance")
    near = any(abs(complete - value) <= tolerance * value for value in (total, exploration))
    axis = axis_of(hours, counts, [e.index for e in context.data.gallery])
    each, last = axis["hours_per_experiment"], context.data.experiments[-1].index
    parts = [
        Part("hours at Figure 1's last find", context.claimed, f"{complete:,.0f}", holds(near), "strict"),
        Part(
            "hours at Figure 1's last find",
            f"at most {total:,}",
            f"{complete:,.0f}",
            holds(complete <= total * (1 + tolerance)),
            "lenient",
        ),
    ]
    return Finding(
        effect=f"{complete:,.0f} GPU hours on Figure 1's axis",
        found=f"Figure 1 has all {counts[-1]} at {complete:,.0f} GPU hours, {each:.1f} an experiment: "
        f"{each * last:,.0f} for {last:,} indices; no log was released",
        figures={
            "hours_at_last_find": complete,
            "architectures": counts[-1],
            "hours_per_experiment": each,
            "points_that_the_axis_explains": axis["points"],
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
            f"The axis counts experiments at {each:.1f} hours each (see scaling-law), so it ends where they "
            "do. Nothing says which hours these are: the text and the figure do not agree as they stand."
        ],
    )
