"""Everything an archive tells of one experiment, put together for a view."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from asi_repro.archive.node_tables import read_extra
from asi_repro.archive.nodes import is_imported
from asi_repro.archive.reader import Archive, Experiment, Program
from asi_repro.errors import NotFound
from asi_repro.text import instant, short_value


@dataclass(frozen=True)
class Details:
    """One experiment with its surroundings.

    Attributes:
        path: from the root down to the experiment itself.
        children: its children, in index order.
        program: None where it was not released, which takes motivation and curve with it.
        benchmarks: rows of the benchmarks table without the index.
        curve: rows of the curves table without the index, in step order.
    """

    experiment: Experiment
    path: list[Experiment]
    children: list[Experiment]
    program: Program | None
    benchmarks: list[dict[str, Any]]
    curve: list[dict[str, Any]]

    def to_dict(self, *, with_source: bool = False) -> dict[str, Any]:
        """As a JSON object (docs/reference/json.md); the source only where asked for."""
        return {
            **self.experiment.to_dict(),
            "lineage": [
                {"index": e.index, "name": e.name, "display_name": e.display_name, "score": e.score}
                for e in self.path
            ],
            "child_indices": [e.index for e in self.children],
            "program": self._program(with_source),
            "benchmarks": self.benchmarks,
            "curve": self.curve,
        }

    def _program(self, with_source: bool) -> dict[str, Any] | None:
        if self.program is None:
            return None
        fields = ["sha256", "lines", "parameters", "parameters_stated", "summary", "motivation"]
        if with_source:
            fields.append("source")
        return {field: getattr(self.program, field) for field in fields}


def collect_details(archive: Archive, experiment: Experiment) -> Details:
    """What `archive` has on `experiment`."""
    index = experiment.index
    path = [archive.experiments[i] for i in reversed(archive.lineage.ancestors(index))]
    children = [archive.experiments[i] for i in archive.lineage.children(index)]
    try:
        program = archive.program(index) if experiment.has_program else None
    except NotFound:
        program = None
    return Details(
        experiment,
        [*path, experiment],
        children,
        program,
        archive.rows("benchmarks", index),
        archive.rows("curves", index),
    )


def origin_of(archive: Archive, index: int) -> dict[str, Any] | None:
    """What the system of an imported run says of one experiment; None of any other run.

    Returns:
        A row of `nodes.NODES` without its index, and `parents` with their roles.
    """
    if not is_imported(archive):
        return None
    mine = ("index", {index})
    rows, parents = (read_extra(archive.folder, name, only=mine).to_pylist() for name in ("nodes", "parents"))
    for row in (*rows, *parents):
        del row["index"]
    return {**rows[0], "parents": parents}


def origin_facts(origin: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and text of each thing that `origin_of` found stated; not escaped."""
    facts = [("parent", f"{parent['parent']} ({parent['role']})") for parent in origin["parents"]]
    for name in ("generation", "iteration", "island", "language", "time", "seconds", "tokens", "cost"):
        if (value := origin[name]) is not None:
            facts.append((name, _SHOWN.get(name, short_value)(value)))
    return facts


_SHOWN: dict[str, Callable[[Any], str]] = {
    "time": lambda value: instant(value) or short_value(value),
    "seconds": lambda value: f"{value:.3g}",
    "tokens": lambda value: f"{value:,}",
    "cost": lambda value: f"{value:.4g} US dollars",
}
