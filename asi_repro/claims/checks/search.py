"""How the search went: its first experiments, its choice of parents, and its scores."""

from __future__ import annotations

from collections import Counter

from asi_repro.archive.reader import Experiment
from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Row, Verdict, holds
from asi_repro.claims.pool import Schedule, parent_ranks, schedules
from asi_repro.claims.registry import claim
from asi_repro.results.statistics import overlap_by_chance, rank_probability

SOURCE = "archive/experiments"


def _row(e: Experiment) -> Row:
    return {"index": e.index, "display_name": e.label, "parent": e.parent, "score": e.score}


@claim("cold-start")
def cold_start(context: Context) -> Finding:
    claimed = context.figure("explorations")
    roots = set(context.data.archive.lineage.roots)
    explored = [e for e in context.data.experiments if e.index not in roots]
    early = explored[:claimed]
    other = [e for e in early if e.parent not in roots]
    adapted = [e for e in explored if e.parent not in roots]
    first = adapted[0] if adapted else None
    before = explored.index(first) if first else len(explored)
    late = [e for e in explored[before:] if e.parent in roots]
    return Finding(
        verdict=holds(not other and len(early) == claimed),
        found=f"{len(early) - len(other)} of the first {len(early)} have the root as parent; "
        f"the first {before} do"
        + (f", index {first.index} is the first that does not" if first else " (all there are)"),
        method="List the parents of the experiments after the root in index order.",
        figures={
            "from_root_among_first": len(early) - len(other),
            "first_all_from_root": before,
            "later_from_root": len(late),
        },
        evidence=[
            Evidence("early experiments with another parent", SOURCE, [_row(e) for e in other]),
            Evidence(
                "the last of the cold start", SOURCE, [_row(e) for e in explored[max(0, before - 3) : before]]
            ),
            Evidence("the first with another parent", SOURCE, [_row(e) for e in adapted[:5]]),
            Evidence("later ones from the root", SOURCE, [_row(e) for e in late]),
        ],
        notes=["That the root was the parent is what the tree shows; the database itself was not released."],
    )


@claim("parent-policy")
def parent_policy(context: Context) -> Finding:
    top, pool, obeys = context.figure("top"), context.figure("pool"), context.limit("obeys")
    start = context.figure("cold_start")
    children = context.data.experiments[1 + start :]
    if not children:
        raise NotCheckable(f"no experiment follows the {start} of the cold start")
    rows: list[Row] = []
    ranks_by: dict[str, dict[int, int | None]] = {}
    for schedule in schedules(context.figure("refresh")):
        ranks = parent_ranks(context.data.experiments, children, schedule)
        ranks_by[schedule.name] = ranks
        rows.append(_obedience(schedule, ranks, top, pool))
    *_, loosest = (row["schedule"] for row in rows if row["bound"])
    bound = next(row for row in rows if row["schedule"] == loosest)
    assumed = [row for row in rows if not row["bound"]]
    best = max(assumed, key=lambda row: row["among_top"])
    if best["among_top"] >= obeys:
        verdict = Verdict.REPRODUCED
    else:
        verdict = Verdict.CONTRADICTED if bound["among_top"] < obeys else Verdict.NOT_CHECKABLE
    outside = [e for e in children if (ranks_by[loosest][e.index] or top + 1) > top]
    parents = Counter(e.parent for e in outside)
    return Finding(
        verdict=verdict,
        found=f"{best['among_top']:.0%} at best ({best['schedule']}); {bound['among_top']:.0%} if drawn at "
        f"any moment; {best['among_pool']:.0%} among the {pool} best",
        method="Rank each parent by recorded score among the experiments of lower index, as the pool would "
        "have stood under each assumed schedule of refreshing.",
        figures={
            "experiments": len(children),
            "best_among_top": best["among_top"],
            "bound_among_top": bound["among_top"],
            "best_among_pool": best["among_pool"],
        },
        evidence=[
            Evidence("share that obeys, by assumption", SOURCE, rows),
            Evidence.first(
                f"parents never among the {top} best, with their children",
                SOURCE,
                _never(context, parents, ranks_by[loosest], outside),
                40,
            ),
        ],
        notes=[
            "A parent's rank only falls as experiments are added, so its rank when it was added bounds every "
            "schedule from above.",
            "Assumed: experiments were added in index order (for the loosest bound, up to one refresh out of "
            "it), and the pool is ordered by the recorded score.",
        ],
    )


def _obedience(schedule: Schedule, ranks: dict[int, int | None], top: int, pool: int) -> Row:
    known = [rank for rank in ranks.values() if rank is not None]
    count = max(len(ranks), 1)
    return {
        "schedule": schedule.name,
        "bound": schedule.bound,
        "among_top": sum(rank <= top for rank in known) / count,
        "among_pool": sum(rank <= pool for rank in known) / count,
        "parent_not_in_pool_yet": (len(ranks) - len(known)) / count,
        "median_rank": sorted(known)[len(known) // 2] if known else None,
    }


def _never(
    context: Context, parents: Counter[int | None], ranks: dict[int, int | None], outside: list[Experiment]
) -> list[Row]:
    return [
        {
            **_row(context.data.archive.get(parent)),
            "best_rank": ranks[next(e.index for e in outside if e.parent == parent)],
            "children": count,
        }
        for parent, count in parents.most_common()
        if parent is not None
    ]


@claim("fitness-range")
def fitness_range(context: Context) -> Finding:
    low, high = context.figure("low"), context.figure("high")
    scored = [(e.score, e) for e in context.data.experiments if e.score is not None]
    values = sorted(scored, key=lambda pair: (pair[0], pair[1].index))
    if not values:
        raise NotCheckable("no score was recorded")
    outside = [e for score, e in values if not low <= score <= high]
    smallest, largest = values[0][0], values[-1][0]
    terms = context.figure("terms")
    return Finding(
        verdict=holds(not outside),
        found=f"{smallest:.4f} to {largest:.4f}; {len(outside):,} of {len(values):,} outside [{low}, {high}]",
        method="Take the range of the recorded scores and count those outside.",
        figures={
            "scores": len(values),
            "smallest": smallest,
            "largest": largest,
            "outside": len(outside),
            "above_sum_of_terms": sum(score > terms * high for score, _ in values),
        },
        evidence=[
            Evidence("lowest scores", SOURCE, [_row(e) for _, e in values[:3]]),
            Evidence("highest scores", SOURCE, [_row(e) for _, e in values[-3:]]),
        ],
        notes=[f"All scores lie in [0, {terms}], as a sum of {terms} such terms would: they may be that."]
        if low <= smallest and largest <= terms * high
        else [],
    )


@claim("gallery-is-top")
def gallery_is_top(context: Context) -> Finding:
    scored = [(e.score, e) for e in context.data.experiments if e.score is not None]
    scored.sort(key=lambda pair: (-pair[0], pair[1].index))
    order = [e for _, e in scored]
    size = min(context.figure("architectures"), len(order))
    gallery = context.data.gallery
    if len({e.in_gallery for e in order}) < 2:
        raise NotCheckable("there are no scores inside and outside a gallery to compare")
    common = [e for e in order[:size] if e.in_gallery]
    chance = overlap_by_chance(len(common), len(gallery), size, len(order))
    places = {e.index: place for place, e in enumerate(order, 1)}
    ranks = sorted(places[e.index] for e in gallery if e.index in places)
    better, p_value = rank_probability(
        [e.score for e in gallery if e.score is not None],
        [score for score, e in scored if not e.in_gallery],
    )
    exact = len(common) == size == len(gallery) == context.figure("architectures")
    return Finding(
        verdict=holds(exact),
        found=f"{len(common)} of the top {size} ({chance.expected:.1f} by chance, p = {chance.p_value:.2g}); "
        f"gallery ranks {ranks[0]} to {ranks[-1]:,}",
        method="Sort the tree by recorded score, count gallery members at the top, and compare with the "
        "hypergeometric distribution.",
        figures={
            "overlap": len(common),
            "expected_by_chance": chance.expected,
            "p_overlap": chance.p_value,
            "median_rank": ranks[len(ranks) // 2],
            "best_rank": ranks[0],
            "worst_rank": ranks[-1],
            "p_gallery_scores_higher": better,
            "mann_whitney_p": p_value,
        },
        evidence=[
            Evidence(
                "gallery members at the top", SOURCE, [{"rank": places[e.index], **_row(e)} for e in common]
            ),
            Evidence.first(
                "top experiments outside the gallery",
                SOURCE,
                [{"rank": places[e.index], **_row(e)} for e in order[:size] if not e.in_gallery],
                10,
            ),
            Evidence(
                "lowest members of the gallery",
                SOURCE,
                [{"rank": places[e.index], **_row(e)} for e in order if e.in_gallery][-5:],
            ),
        ],
        notes=[
            f"A gallery member outscores an experiment outside it in {better:.0%} of pairs "
            f"(Mann–Whitney p = {p_value:.2g}): the gallery is better than the rest, but it is not the top."
        ],
    )
