"""Which experiment may know of which: all that is random or parallel hangs on the index, not on timing.

Experiment 1 is the first program. The next ones build on it until the cold start is over. After that,
experiments come in batches of `refresh`; all of a batch sample from the pool as it stood when the batch
began, which holds exactly the experiments of the batches before. So experiments of one batch can run in any
order and at the same time, and the run comes out the same.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from asi_repro.store.files import sha256_bytes

ROOT = 1


@dataclass(frozen=True)
class Schedule:
    """The order of a run.

    Attributes:
        cold_start: last index of the cold start.
        refresh: experiments a batch after it.
        window: see `DiscoverSettings.window`.
        seed: of the run.
    """

    cold_start: int
    refresh: int
    window: int
    seed: int

    def snapshot(self, index: int) -> int:
        """The last experiment that the pool may hold when `index` is sampled; 0 for the first one."""
        if index <= ROOT:
            return 0
        if index <= self.cold_start:
            return ROOT
        batch = (index - self.cold_start - 1) // self.refresh
        return max(self.cold_start + batch * self.refresh, ROOT)

    def memory(self, index: int) -> int:
        """The last experiment that `index` must not repeat."""
        return max(self.snapshot(index), index - self.window, min(index - 1, ROOT))

    def needs(self, index: int) -> int:
        """Every experiment up to this one must be finished before `index` begins."""
        return max(self.snapshot(index), self.memory(index))

    def seed_of(self, index: int) -> int:
        """The seed of every draw of an experiment: 63 bits of a hash."""
        return int(sha256_bytes(f"{self.seed}:{index}".encode())[:16], 16) >> 1

    def draw(self, index: int, purpose: str) -> Draw:
        """A generator for one purpose of one experiment."""
        return Draw(f"{self.seed_of(index)}:{purpose}")


class Draw:
    """Draws that stay the same from one Python to the next: only `random.random` promises that."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(sha256_bytes(seed.encode()))

    def below(self, count: int) -> int:
        """A number from 0 to `count` - 1."""
        return min(int(self._random.random() * count), count - 1)

    def some(self, count: int, of: int) -> list[int]:
        """`count` different numbers below `of` (all where there are fewer), ascending."""
        left = list(range(of))
        return sorted(left.pop(self.below(len(left))) for _ in range(min(count, of)))
