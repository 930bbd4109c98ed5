"""How the search went: its first experiments, its choice of parents, and its scores."""

from __future__ import annotations

import math
from collections import Counter
from statistics import median

from scipy import stats

from asi_repro.archive.reader import Experiment
from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, Row, Verdict, either, holds
from asi_repro.claims.paper_tables import STAGES
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
    from_root = len(early) - len(other)
    parts = [context.part(f"of the first {claimed} from the root", claimed, from_root, claimed - from_root)]
    return Finding(
        effect=f"{from_root} of the first {claimed}, and the first {before}",
        parts=parts,
        found=f"{len(early) - len(other)} of the first {len(early)} have the root as parent; "
        f"the first {before} do"
        + (f", index {first.index} is the first that does not" if first else " (all there are)"),
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
    )


@claim("parent-policy", "evolve-sampling")
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
    level = context.limit("level")
    corrected = 1 - (1 - level) / len(assumed)
    chosen = (
        ("strict", max(assumed, key=lambda row: row["among_top"]), "among_top", corrected),
        ("unseen left out", max(assumed, key=lambda row: row["of_seen"]), "of_seen", corrected),
        ("loosest", bound, "among_top", level),
    )
    parts, texts = [], []
    for reading, row, column, sure in chosen:
        size = row["seen"] if column == "of_seen" else len(children)
        low, high = share_interval(round(row[column] * size), size, sure)
        shown = f"{row[column]:.0%} [{low:.0%}, {high:.0%}]"
        verdict = either(row[column] >= obeys, high < obeys)
        texts.append(shown)
        parts.append(
            Part(f"parents among the {top} best, {row['schedule']}", f"{obeys:.0%}", shown, verdict, reading)
        )
    outside = [e for e in children if (ranks_by[loosest][e.index] or top + 1) > top]
    parents = Counter(e.parent for e in outside)
    error = math.sqrt(obeys * (1 - obeys) / len(children))
    return Finding(
        effect=f"{texts[0]} to {texts[2]} by the reading",
        parts=parts,
        found=f"{texts[0]} at best ({chosen[0][1]['schedule']}); {texts[1]} of the parents that the pool had "
        f"seen; {texts[2]} if drawn at any moment; {bound['among_pool']:.1%} among the {pool} best then",
        power=f"With {len(children):,} parents a true share of {obeys - 2.8 * error:.1%} would be told from "
        f"{obeys:.0%} in four cases of five.",
        method="Rank each parent by recorded score among the experiments of lower index, as the pool would "
        "have stood under each assumed schedule of refreshing.",
        figures={
            "experiments": len(children),
            "best_among_top": chosen[0][1]["among_top"],
            "best_among_top_of_seen": chosen[1][1]["of_seen"],
            "bound_among_top": bound["among_top"],
            "bound_among_pool": bound["among_pool"],
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
        "seen": len(known),
        "of_seen": sum(rank <= top for rank in known) / max(len(known), 1),
        "of_seen_among_pool": sum(rank <= pool for rank in known) / max(len(known), 1),
        "parent_not_in_pool_yet": (len(ranks) - len(known)) / count,
        "median_rank": median(known) if known else None,
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


def share_interval(count: int, size: int, level: float) -> tuple[float, float]:
    """The Clopper–Pearson interval of a share."""
    interval = stats.binomtest(count, size).proportion_ci(level)
    return float(interval.low), float(interval.high)


@claim("fitness-range")
def fitness_range(context: Context) -> Finding:
    low, high, terms = (context.figure(name) for name in ("low", "high", "terms"))
    best, top_mean, tolerance = context.figure("best"), context.figure("top_mean"), context.limit("tolerance")
    scored = [(e.score, e) for e in context.data.experiments if e.score is not None]
    values = sorted(scored, key=lambda pair: (pair[0], pair[1].index))
    if len(values) < best:
        raise NotCheckable(f"{len(values)} scores were recorded, fewer than the best {best} of Figure 6b")
    top = math.fsum(score for score, _ in values[-best:]) / best
    scale = min((1, terms), key=lambda divisor: abs(top / divisor - top_mean))
    outside = [e for score, e in values if not low <= score / scale <= high]
    smallest, largest = values[0][0] / scale, values[-1][0] / scale
    near = abs(top / scale - top_mean) <= tolerance
    parts = [
        Part(f"mean of the best {best}", f"{top_mean}", f"{top / scale:.4f}", holds(near)),
        context.part(
            f"scores in [{low}, {high}]",
            "all",
            f"{len(values) - len(outside):,} of {len(values):,}",
            len(outside),
        ),
    ]
    shown = f"recorded score / {scale}" if scale > 1 else "recorded score"
    return Finding(
        effect=f"{smallest:.3f} to {largest:.3f}; best {best}: {top / scale:.4f}",
        parts=parts,
        found=f"{shown}: {smallest:.4f} to {largest:.4f}, {len(outside):,} of {len(values):,} outside "
        f"[{low}, {high}]; mean of the best {best} {top / scale:.4f}",
        method=f"Take the recorded score as the sum of the {terms} terms or as their mean, whichever gives "
        "Figure 6b's last value, and list the least and greatest on that scale.",
        figures={
            "scores": len(values),
            "divided_by": scale,
            "smallest": smallest,
            "largest": largest,
            "outside": len(outside),
            "mean_of_best": top / scale,
        },
        evidence=[
            Evidence("lowest scores", SOURCE, [_row(e) for _, e in values[:5]]),
            Evidence("highest scores", SOURCE, [_row(e) for _, e in values[-5:]]),
            Evidence.first("scores outside the range on that scale", SOURCE, [_row(e) for e in outside]),
        ],
        notes=[f"On the scale of the release, up to {terms}, the claims and the report show recorded scores."]
        if scale > 1
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
        [e.score for e in gallery if e.score is not None], [score for score, e in scored if not e.in_gallery]
    )
    claimed = context.figure("architectures")
    missed = max(claimed, len(gallery)) - len(common)
    at_340m = _at_340m(context)
    parts = [
        context.part(
            f"gallery members in the top {size}",
            claimed,
            f"{len(common)} ({chance.expected:.1f} by chance, one-sided p = {chance.p_value:.2g})",
            missed,
            "by recorded score",
        ),
        at_340m,
    ]
    return Finding(
        effect=f"{len(common)} of {size} by score ({chance.expected:.1f} by chance)",
        parts=parts,
        power=f"By score: a complete count. At 340M: {at_340m.found}.",
        found=f"{len(common)} of the top {size} by score ({chance.expected:.1f} by chance, one-sided p = "
        f"{chance.p_value:.2g}), gallery ranks {ranks[0]} to {ranks[-1]:,}; at 340M {at_340m.found}",
        figures={
            "overlap": len(common),
            "expected_by_chance": chance.expected,
            "p_overlap": chance.p_value,
            "median_rank": median(ranks),
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
            f"A gallery member outscores an experiment outside it in {better:.0%} of pairs (Mann–Whitney, "
            f"one-sided p = {p_value:.2g}): better than the rest, but not the top by that score."
        ],
    )


def _at_340m(context: Context) -> Part:
    """The reading by which the gallery was chosen at 340M, with what results there are at that scale."""
    tasks, loss_column, score_column = context.figure("tasks"), *STAGES["340m"]
    bases = [context.paper.table2_baselines[name].values for name in context.figure("baselines")]
    inside: list[tuple[float, float]] = []
    outside: list[tuple[float, float]] = []
    for e in context.data.experiments:
        final, score = context.data.final_losses.get(e.index), context.data.mean_score(e.index, tasks)
        if final is not None and final.complete and score is not None:
            (inside if e.in_gallery else outside).append((final.loss, score))
    behind = [r for r in inside if any(r[0] >= b[loss_column] or r[1] <= b[score_column] for b in bases)]
    unknown = len(context.data.experiments) - len(context.data.gallery) - len(outside)
    worst_loss = max((loss for loss, _ in inside), default=math.inf)
    worst_score = min((score for _, score in inside), default=-math.inf)
    better = [r for r in outside if r[0] < worst_loss and r[1] > worst_score]
    found = (
        f"{len(inside) - len(behind)} of {len(inside)} of the gallery beat the baselines, {len(outside):,} "
        f"of {unknown + len(outside):,} others have results"
    )
    roots = len(context.data.archive.lineage.roots)
    verdict = either(bool(inside) and not behind and not better and unknown <= roots, bool(behind or better))
    if not inside:
        verdict = Verdict.NOT_CHECKABLE
    return Part("results at 340M", "the gallery's are the best", found, verdict, "at 340M")
