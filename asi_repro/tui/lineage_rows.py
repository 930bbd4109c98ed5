"""Which experiments the lineage shows, in which order: folding, filter and sorting, without a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from asi_repro.archive.lineage import Lineage
from asi_repro.archive.node_model import Objective
from asi_repro.archive.reader import Experiment
from asi_repro.tui.lineage_columns import LineageValues


def best_child(
    lineage: Lineage, experiments: dict[int, Experiment], index: int, objective: Objective | None = None
) -> int | None:
    """The child with the best score, the earliest of equals; None where none is known to be better.

    Args:
        objective: which way is better; a higher score where None.
    """
    gain = (objective or Objective()).gain
    known = (e for i in lineage.children(index) if gain((e := experiments[i]).score) > float("-inf"))
    best = max(known, key=lambda e: (gain(e.score), -e.index), default=None)
    return None if best is None else best.index


def neighbour(siblings: Sequence[int], index: int, step: int) -> int | None:
    """The one that many places on; None where there is none, or `index` is not among them."""
    place = siblings.index(index) + step if index in siblings else -1
    return siblings[place] if 0 <= place < len(siblings) else None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the lineage.

    Attributes:
        experiment: it stands for.
        guides: the lines that lead to it, such as `│ ├ `.
        open: whether its children are shown; None where there are none to show.
        matches: whether it meets the filter; the others are there to show where the matches stand.
    """

    experiment: Experiment
    guides: str
    open: bool | None
    matches: bool


class Outline:
    """The rows of a lineage.

    Args:
        experiments: by index.
        lineage: over the same indices.
        values: that the rows can be sorted by; what the experiments say themselves where None.
    """

    def __init__(
        self, experiments: dict[int, Experiment], lineage: Lineage, values: LineageValues | None = None
    ) -> None:
        self.experiments = experiments
        self.lineage = lineage
        self.values = values or LineageValues(experiments, lineage)
        self.opened: set[int] = set(lineage.roots)
        self.order, self.descending = "index", False
        self.flat = False
        self.matching: set[int] | None = None
        self._opened_before: set[int] | None = None
        self._kept: int | None = None
        self._shown_children: dict[int, list[int]] = {}
        self._shown_roots: list[int] = []
        self.rows: list[int] = []
        self._last: dict[int, int] = {}
        self._places: dict[int, int] | None = None
        self.rebuild()

    # What is shown

    def filter(self, matches: Iterable[Experiment] | None, keep: int | None = None) -> None:
        """Show these, with the ancestors that lead to them; everything where None.

        Args:
            keep: what is looked at, which is shown whether or not it matches.
        """
        if matches is None:
            self.matching, self._kept = None, None
            self.opened, self._opened_before = self.opened_by_hand, None
        else:
            self._opened_before = self.opened_by_hand
            self.matching, self._kept = {e.index for e in matches}, keep
            self._keep_paths()
        self.rebuild()

    def _keep_paths(self) -> None:
        parent = self.lineage.parent
        kept: set[int] = set()
        for start in self._listed():
            index: int | None = start
            while index is not None and index not in kept:
                kept.add(index)
                index = parent(index)
        children: dict[int, list[int]] = {}
        roots: list[int] = []
        for index in sorted(kept):
            above = parent(index)
            (roots if above is None else children.setdefault(above, [])).append(index)
        self._shown_children, self._shown_roots = children, roots
        # A filter is asked to find something: what it finds is not hidden in folds, until it is cleared.
        self.opened = self.opened_by_hand | children.keys()

    def _listed(self) -> list[int]:
        """What a flat list has: the matches, and what is looked at."""
        if self.matching is None:
            return list(self.experiments)
        kept = set() if self._kept is None else {self._kept}
        return sorted(self.matching | kept)

    @property
    def opened_by_hand(self) -> set[int]:
        """What was open before the filter, and is when it is cleared."""
        return self.opened if self._opened_before is None else self._opened_before

    def children(self, index: int) -> list[int]:
        """Children that can be shown, in the order chosen."""
        every = self.matching is None
        return self._sorted(self.lineage.children(index) if every else self._shown_children.get(index, []))

    def _sorted(self, indices: list[int]) -> list[int]:
        if self.order == "index":
            return indices[::-1] if self.descending else indices
        values = self.values.of(self.order)
        known = [i for i in indices if values.get(i) is not None]
        known.sort(key=values.__getitem__, reverse=self.descending)  # type: ignore[arg-type]
        return known + [i for i in indices if values.get(i) is None]

    def rebuild(self) -> None:
        """Lay the rows out again."""
        self._places = None
        self._last = {}
        if self.flat:
            self.rows = self._sorted(self._listed())
            return
        roots = self.lineage.roots if self.matching is None else self._shown_roots
        self.rows = self._walk(self._sorted(list(roots)))

    def _walk(self, starts: list[int]) -> list[int]:
        rows: list[int] = []
        stack, opened = starts[::-1], self.opened
        as_they_are = self.matching is None and (self.order, self.descending) == ("index", False)
        children = self.lineage.children if as_they_are else self.children
        while stack:
            index = stack.pop()
            rows.append(index)
            if index in opened:
                stack += children(index)[::-1]
        return rows

    # Folding

    def has_children(self, index: int) -> bool:
        """Whether anything can be shown below."""
        if self.matching is None:
            return self.experiments[index].children > 0
        return index in self._shown_children

    def set_open(self, index: int, opened: bool) -> bool:
        """Show or hide what is below; whether that changed anything. Only these rows are laid out anew."""
        if self.flat or opened == (index in self.opened) or not self.has_children(index):
            return False
        place = self.place(index)
        if place is None:
            return False
        if opened:
            self.opened.add(index)
            self.rows[place + 1 : place + 1] = self._walk([index])[1:]
        else:
            self.opened.discard(index)
            depth = self.lineage.depth(index)
            end = place + 1
            while end < len(self.rows) and self.lineage.depth(self.rows[end]) > depth:
                end += 1
            del self.rows[place + 1 : end]
        self._places = None
        return True

    def open_all(self, start: int | None = None) -> None:
        """Open everything, or everything below `start`."""
        walk = self.experiments if start is None else self.lineage.walk([start])
        self.opened.update([i for i in walk if self.experiments[i].children])
        self.rebuild()

    def close_all(self) -> None:
        """Close everything but the roots."""
        self.opened = set(self.lineage.roots)
        self.rebuild()

    def reveal(self, index: int) -> bool:
        """Open what hides an experiment; False where the filter does."""
        if self.place(index) is None and not self.flat:
            closed = [i for i in self.lineage.ancestors(index) if i not in self.opened]
            self.opened.update(closed)
            self.rebuild()
        return self.place(index) is not None

    # Rows

    def place(self, index: int) -> int | None:
        """The number of the row of an experiment, or None where it is not shown."""
        # One search is quicker than a dictionary of 100,000: that waits for the next.
        if self._places is None:
            self._places = {}
            try:
                return self.rows.index(index)
            except ValueError:
                return None
        if not self._places:
            self._places = dict(zip(self.rows, range(len(self.rows)), strict=True))
        return self._places.get(index)

    def nearest(self, index: int) -> int | None:
        """The row of an experiment, or of its nearest ancestor that is shown."""
        if index not in self.lineage:
            return None
        for one in (index, *self.lineage.ancestors(index)):
            if (place := self.place(one)) is not None:
                return place
        return None

    def row(self, place: int) -> Row:
        """What stands in a row."""
        index = self.rows[place]
        matches = self.matching is None or index in self.matching
        experiment = self.experiments[index]
        if self.flat:
            return Row(experiment, "", None, matches)
        opened = index in self.opened if self.has_children(index) else None
        return Row(experiment, self._guides(index), opened, matches)

    def _guides(self, index: int) -> str:
        above = self.lineage.parent(index)
        if above is None:
            return ""
        parts = ["└" if self._is_last(index, above) else "├"]
        while (upper := self.lineage.parent(above)) is not None:
            parts.append("  " if self._is_last(above, upper) else "│ ")
            above = upper
        return "".join(reversed(parts))

    def _is_last(self, index: int, above: int) -> bool:
        """Whether no other child of `above` is shown below it; asked of the rows on the screen only."""
        if above not in self._last:
            self._last[above] = self.children(above)[-1]
        return self._last[above] == index
