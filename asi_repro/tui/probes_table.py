"""The matrix of capability probes as a table of the results view."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.style import Style

from asi_repro.archive.reader import Archive
from asi_repro.data.probe_tasks import PROBES
from asi_repro.results.layout import BASELINES, CONTROLS
from asi_repro.results.probe_rows import read_probes
from asi_repro.tui.model_table import Column, Lines, Look, ModelTable, Picture, curves
from asi_repro.tui.theme import ThemeStyles
from asi_repro.tui.widgets.drawing import Figure
from asi_repro.tui.widgets.text import safe_line

if TYPE_CHECKING:
    from asi_repro.results.probe_matrix import Cell, ProbeMatrix


@dataclass(frozen=True)
class ProbedModel:
    """A model of the matrix of probes."""

    name: str
    title: str
    cells: Mapping[str, Cell]

    @property
    def baseline(self) -> bool:
        """Whether it is none of the run's."""
        return self.name in (*BASELINES, *CONTROLS)


class ProbesTable(ModelTable):
    """Models by tasks, beside chance and the noise of seeds, as `asi-repro probes --show` has them."""

    OF = "probes"
    below = ("a guess", "a seed's deviation")
    pictures = (Picture("right answers by training tokens"),)

    def __init__(self, folder: Path, archive: Archive) -> None:
        super().__init__(folder, archive)
        self._rows, self._damaged = read_probes(folder)
        self.steps = sorted({float(tokens) for row in self._rows for tokens in row.curve})
        self.matrix: ProbeMatrix | None = None

    @property
    def pending(self) -> bool:  # type: ignore[override]
        """Whether the matrix is not made yet."""
        return self.matrix is None

    def work_out(self, *, seed: int, resamples: int) -> None:
        """The matrix: which models differ by more than seeds do."""
        from asi_repro.results.probe_matrix import make_matrix

        matrix = make_matrix(self._rows, {name: task.title for name, task in PROBES.items()})
        self.columns = [_task_column(matrix, name) for name in matrix.tasks]
        known = {name: self.experiment(name) for name in matrix.models}
        titles = {name: name if e is None else e.label for name, e in known.items()}
        self.rows = [ProbedModel(name, titles[name], cells) for name, cells in matrix.models.items()]
        self.matrix = matrix

    @property
    def about(self) -> list[str]:
        first = "Capability probes: share of right answers on unseen sequences. Not a measure of quality."
        if self.matrix is None:
            return [first, "working out which differ by more than seeds do …"]
        return [
            f"{first} + above and − below DeltaNet by more than seeds differ (p < 0.05 after Holm).",
            self.matrix.sentence,
            *(f"left out, damaged: {error.where}" for error in self._damaged),
        ]

    def figure(self, look: Look, theme: ThemeStyles) -> Figure:
        task, chosen = look.by.name, str(look.chosen)
        if self.matrix is None or task not in self.matrix.tasks:
            return Figure("")
        points: Lines = {
            (row.name, row.seed): sorted((float(tokens), share) for tokens, share in row.curve.items())
            for row in self._rows
            if row.task == task and row.curve
        }
        said = [f"{self.matrix.tasks[task].title}, {look.picture.title} (─ a guess)"]
        if (cell := self.matrix.models.get(chosen, {}).get(task)) is not None:
            title = next(row.title for row in self.rows if row.name == chosen)
            said.insert(0, f"{safe_line(title, 24)} {cell.shown}")
        chance = self.matrix.tasks[task].chance
        return Figure(" · ".join(said), curves(points, self.rows, look, theme), unit="tokens", rules=[chance])


def _task_column(matrix: ProbeMatrix, name: str) -> Column:
    def cell(row: ProbedModel) -> Cell | None:
        return row.cells.get(name)

    def value(row: ProbedModel) -> float | None:
        found = cell(row)
        return None if found is None else found.mean

    def mark(row: ProbedModel) -> str:
        found = cell(row)
        return " +-"[found.beyond_noise] if found is not None else ""

    def style(row: ProbedModel, theme: ThemeStyles) -> Style | str:
        found = cell(row)
        return ("", theme.good, theme.bad)[found.beyond_noise] if found is not None else ""

    title, task = name.replace("_", " "), matrix.tasks[name]
    deviation = "?" if task.seed_deviation is None else f"{task.seed_deviation:.3f}"
    width = max(*map(len, title.split()), 6) + 2
    below = (f"{task.chance:.3f} ", f"{deviation} ")
    return Column(title, width, value, "{:.3f}", True, mark, style, below, name)
