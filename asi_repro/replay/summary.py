"""What the steps of a run add up to, phase by phase, and what cannot be known from what was recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median_low
from typing import Any

from asi_repro.archive.reader import Experiment
from asi_repro.claims.pool import parent_ranks, schedules
from asi_repro.replay.policy import Policy
from asi_repro.replay.steps import Ruling, Step
from asi_repro.text import counted

REFRESHES_A_PHASE = 5


@dataclass(frozen=True)
class Phase:
    """A stretch of the run.

    Attributes:
        first, last: indices.
        drawn: experiments with a parent.
        top, pool, outside, not_yet, no_score: how many of them by ruling; `pool` is below `top`.
        median_rank: of the parents that have one.
        gallery: architectures of the gallery made in it.
        best_index, best_score: the best up to its end.
    """

    name: str
    first: int
    last: int
    drawn: int
    top: int
    pool: int
    outside: int
    not_yet: int
    no_score: int
    median_rank: int | None
    gallery: int
    best_index: int | None
    best_score: float | None

    @property
    def share(self) -> float | None:
        """Parents from the top, among experiments with a parent."""
        return self.top / self.drawn if self.drawn else None

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "share_from_top": self.share}


@dataclass(frozen=True)
class Summary:
    """All phases, the whole after the cold start, and the same under other schedules.

    Attributes:
        total: after the cold start; None where the steps end before.
        schedules: share of parents from the top and the pool after the cold start, by assumption.
        unknown: what the record leaves open, one sentence each.
    """

    phases: tuple[Phase, ...]
    total: Phase | None
    schedules: tuple[dict[str, Any], ...]
    unknown: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "phases": [phase.to_dict() for phase in self.phases],
            "after_cold_start": self.total.to_dict() if self.total else None,
            "schedules": list(self.schedules),
            "unknown": list(self.unknown),
        }


def summarise(experiments: Sequence[Experiment], steps: Sequence[Step], policy: Policy) -> Summary:
    """The summary of `steps`, which are all or a stretch of the run's."""
    groups: dict[str, list[Step]] = {}
    for step in steps:
        name = phase_name(step, policy, experiments[-1].index if policy.by_index else len(experiments) - 1)
        groups.setdefault(name, []).append(step)
    after = [step for step in steps if step.position > 0 and not step.cold]
    return Summary(
        phases=tuple(_phase(name, group) for name, group in groups.items()),
        total=_phase("after the cold start", after) if after else None,
        schedules=tuple(_by_schedule(experiments, after, policy)),
        unknown=tuple(unknown(experiments, policy)),
    )


def phase_name(step: Step, policy: Policy, last: int) -> str:
    """The stretch in which a step falls: by exploration (1 follows the root), or by index where those count.

    Args:
        last: the run's last exploration or index.
    """
    if step.position == 0:
        return "first program"
    place = step.experiment.index if policy.by_index else step.position
    if step.cold:
        return f"cold start, {1 + policy.by_index}–{min(policy.cold_start, last)}"
    length = REFRESHES_A_PHASE * policy.refresh
    start = policy.cold_start + (place - policy.cold_start - 1) // length * length
    return f"{start + 1:,}–{min(start + length, last):,}"


def _phase(name: str, steps: Sequence[Step]) -> Phase:
    counts = Counter(step.ruling for step in steps)
    ranks = [step.rank for step in steps if step.rank is not None]
    return Phase(
        name=name,
        first=steps[0].experiment.index,
        last=steps[-1].experiment.index,
        drawn=len(steps) - counts[Ruling.ROOT],
        top=counts[Ruling.TOP],
        pool=counts[Ruling.POOL],
        outside=counts[Ruling.OUTSIDE],
        not_yet=counts[Ruling.NOT_YET],
        no_score=counts[Ruling.NO_SCORE],
        median_rank=median_low(ranks) if ranks else None,
        gallery=sum(step.experiment.in_gallery for step in steps),
        best_index=steps[-1].best_index,
        best_score=steps[-1].best_score,
    )


def _by_schedule(
    experiments: Sequence[Experiment], after: Sequence[Step], policy: Policy
) -> list[dict[str, Any]]:
    children = [step.experiment for step in after if step.experiment.parent is not None]
    if not children:
        return []
    rows = []
    for schedule in schedules(policy.refresh):
        ranks = [rank for rank in parent_ranks(experiments, children, schedule).values() if rank is not None]
        rows.append(
            {
                "schedule": schedule.name,
                "bound": schedule.bound,
                "share_from_top": sum(rank <= policy.top for rank in ranks) / len(children),
                "share_from_pool": sum(rank <= policy.pool for rank in ranks) / len(children),
            }
        )
    return rows


def unknown(experiments: Sequence[Experiment], policy: Policy) -> list[str]:
    """What a record of indices, parents and scores does not tell."""
    notes = [
        "The pool was not recorded: it is worked out from the recorded scores, which may not be the numbers "
        "that it was ordered by.",
        "Indices say in which order experiments were numbered, not when their results came: where several "
        "ran at once, a pool may have been given others.",
        f"Which of the {policy.top} was drawn, and with what probability, was not recorded.",
        "The references that each proposal was shown beside its parent were not recorded.",
        "The gallery was chosen after the search: its count says when its members were made, not when "
        "they were known to be good.",
    ]
    missing = _gaps([e.index for e in experiments])
    if missing:
        shown = ", ".join(map(str, missing[:6])) + (", …" if len(missing) > 6 else "")
        notes.append(
            f"{len(missing)} indices between the first and the last have no record ({shown}): whether they "
            "stood in the pool is not known."
        )
    scoreless = sum(e.score is None for e in experiments)
    if scoreless:
        notes.append(f"Without a score, so never in the pool: {counted(scoreless, 'experiment')}.")
    return notes


def _gaps(indices: Sequence[int]) -> list[int]:
    """Indices that are missing between the first and the last, which are in ascending order."""
    return [absent for before, after in pairwise(indices) for absent in range(before + 1, after)]
