"""What the gallery's programs are: how alike, and what in them was kept, finished or of no effect."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from statistics import median

import numpy as np
from scipy import stats

from asi_repro.archive.reader import Program
from asi_repro.claims.finding import Row
from asi_repro.facts.context import Context, Vector
from asi_repro.facts.measures import (
    bootstrap,
    correlates,
    correlation_found,
    listed,
    percent,
    permutation_p,
    share,
    shown,
)
from asi_repro.facts.outcome import Found, NotRun, tested, yes_if
from asi_repro.facts.registry import fact
from asi_repro.facts.similarity import similarities
from asi_repro.verify.program_text import parsed

_COPY = 0.8
_STEPS = re.compile(r"_steps?$|_iters?$")
_START = re.compile(r"(^|_)start_")


def alike(context: Context) -> tuple[list[Program], Vector]:
    """The programs in index order and how alike each two are, worked out once."""
    programs = list(context.data.programs.values())
    if len(programs) < 3:
        raise NotRun("fewer than three programs were released")
    table = context.data.once("similarities", lambda: similarities([p.source for p in programs]))
    return programs, table


@fact("near-copies")
def near_copies(context: Context) -> Found:
    programs, table = alike(context)
    others = table - np.eye(len(programs))
    nearest = others.max(axis=1)
    copies = int((nearest >= _COPY).sum())
    interval = share(copies, len(programs))
    pairs = sorted(
        ((table[i, j], i, j) for i in range(len(programs)) for j in range(i)), key=lambda pair: -pair[0]
    )
    between = np.asarray([pair[0] for pair in pairs])
    rows: list[Row] = [
        {
            "index": programs[j].index,
            "display_name": programs[j].display_name,
            "other": programs[i].index,
            "similarity": value,
            "parent_and_child": programs[i].parent == programs[j].index,
        }
        for value, i, j in pairs[:12]
    ]
    return Found(
        answer=yes_if(copies > 0),
        sentence=f"{copies} of {len(programs)} programs ({percent(interval)}) share at least "
        f"{100 * _COPY:.0f}% with another; the median program shares {100 * float(np.median(nearest)):.0f}% "
        f"with its nearest, and two programs share {100 * float(np.median(between)):.0f}% in the median.",
        estimate=interval,
        numbers={"at_70": (nearest >= 0.7).sum(), "at_90": (nearest >= 0.9).sum()},
        rows=rows,
    )


@fact("alike-programs-alike-losses")
def alike_programs_alike_losses(context: Context) -> Found:
    programs, table = alike(context)
    place = {p.index: number for number, p in enumerate(programs)}
    chosen = [e for e in context.trained if e.index in place]
    if len(chosen) < 4:
        raise NotRun("fewer than four trained architectures have a program")
    rows = [place[e.index] for e in chosen]
    near = table[np.ix_(rows, rows)]
    losses = context.final_losses(chosen)
    upper = np.triu_indices(len(chosen), 1)
    ranks = stats.rankdata(near[upper])
    if np.ptp(ranks) == 0:
        raise NotRun("all programs are as alike as any other two")
    ranks = (ranks - ranks.mean()) / ranks.std()

    def agreement(values: Vector) -> float:
        apart = stats.rankdata(np.abs(values[:, None] - values[None, :])[upper])
        apart = (apart - apart.mean()) / (apart.std() or 1.0)
        return float(-(ranks @ apart) / len(apart))

    observed = agreement(losses)
    rng = context.rng()
    _, p_value = permutation_p(
        observed, lambda: agreement(rng.permutation(losses)), context.settings.resamples // 5, centre=0.0
    )

    def resampled(picked: np.ndarray) -> float:
        values, closeness = losses[picked], near[np.ix_(picked, picked)][upper]
        distinct = (picked[:, None] != picked[None, :])[upper]
        apart = np.abs(values[:, None] - values[None, :])[upper]
        return float(-stats.spearmanr(closeness[distinct], apart[distinct]).statistic)

    interval = bootstrap(context, len(chosen), resampled, rng=rng, part=20)
    return Found(
        answer=tested(observed, p_value),
        sentence=f"Similarity and closeness of the final loss correlate at {shown(interval)} over "
        f"{len(upper[0]):,} pairs of {len(chosen)} architectures.",
        estimate=interval,
        p_value=p_value,
    )


def step_limits(source: str) -> Iterator[tuple[str, int]]:
    """Default values of arguments that say at which step a schedule ends: (name, steps)."""
    tree = parsed(source)
    seen = set()
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.FunctionDef):
            plain, named = node.args.args, node.args.kwonlyargs
            first = len(plain) - len(node.args.defaults)
            pairs = [*zip(plain[first:], node.args.defaults, strict=True)]
            pairs += [(a, d) for a, d in zip(named, node.args.kw_defaults, strict=True) if d is not None]
            for argument, default in pairs:
                value, name = default.value if isinstance(default, ast.Constant) else None, argument.arg
                if not isinstance(value, int) or isinstance(value, bool) or (name, value) in seen:
                    continue
                if _STEPS.search(name) and not _START.search(name):
                    seen.add((name, value))
                    yield name, value


@fact("schedules-end-in-training")
def schedules_end_in_training(context: Context) -> Found:
    last = max((final.last_step for final in context.data.final_losses.values()), default=0)
    found = {p: [*step_limits(p.source)] for p in context.data.programs.values()}
    scheduled = {p: limits for p, limits in found.items() if any(steps > 0 for _, steps in limits)}
    if not scheduled or not last:
        raise NotRun("no program has a schedule counted in steps, or no curve was released")
    inside = [p for p, limits in scheduled.items() if all(steps <= last for _, steps in limits)]
    interval = share(len(inside), len(scheduled))
    longest = [max(steps for _, steps in limits) for limits in scheduled.values()]
    rows: list[Row] = [
        {
            "index": p.index,
            "display_name": p.display_name,
            "schedule": name,
            "steps": steps,
            "share_run": min(1.0, last / steps),
        }
        for p, limits in scheduled.items()
        for name, steps in limits
        if steps > last
    ]
    return Found(
        answer=yes_if(len(inside) == len(scheduled)),
        sentence=f"In {len(inside)} of {len(scheduled)} programs with such schedules ({percent(interval)}) "
        f"all can end by step {last:,}; in {len(scheduled) - len(inside)} one is longer, up to "
        f"{max(longest):,} steps (median of the longest: {median(longest):,.0f}).",
        estimate=interval,
        rows=rows,
    )


@fact("checkpoint-holds-everything")
def checkpoint_holds_everything(context: Context) -> Found:
    failing, history = context.failing("checkpoint"), context.failing("eval_history")
    total = len(context.certificates)
    interval = share(len(failing), total)
    beside = _loss_by(context, set(failing))
    rows: list[Row] = [
        {
            "index": index,
            "display_name": context.certificates[index].display_name,
            "also_depends_on_what_was_evaluated_before": index in history,
        }
        for index in failing
    ]
    return Found(
        answer=yes_if(not failing),
        sentence=f"{len(failing)} of {total} programs ({percent(interval)}) give another output after they "
        f"are saved and loaded, and of these {len(set(failing) & set(history))} also give another output "
        f"for the same input after other inputs{beside}.",
        estimate=interval,
        rows=rows,
    )


def _loss_by(context: Context, marked: set[int]) -> str:
    """A clause on the final loss of the marked architectures against the others'."""
    inside = [e for e in context.trained if e.index in marked]
    outside = [e for e in context.trained if e.index not in marked]
    if min(len(inside), len(outside)) < 3:
        return ""
    ours, theirs = context.final_losses(inside), context.final_losses(outside)
    p_value = float(stats.mannwhitneyu(ours, theirs).pvalue)
    apart = float(np.median(ours) - np.median(theirs))
    return f"; their median loss is {apart:+.4f} from that of the others (p = {p_value:.2g})"


@fact("every-parameter-acts")
def every_parameter_acts(context: Context) -> Found:
    failing, total = context.failing("dead_parameters"), len(context.certificates)
    interval = share(len(failing), total)
    rows: list[Row] = [
        {"index": index, "display_name": context.certificates[index].display_name, "parameter": str(name)}
        for index in failing
        for name in context.certificates[index].row("dead_parameters").detail.get("dead", {})
    ]
    return Found(
        answer=yes_if(not failing),
        sentence=f"{len(failing)} of {total} programs ({percent(interval)}) have parameters without effect: "
        f"{listed(failing)}.",
        estimate=interval,
        rows=rows,
    )


@fact("costlier-programs-lower-loss")
def costlier_programs_lower_loss(context: Context) -> Found:
    certificates = context.certificates
    cost = {index: one.row("flops_token_340m").value for index, one in certificates.items()}
    chosen = [e for e in context.trained if cost.get(e.index)]
    if len(chosen) < 3:
        raise NotRun("fewer than three trained architectures have a measured cost")
    flops = np.asarray([float(cost[e.index] or 0) for e in chosen])
    return correlation_found(
        context,
        flops,
        context.final_losses(chosen),
        f"FLOPs of a token and loss correlate at {{}} over {len(chosen)} architectures, which take "
        f"{flops.min() / 1e6:.0f} to {flops.max() / 1e6:.0f} MFLOPs; FLOPs and score at "
        f"{correlates(flops, context.scores_of(chosen))}.",
        falls=True,
    )
