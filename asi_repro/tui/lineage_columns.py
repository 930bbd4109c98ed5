"""What the lineage can show of an experiment beside its name, and be sorted by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from asi_repro.archive.lineage import Lineage
from asi_repro.archive.node_model import MINIMIZE, Objective
from asi_repro.archive.reader import Archive, Experiment

Value = float | int | str | None
Values = Mapping[int, Value]
VERDICT = "verdict"


@dataclass(frozen=True, slots=True)
class Column:
    """One number of an experiment.

    Attributes:
        name: in the state file.
        title: above the numbers.
        about: in the dialog that chooses columns.
        width: cells of a number.
        pattern: how a number is written.
        descending: whether the first order has the largest first.
    """

    name: str
    title: str
    about: str
    width: int = 6
    pattern: str = "{}"
    descending: bool = True

    def text(self, value: Value) -> str:
        """A value in the column's width."""
        if value is None:
            return f"{'·':>{self.width}}"
        if self.name == VERDICT:
            return f"{f'✗{value}' if value else '✓':>{self.width}}"
        return self.pattern.format(value).rjust(self.width)


INDEX = Column("index", "index", "Order in which the run made them", descending=False)
NAME = Column("name", "name", "Name", descending=False)
# In the order in which they are left out, the last first, where there is no room.
COLUMNS = (
    Column("score", "score", "Fitness score", 8, "{:.3f}"),
    Column("change", "Δparent", "Score less that of the parent", 8, "{:+.3f}"),
    Column("best", "best", "Best score among the descendants", 6, "{:.3f}"),
    Column("stars", "★below", "Gallery members among the descendants", 7),
    Column("average", "bench.", "Average of the benchmarks, in points of 100", 7, "{:.2f}"),
    Column("loss", "loss", "Last loss of the released training curve (340M)", 6, "{:.3f}", descending=False),
    Column(VERDICT, "checks", "Failed checks of the certificate", 7),
    Column("depth", "depth", "Steps from the root", 6),
    Column("children", "child.", "Children", 7),
)
ORDERS = {column.name: column for column in (INDEX, *COLUMNS, NAME)}


def better_first(order: str, objective: Objective) -> bool:
    """Whether an order begins with its largest values, as what is better stands above."""
    return ORDERS[order].descending != (
        order in ("score", "change", "best") and objective.direction == MINIMIZE
    )


class LineageValues:
    """The columns' values by index, each column worked out when it is first asked for.

    Args:
        experiments: by index.
        lineage: over the same indices.
        archive: for what is in other tables; without one there is nothing of those.
    """

    def __init__(
        self, experiments: Mapping[int, Experiment], lineage: Lineage, archive: Archive | None = None
    ) -> None:
        self._experiments, self._lineage, self._archive = experiments, lineage, archive
        self._known: dict[str, Values] = {}

    def of(self, name: str) -> Values:
        """A column's values; what is missing there has none."""
        if name not in self._known:
            make: Callable[[], Values] = getattr(self, f"_{name}")
            self._known[name] = make()
        return self._known[name]

    def know(self, name: str, values: Values) -> None:
        """Take over values that were read elsewhere, such as those of certificates."""
        self._known[name] = values

    def knows(self, name: str) -> bool:
        """Whether a column needs no more reading."""
        return name != VERDICT or name in self._known

    def _each(self, value: Callable[[Experiment], Value]) -> Values:
        return {index: value(e) for index, e in self._experiments.items()}

    def _index(self) -> Values:
        return self._each(lambda e: e.index)

    def _name(self) -> Values:
        return self._each(lambda e: e.label.casefold())

    def _score(self) -> Values:
        return self._each(lambda e: e.score)

    def _depth(self) -> Values:
        return self._each(lambda e: e.depth)

    def _children(self) -> Values:
        return self._each(lambda e: e.children)

    def _change(self) -> Values:
        def change(e: Experiment) -> Value:
            before = None if e.parent is None else self._experiments[e.parent].score
            return None if e.score is None or before is None else e.score - before

        return self._each(change)

    def _best(self) -> Values:
        found: dict[int, Value] = {}
        gain = Objective().gain if self._archive is None else self._archive.objective.gain
        for index in reversed(list(self._lineage.walk())):  # children before their parents
            known = [
                score
                for child in self._lineage.children(index)
                for score in (self._experiments[child].score, found[child])
                if isinstance(score, float)
            ]
            found[index] = max(known, key=gain, default=None)
        return found

    def _stars(self) -> Values:
        found: dict[int, int] = {}
        for index in reversed(list(self._lineage.walk())):
            below = self._lineage.children(index)
            found[index] = sum(found[child] + self._experiments[child].in_gallery for child in below)
        return {index: count or None for index, count in found.items()}

    def _average(self) -> Values:
        rows = self._table("benchmarks", ["index", "column", "value"])
        return {
            index: value * 100 for index, column, value in rows if column == "average" and value is not None
        }

    def _loss(self) -> Values:
        return {
            i: loss for i, _, loss in self._table("curves", ["index", "step", "loss"]) if loss is not None
        }

    def _verdict(self) -> Values:
        return {}

    def _table(self, name: str, columns: list[str]) -> list[tuple[Any, ...]]:
        if self._archive is None:
            return []
        table = self._archive.table(name, columns)
        return list(zip(*(table[column].to_pylist() for column in columns), strict=True))
