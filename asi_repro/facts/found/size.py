"""Size, cost and age of the gallery's architectures against their results at 340M."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from asi_repro.archive.reader import Experiment
from asi_repro.claims.finding import Row
from asi_repro.facts.context import Context, Vector
from asi_repro.facts.measures import (
    bootstrap,
    correlates,
    correlation_found,
    median_interval,
    percent,
    share,
    shown,
)
from asi_repro.facts.outcome import Found, NotRun, beyond
from asi_repro.facts.registry import fact

# Parameters of the baselines in the surrounding architecture of the release's 340M models, as counted from
# this project's implementations (a test counts them again); see docs/reference/models.md.
BASELINE_PARAMETERS = {"DeltaNet": 411_752_448, "Gated DeltaNet": 462_282_624}
_LOSS = "train_loss_340m"


def sized(context: Context) -> tuple[list[Experiment], Vector]:
    """Trained architectures with a stated number of parameters, and these in millions."""
    programs = context.data.programs
    found = [e for e in context.trained if e.index in programs and programs[e.index].parameters]
    if len(found) < 3:
        raise NotRun("fewer than three trained architectures state their parameters")
    return found, np.asarray([(programs[e.index].parameters or 0) / 1e6 for e in found])


@fact("larger-than-deltanet")
def larger_than_deltanet(context: Context) -> Found:
    programs = [p for p in context.data.programs.values() if p.parameters]
    if not programs:
        raise NotRun("no program states its parameters")
    sizes = np.asarray([p.parameters or 0 for p in programs]) / BASELINE_PARAMETERS["DeltaNet"]
    small = int((sizes <= 1.01).sum())
    gated = BASELINE_PARAMETERS["Gated DeltaNet"] / BASELINE_PARAMETERS["DeltaNet"]
    interval = share(small, len(sizes))
    middle = median_interval(context, sizes)
    return Found(
        answer=beyond(interval, 0.5),
        sentence=f"{small} of {len(sizes)} ({percent(interval)}) have at most 1% more parameters than "
        f"DeltaNet's {BASELINE_PARAMETERS['DeltaNet'] / 1e6:.1f}M; the median has "
        f"{100 * (middle.estimate - 1):.1f}% [{100 * (middle.low - 1):.1f}, {100 * (middle.high - 1):.1f}] "
        f"more, and {int((sizes > 1.01 * gated).sum())} have over 1% more than Gated DeltaNet.",
        estimate=interval,
        rows=[
            {"index": p.index, "display_name": p.display_name, "times_deltanet": size}
            for p, size in sorted(zip(programs, sizes, strict=True), key=lambda pair: -pair[1])[:10]
        ],
    )


@fact("size-and-loss")
def size_and_loss(context: Context) -> Found:
    chosen, sizes = sized(context)
    return correlation_found(
        context,
        sizes,
        context.final_losses(chosen),
        f"Parameters and loss correlate at {{}} over {len(chosen)} architectures; parameters and score at "
        f"{correlates(sizes, context.scores_of(chosen))}.",
        falls=True,
    )


@fact("lower-loss-at-equal-size")
def lower_loss_at_equal_size(context: Context) -> Found:
    chosen, sizes = sized(context)
    x, losses = np.log(sizes), context.final_losses(chosen)
    if np.ptp(x) == 0:
        raise NotRun("all architectures have one size")
    rows: list[Row] = []
    for name, parameters in BASELINE_PARAMETERS.items():
        at = np.log(parameters / 1e6)

        def predicted(rows: np.ndarray, at: float = at) -> float:
            if np.ptp(x[rows]) == 0:
                return float(losses[rows].mean())
            slope, start = np.polyfit(x[rows], losses[rows], 1)
            return float(start + slope * at)

        interval = bootstrap(context, len(x), predicted, part=5)
        printed = context.paper.table2_baselines[name].values[_LOSS]
        row: Row = {"baseline": name, "parameters": parameters, "printed_loss": printed}
        row |= {"low": interval.low - printed, "high": interval.high - printed}
        rows.append(row | {"gallery_at_its_size": interval.estimate})
    gated = rows[-1]
    estimate = gated["gallery_at_its_size"] - gated["printed_loss"]
    interval = replace(interval, estimate=estimate, low=gated["low"], high=gated["high"])
    deltanet = rows[0]["gallery_at_its_size"] - rows[0]["printed_loss"]
    return Found(
        answer=beyond(interval.negated, 0.0),
        sentence=f"At {gated['parameters'] / 1e6:.1f}M parameters the line through {len(chosen)} "
        f"architectures lies {shown(interval, '+.4f')} nats from Gated DeltaNet's loss, and {deltanet:+.4f} "
        "from DeltaNet's at DeltaNet's size.",
        estimate=interval,
        rows=rows,
    )


@fact("slower-step")
def slower_step(context: Context) -> Found:
    results = context.sweep
    times = context.step_seconds
    reference = times.get("delta_net")
    rows = [row for row in results.architectures if row.name in times]
    if not reference or not rows:
        raise NotRun("no step time of DeltaNet was recorded")
    ratios = np.asarray([times[row.name] for row in rows]) / reference
    interval = median_interval(context, ratios)
    flops = {row.name: row.flops_per_token for row in results.models if row.flops_per_token}
    same = [flops[row.name] / flops["delta_net"] for row in rows if {row.name, "delta_net"} <= flops.keys()]
    cost = f", at {float(np.median(same)):.2f} times its FLOPs" if same else ""
    return Found(
        answer=beyond(interval.negated, -1.0),
        sentence=f"The median step takes {shown(interval)} times DeltaNet's over {len(rows)} "
        f"architectures{cost}; {int((ratios <= 1).sum())} are as fast.",
        estimate=interval,
        rows=[
            {"index": row.index, "display_name": row.title, "times_deltanet": ratio}
            for row, ratio in sorted(zip(rows, ratios, strict=True), key=lambda pair: -pair[1])[:10]
        ],
    )


@fact("later-is-better")
def later_is_better(context: Context) -> Found:
    chosen = context.scored
    loss = correlates([e.index for e in context.trained], context.final_losses(context.trained))
    return correlation_found(
        context,
        np.asarray([float(e.index) for e in chosen]),
        context.scores,
        f"Index and score correlate at {{}} over {len(chosen)} architectures, index and loss at {loss}.",
    )


@fact("programs-grow")
def programs_grow(context: Context) -> Found:
    programs = list(context.data.programs.values())
    if len(programs) < 3:
        raise NotRun("fewer than three programs were released")
    lines = np.asarray([float(p.lines) for p in programs])
    by_index = dict(zip((p.index for p in programs), lines, strict=True))
    trained = [e for e in context.trained if e.index in by_index]
    half = len(lines) // 2
    return correlation_found(
        context,
        np.asarray([float(p.index) for p in programs]),
        lines,
        f"Index and length correlate at {{}} over {len(lines)} programs (median "
        f"{np.median(lines[:half]):.0f} lines in the first half, {np.median(lines[half:]):.0f} in the "
        "second); length and loss at "
        f"{correlates([by_index[e.index] for e in trained], context.final_losses(trained))}.",
    )
