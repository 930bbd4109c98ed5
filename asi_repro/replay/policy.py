"""The policy by which the paper says that parents are drawn (sections 3.2 and 4.1)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from asi_repro.claims.pool import refreshed


@dataclass(frozen=True)
class Policy:
    """A pool of the best candidates by score, refreshed now and then; parents come from its top.

    Attributes:
        top: parents come from so many of the best.
        pool: its capacity.
        refresh: experiments from one refresh to the next.
        cold_start: explorations after the root during which the pool holds the root alone.
        late: by how many refreshes each batch enters after its turn, which the paper does not say.
    """

    top: int
    pool: int
    refresh: int
    cold_start: int
    late: int = 0

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

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def published_policy(late: int = 0) -> Policy:
    """The paper's, from the claim `parent-policy`."""
    from asi_repro.claims.texts import claim_texts

    figures: dict[str, Any] = dict(claim_texts()["parent-policy"].figures)
    return Policy(figures["top"], figures["pool"], figures["refresh"], figures["cold_start"], late)
