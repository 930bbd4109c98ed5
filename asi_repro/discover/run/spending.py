"""What each experiment of a run took: evaluations, seconds, tokens and dollars, as far as it is recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Optional

from asi_repro.discover.run.folder import COMMITS, DiscoveryRun
from asi_repro.discover.run.traces import run_spans, span_times
from asi_repro.llm.usage import Usage

UNITS = ("evaluations", "seconds", "tokens", "usd")
Spending = dict[str, Optional[tuple[float, ...]]]
"""By unit, one number an experiment; None where the run does not record it."""
NOTHING: Spending = dict.fromkeys(UNITS)


def own_spending(run: DiscoveryRun, indices: Sequence[int]) -> Spending:
    """Of a run of the loop, from its traces and wall times.

    Evaluations are trainings, repaired programs included. Seconds are from an experiment's first span to its
    last: with several workers their sum is more than the time on the wall. Of a run that was reproduced from
    its record there are only the times of the reproduction, which are left out.

    Raises:
        DataError: where a trace is damaged.
    """
    evaluations: dict[int, float] = defaultdict(float)
    tokens: dict[int, float] = defaultdict(float)
    dollars: dict[int, float | None] = defaultdict(float)
    seen = set()
    for span in run_spans(run):
        index, attributes = _index(span["session"]), span["attributes"]
        seen.add(index)
        evaluations[index] += "lab.key" in attributes
        if "llm.response" in attributes:
            tokens[index] += Usage.of(attributes["llm.response"]).total
            cost, before = attributes.get("llm.cost.total"), dollars[index]
            dollars[index] = None if cost is None or before is None else before + cost
    if not seen.issuperset(indices):
        return NOTHING
    begun: dict[int, int] = {}
    ended: dict[int, int] = {}
    for times in () if (run.folder / COMMITS).is_file() else span_times(run):
        index = _index(times["session"])
        begun[index] = min(begun.get(index, times["start_ns"]), times["start_ns"])
        ended[index] = max(ended.get(index, times["end_ns"]), times["end_ns"])
    seconds = {index: (ended[index] - begun[index]) / 1e9 for index in ended}
    return {
        "evaluations": _listed({index: evaluations[index] for index in indices}, indices),
        "seconds": _listed(seconds, indices),
        "tokens": _listed({index: tokens[index] for index in indices}, indices),
        "usd": _listed({index: dollars[index] for index in indices}, indices),
    }


def _index(session: str) -> int:
    return int(session) if session.isascii() and session.isdigit() else -1


def _listed(values: Mapping[int, float | None], indices: Sequence[int]) -> tuple[float, ...] | None:
    found = [values.get(index) for index in indices]
    known = [value for value in found if value is not None]
    return tuple(known) if len(known) == len(found) else None
