"""Picking and ordering experiments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from asi_repro.archive.filters import Facts, Filter
from asi_repro.errors import AsiReproError

if TYPE_CHECKING:
    from asi_repro.archive.reader import Experiment

SORT_KEYS = ("index", "name", "display_name", "parent", "depth", "children", "score")


class SortError(AsiReproError):
    """An order that experiments do not have."""

    exit_code = 2


def select(
    experiments: Iterable[Experiment],
    wanted: Filter,
    *,
    sort: str = "index",
    reverse: bool = False,
    limit: int | None = None,
    facts: Facts | None = None,
) -> list[Experiment]:
    """The experiments that match, in order; missing values stand last, ties in index order.

    Args:
        experiments: what to pick from, in index order.
        wanted: what must hold.
        sort: one of `SORT_KEYS`; numbers ascend, names are ordered without regard to case.
        reverse: descending.
        limit: how many at most; all where None.
        facts: what terms on texts and leaks ask.

    Raises:
        SortError: where `sort` is no key.
    """
    if sort not in SORT_KEYS:
        raise SortError(f"cannot sort by {sort!r}", hint=f"sort by one of: {', '.join(SORT_KEYS)}")
    found = wanted.apply(experiments, facts)
    there = [e for e in found if getattr(e, sort) is not None]
    missing = [e for e in found if getattr(e, sort) is None]
    there.sort(key=lambda e: _key(getattr(e, sort)), reverse=reverse)
    return (there + missing)[:limit]


def _key(value: Any) -> Any:
    return (value.casefold(), value) if isinstance(value, str) else value
