"""Made-up runs and policies for the replay, and the replay done slowly."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from asi_repro.archive.reader import Experiment
from asi_repro.replay.policy import Policy


def experiment(index: int, parent: int | None, score: float | None, gallery: bool = False) -> Experiment:
    return Experiment(index, f"mixer_{index}", None, parent, 0, 0, score, gallery, gallery)


@st.composite
def runs(draw: st.DrawFn) -> list[Experiment]:
    """Indices with gaps, equal and missing scores, any earlier experiment as parent, now and then a root."""
    size = draw(st.integers(1, 30))
    steps = draw(st.lists(st.integers(1, 3), min_size=size, max_size=size))
    indices = [sum(steps[: n + 1]) for n in range(size)]
    scores = draw(st.lists(st.none() | st.integers(0, 9).map(float), min_size=size, max_size=size))
    found = []
    for place, index in enumerate(indices):
        parent = draw(st.sampled_from([*indices[:place], None])) if place else None
        found.append(experiment(index, parent, scores[place], draw(st.booleans())))
    return found


policies = st.builds(
    lambda top, more, refresh, cold, late: Policy(top, top + more, refresh, cold, late),
    st.integers(1, 4),
    st.integers(0, 6),
    st.integers(1, 7),
    st.integers(0, 12),
    st.integers(0, 3),
)


def slow_steps(run: list[Experiment], policy: Policy) -> list[dict[str, Any]]:
    """Each step from scratch, as the paper's sentences read: sort, cut, count."""
    place_of = {e.index: place for place, e in enumerate(run)}
    rows = []
    given_before = 0
    for place, e in enumerate(run):
        if place == 0:
            given = 0
        elif place <= policy.cold_start:
            given = 1
        else:
            given = 1
            for turn in range(policy.refresh, place + 1, policy.refresh):
                # The batch that ends before `turn` enters `late` refreshes after it.
                if turn + policy.late * policy.refresh <= place:
                    given = max(given, turn)
        known = [o for o in run[:given] if o.score is not None]
        pool = sorted(known, key=lambda o: (-o.score, o.index))[: policy.pool]  # type: ignore[operator]
        rank = ruling = None
        parent = None if e.parent is None else run[place_of[e.parent]]
        if parent is None:
            ruling = "root"
        elif place_of[parent.index] >= given:
            ruling = "not yet"
        elif parent.score is None:
            ruling = "no score"
        else:
            rank = 1 + len([o for o in known if o.score > parent.score])  # type: ignore[operator]
            ruling = "top" if rank <= policy.top else "pool" if rank <= policy.pool else "outside"
        so_far = [o for o in run[: place + 1] if o.score is not None]
        best = min(so_far, key=lambda o: (-o.score, o.index), default=None)  # type: ignore[operator]
        at_best = None
        if parent is not None and parent.score is not None:
            until = run[: place_of[parent.index] + 1]
            at_best = 1 + sum(o.score is not None and o.score > parent.score for o in until)
        rows.append(
            {
                "index": e.index,
                "members": [o.index for o in pool],
                "allowed": [
                    o.index
                    for o in pool
                    if sum(p.score > o.score for p in known) < policy.top  # type: ignore[operator]
                ],
                "given": given,
                "refreshed": given > given_before,
                "rank": rank,
                "at_best": at_best,
                "ruling": ruling,
                "siblings": sum(o.parent == e.parent for o in run[:place]) if parent else 0,
                "gallery": sum(o.in_gallery for o in run[: place + 1]),
                "best": best and best.index,
            }
        )
        given_before = given
    return rows
