"""The policy by which the paper says that parents are drawn (sections 3.2 and 4.1)."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from asi_repro.claims.pool import refreshed
from asi_repro.claims.texts import claim_texts
from asi_repro.errors import DataError
from asi_repro.imports.layout import is_import


@dataclass(frozen=True)
class Policy:
    """A pool of the best candidates by score, refreshed now and then; parents come from its top.

    Attributes:
        top: parents come from so many of the best.
        pool: its capacity.
        refresh: experiments from one refresh to the next.
        cold_start: explorations after the root during which the pool holds the root alone.
        late: by how many refreshes each batch enters after its turn, which the paper does not say.
        by_index: how runs of our own loop count (`discover.loop.schedule`): batches begin where the cold
            start ends, the first program is one of the cold start, and indices count, so that an experiment
            that failed has had its turn. The paper's run is counted by position, from its first experiment.
    """

    top: int
    pool: int
    refresh: int
    cold_start: int
    late: int = 0
    by_index: bool = False

    def __post_init__(self) -> None:
        if min(self.top, self.pool, self.refresh) < 1 or min(self.cold_start, self.late) < 0:
            raise ValueError(f"not a policy: {self}")

    def seen(self, position: int) -> int:
        """How many experiments the pool had been given when the one at `position` was drawn.

        Args:
            position: counted from 0, the root, in index order.
        """
        if position <= self.cold_start:
            return min(1, position)
        # The first program stands in the pool from the start, however late the rest are.
        return max(1, refreshed(self.refresh, self.late).seen(position, 0))

    def given(self, indices: Sequence[int], position: int) -> int:
        """`seen`, for a run of those indices (ascending)."""
        if not self.by_index:
            return self.seen(position)
        index = indices[position]
        if position == 0 or index <= self.cold_start:
            return min(1, position)
        batch = (index - self.cold_start - 1) // self.refresh - self.late
        snapshot = self.cold_start + batch * self.refresh
        return min(max(1, bisect_right(indices, snapshot)), position)

    def is_cold(self, index: int, position: int) -> bool:
        """Whether an experiment falls into the cold start."""
        return position > 0 and (index if self.by_index else position) <= self.cold_start

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def published_policy(late: int = 0) -> Policy:
    """The paper's, from the claim `parent-policy`."""
    figures: dict[str, Any] = dict(claim_texts()["parent-policy"].figures)
    return Policy(figures["top"], figures["pool"], figures["refresh"], figures["cold_start"], late)


def policy_of(run: Path | None) -> Policy:
    """The policy of a run of our own, from its settings.json; the published one for the release (None).

    Raises:
        DataError: where the settings are not what they should be.
    """
    if run is not None and is_import(run):
        raise DataError(
            "the system that this run comes from states no policy that can be audited",
            where=str(run),
            hint="`asi-repro lineage` and `asi-repro compare` read it",
        )
    if run is None or not (run / "settings.json").is_file():
        return published_policy()
    path = run / "settings.json"
    try:
        pool = json.loads(path.read_text(encoding="utf-8"))["discover"]["pool"]
        if (policy := pool.get("policy", "pool")) != "pool":
            raise ValueError(f"the run chose its parents by {policy}, and only the paper's pool is audited")
        top, capacity, refresh, cold = (
            pool[name] for name in ("parents", "capacity", "refresh", "cold_start")
        )
        if not all(type(number) is int for number in (top, capacity, refresh, cold)):
            raise TypeError("a setting of the pool is no whole number")
        return Policy(top, capacity, refresh, cold, by_index=True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"the pool's settings cannot be read: {error}", where=str(path)) from error
