"""How the search went on, and how what it found descends from one another."""

from __future__ import annotations

from collections import Counter

import numpy as np
from scipy import stats

from asi_repro.archive.reader import Experiment
from asi_repro.claims.finding import Row
from asi_repro.facts.context import Context
from asi_repro.facts.measures import percent, permutation_p, share, shown, within_blocks
from asi_repro.facts.outcome import Answer, Estimate, Found, NotRun, beyond, tested
from asi_repro.facts.registry import fact
from asi_repro.results.statistics import trend

# Experiments of one time: as many as the paper adds to its pool at once.
BLOCK = 50


def later(context: Context) -> list[Experiment]:
    """Scored experiments whose parent is scored and is not the root, in index order."""
    known = {e.index: e for e in context.data.experiments if e.score is not None}
    roots = set(context.data.archive.lineage.roots)
    found = [e for e in known.values() if e.parent in known and e.parent not in roots]
    if len(found) < 3:
        raise NotRun("fewer than three experiments have a scored parent other than the root")
    return found


def blocks(experiments: list[Experiment]) -> list[int]:
    """The number of each experiment's block of 50 indices."""
    return [e.index // BLOCK for e in experiments]


@fact("new-best-scores")
def new_best_scores(context: Context) -> Found:
    scored = [e for e in context.data.experiments if e.score is not None]
    if not scored:
        raise NotRun("no experiment has a score")
    records: list[tuple[int, Experiment]] = []
    for place, e in enumerate(scored, 1):
        if not records or (e.score or 0) > (records[-1][1].score or 0):
            records.append((place, e))
    place, best = records[-1]
    p_value = place / len(scored)
    interval = share(place, len(scored))
    return Found(
        answer=Answer.YES if p_value < 0.05 else Answer.NO if p_value > 0.5 else Answer.UNKNOWN,
        sentence=f"The last of {len(records)} records, {best.score:.3f}, is experiment {place:,} of "
        f"{len(scored):,} (index {best.index}): {percent(share(len(scored) - place, len(scored)))} of the "
        "search came after it and found none.",
        estimate=interval,
        numbers={"p": p_value},
        p_value=p_value if p_value <= 0.5 else None,
        rows=[{"index": e.index, "display_name": e.label, "score": e.score} for _, e in records],
    )


@fact("scores-still-rise")
def scores_still_rise(context: Context) -> Found:
    scored = [e for e in context.data.experiments if e.score is not None]
    parts = [scored[start : start + BLOCK] for start in range(0, len(scored) - BLOCK + 1, BLOCK)]
    rows: list[Row] = [
        {
            "first_index": part[0].index,
            "experiments": len(part),
            "median": float(np.median([e.score or 0.0 for e in part])),
        }
        for part in parts
    ]
    first, second = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    if len(first) < 2:
        raise NotRun(f"fewer than {4 * BLOCK} experiments have a score")
    found = trend([row["first_index"] for row in second], [row["median"] for row in second])
    middle, low, high = (1000 * v for v in (found.slope.estimate, found.slope.low, found.slope.high))
    slope = Estimate(middle, low, high, len(second), "Sen's, of the Theil-Sen slope")
    return Found(
        answer=tested(slope.estimate, found.p_value),
        sentence=f"The median of {BLOCK} experiments changes by {shown(slope, '+.3f')} per 1,000 "
        f"experiments over the {len(second)} medians of the second half; over the {len(first)} of the first "
        f"half it went from {first[0]['median']:.2f} to {first[-1]['median']:.2f}.",
        estimate=slope,
        p_value=found.p_value,
        rows=rows,
    )


@fact("child-beats-parent")
def child_beats_parent(context: Context) -> Found:
    children = later(context)
    scores = {e.index: e.score or 0.0 for e in context.data.experiments}
    own = np.asarray([scores[e.index] for e in children])
    parents = np.asarray([scores[e.parent or 0] for e in children])
    better = int((own > parents).sum())
    interval = share(better, len(children))
    rng, labels = context.rng(), blocks(children)
    others = np.mean([(own[within_blocks(labels, rng)] > parents).mean() for _ in range(200)])
    p_value = float(stats.binomtest(better, len(children)).pvalue)
    return Found(
        answer=tested(interval.estimate - 0.5, p_value),
        sentence=f"{better} of {len(children):,} children ({percent(interval)}) score higher than their "
        f"parent; of experiments of the same time with any parent {100 * float(others):.1f}% score higher "
        "than it.",
        estimate=interval,
        p_value=p_value,
    )


@fact("better-parents-better-children")
def better_parents_better_children(context: Context) -> Found:
    children = later(context)
    scores = {e.index: e.score or 0.0 for e in context.data.experiments}
    labels = np.asarray(blocks(children))
    own = _ranked_within([scores[e.index] for e in children], labels)
    parents = _ranked_within([scores[e.parent or 0] for e in children], labels)
    observed = _product(own, parents)
    rng = context.rng()
    _, p_value = permutation_p(
        observed,
        lambda: _product(own[within_blocks(labels.tolist(), rng)], parents),
        context.settings.resamples // 5,
        centre=0.0,
    )
    families = _by_parent(children)
    draws = []
    for _ in range(context.settings.resamples // 5):
        rows = np.concatenate([families[k] for k in rng.integers(0, len(families), len(families))])
        draws.append(_product(own[rows], parents[rows]))
    low, high = np.quantile(draws, [0.025, 0.975])
    interval = Estimate(observed, float(low), float(high), len(children), "bootstrap over parents")
    raw = stats.spearmanr([scores[e.index] for e in children], [scores[e.parent or 0] for e in children])
    return Found(
        answer=tested(observed, p_value),
        sentence=f"Within the same 50 indices parent's and child's score correlate at {shown(interval)} "
        f"over {len(children):,} children of {len(families)} parents; over the whole run, where both rise, "
        f"at {raw.statistic:.2f}.",
        estimate=interval,
        p_value=p_value,
    )


def _ranked_within(values: list[float], labels: np.ndarray) -> np.ndarray:
    """Ranks within each block, centred, and scaled to a spread of one."""
    array, ranks = np.asarray(values), np.zeros(len(values))
    for label in np.unique(labels):
        inside = labels == label
        found = stats.rankdata(array[inside])
        ranks[inside] = (found - found.mean()) / max(len(found) - 1, 1)
    return ranks


def _product(a: np.ndarray, b: np.ndarray) -> float:
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale else 0.0


def _by_parent(children: list[Experiment]) -> list[np.ndarray]:
    places: dict[int | None, list[int]] = {}
    for place, e in enumerate(children):
        places.setdefault(e.parent, []).append(place)
    return [np.asarray(found) for found in places.values()]


def branch_of(context: Context, index: int) -> int:
    """The child of the root that an experiment descends from, or is."""
    lineage = context.data.archive.lineage
    line = [index, *lineage.ancestors(index)]
    return line[-2] if len(line) > 1 else index


@fact("one-early-design")
def one_early_design(context: Context) -> Found:
    lineage = context.data.archive.lineage
    roots = set(lineage.roots)
    experiments = [e for e in context.data.experiments if e.index not in roots]
    inside = np.asarray([e.in_gallery for e in experiments])
    if not inside.any():
        raise NotRun("there is no gallery")
    branches = np.asarray([branch_of(context, e.index) for e in experiments])
    (first, count), total = Counter(branches[inside].tolist()).most_common(1)[0], int(inside.sum())
    below = branches == first
    rng, labels = context.rng(), blocks(experiments)
    null, p_value = permutation_p(
        count / total,
        lambda: float(below[within_blocks(labels, rng)][inside].mean()),
        context.settings.resamples // 5,
    )
    interval = share(count, total)
    whole = share(int(below.sum()), len(experiments))
    rows: list[Row] = [
        {"index": branch, "gallery_below": number, "experiments_below": int((branches == branch).sum())}
        for branch, number in Counter(branches[inside].tolist()).most_common(10)
    ]
    return Found(
        answer=beyond(interval, 0.5),
        sentence=f"{count} of {total} ({percent(interval)}) descend from experiment {first}, as do "
        f"{percent(whole)} of all {len(experiments):,}; the gallery comes from {len(rows)} of "
        f"{len(set(branches.tolist()))} first designs.",
        estimate=interval,
        numbers={"expected": 100 * null.mean(), "p": p_value},
        rows=rows,
    )


@fact("gallery-begets-gallery")
def gallery_begets_gallery(context: Context) -> Found:
    experiments = context.data.experiments
    inside = np.asarray([e.in_gallery for e in experiments])
    total = int(inside.sum())
    if not total:
        raise NotRun("there is no gallery")
    place = {e.index: number for number, e in enumerate(experiments)}
    parent = np.asarray([place.get(e.parent, -1) if e.parent is not None else -1 for e in experiments])

    def with_ancestor(members: np.ndarray) -> int:
        below = np.zeros(len(parent), dtype=bool)
        for number, above in enumerate(parent):
            below[number] = above >= 0 and (below[above] or members[above])
        return int((below & members).sum())

    count = with_ancestor(inside)
    rng, labels = context.rng(), blocks(experiments)
    null, p_value = permutation_p(
        count / total,
        lambda: with_ancestor(inside[within_blocks(labels, rng)]) / total,
        context.settings.resamples // 5,
    )
    interval = share(count, total)
    direct = sum(bool(inside[parent[n]]) for n in np.flatnonzero(inside) if parent[n] >= 0)
    return Found(
        answer=tested(interval.estimate - float(null.mean()), p_value),
        sentence=f"{count} of {total} ({percent(interval)}) have an ancestor in the gallery, {direct} of "
        f"them as parent; {100 * null.mean():.1f}% of equally many experiments of the same time would.",
        estimate=interval,
        p_value=p_value,
    )
