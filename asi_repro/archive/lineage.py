"""The tree of experiments: parents, children, depths and paths, for any size of run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from asi_repro.errors import DataError


class Lineage:
    """A forest over experiment indices, built once in linear time.

    Args:
        parents: each experiment's parent index, None for a root.

    Raises:
        DataError: for a parent that is not there or a cycle, naming the experiments.
    """

    def __init__(self, parents: Mapping[int, int | None]) -> None:
        self._parents = dict(parents)
        self._children: dict[int, list[int]] = {index: [] for index in self._parents}
        self.roots: list[int] = []
        for index in sorted(self._parents):
            parent = self._parents[index]
            if parent is None:
                self.roots.append(index)
            elif parent not in self._children:
                raise DataError(
                    f"experiment {index} has the parent {parent}, which is not in the run",
                    where=f"experiment {index}, field parent",
                )
            else:
                self._children[parent].append(index)
        self._depths = self._measure()

    def _measure(self) -> dict[int, int]:
        depths = dict.fromkeys(self.roots, 0)
        frontier = list(self.roots)
        while frontier:
            index = frontier.pop()
            for child in self._children[index]:
                depths[child] = depths[index] + 1
                frontier.append(child)
        if len(depths) < len(self._parents):
            lost = min(set(self._parents) - set(depths))
            raise DataError(
                f"experiment {lost} descends from itself: {self._cycle_from(lost)}",
                where=f"experiment {lost}, field parent",
            )
        return depths

    def _cycle_from(self, index: int) -> str:
        seen: list[int] = []
        current: int | None = index
        while current is not None and current not in seen:
            seen.append(current)
            current = self._parents[current]
        return " → ".join(map(str, [*seen, current]))

    def __contains__(self, index: int) -> bool:
        return index in self._parents

    def __len__(self) -> int:
        return len(self._parents)

    def parent(self, index: int) -> int | None:
        return self._parents[index]

    def depth(self, index: int) -> int:
        """Steps from the root, which has depth 0."""
        return self._depths[index]

    def children(self, index: int) -> list[int]:
        """Children in index order."""
        return list(self._children[index])

    def ancestors(self, index: int) -> list[int]:
        """From the parent up to the root."""
        path: list[int] = []
        current = self._parents[index]
        while current is not None:
            path.append(current)
            current = self._parents[current]
        return path

    def descendants(self, index: int) -> list[int]:
        """All below `index`, parents before children."""
        return list(self.walk([index]))[1:]

    def walk(self, starts: Iterable[int] | None = None) -> Iterator[int]:
        """Depth first in index order, each parent before its children."""
        stack = sorted(self.roots if starts is None else starts, reverse=True)
        while stack:
            index = stack.pop()
            yield index
            stack.extend(reversed(self._children[index]))
