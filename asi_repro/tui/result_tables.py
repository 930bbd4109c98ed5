"""The tables of the results view: what was trained together, a sweep recorded in sittings, and probes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from rich.style import Style

from asi_repro.archive.reader import Archive
from asi_repro.data.probe_tasks import PROBES
from asi_repro.errors import AsiReproError
from asi_repro.results.differences import Difference, Spread
from asi_repro.results.layout import BASELINES, CONTROLS, REFERENCE, slug_of
from asi_repro.results.probe_rows import probe_paths, read_probes
from asi_repro.results.sweep_rows import SweepRow, read_rows, row_paths
from asi_repro.results.table import RESULTS_FOLDER, SWEEPS_FOLDER, ModelRow, read_results
from asi_repro.tui.theme import ThemeStyles
from asi_repro.tui.widgets.canvas import Axis
from asi_repro.tui.widgets.drawing import Figure, Series, clipped
from asi_repro.tui.widgets.text import safe_line

if TYPE_CHECKING:
    from asi_repro.results.probe_matrix import Cell, ProbeMatrix
    from asi_repro.results.recorded_sweep import Place, RecordedSweep

_SURE = 0.05
_LABEL = 18


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Attributes:
        title: above it; of several words, one a line.
        value: what it is sorted by.
        pattern: how the value is written.
        descending: whether the highest stands first when one sorts by it.
        more: written after the value.
        style: of the cell.
        below: what stands below the title, for each name of `ResultTable.below`.
        name: of what it is about, where the title is not enough.
    """

    title: str
    width: int
    value: Callable[[Any], float | None]
    pattern: str
    descending: bool = False
    more: Callable[[Any], str] = lambda row: ""
    style: Callable[[Any, ThemeStyles], Style | str] = lambda row, theme: ""
    below: Sequence[str] = ()
    name: str = ""


@dataclass(frozen=True)
class Picture:
    """One way to draw a table: what is drawn, whether curves by step or tokens, and on which axis."""

    title: str
    curves: bool = True
    log: bool = False


LOSSES = (Picture("without its first fall"), Picture("logarithmic", log=True))


@dataclass(frozen=True)
class Look:
    """What one looks at.

    Attributes:
        picture: of those of the table.
        chosen: name of the model that the cursor is on.
        kept: names of the models that stay drawn in colour.
        by: the column that the models are sorted by.
        at: the step that is read off.
    """

    picture: Picture
    chosen: object
    kept: Set[object]
    by: Column
    at: float | None


class ResultTable:
    """Models that were trained here.

    Attributes:
        columns: of its rows.
        below: names of what stands below the columns' titles.
        steps: at which curves can be read off.
        pictures: ways to draw it.
        pending: whether `work_out` has something to do.
    """

    columns: Sequence[Column] = ()
    below: Sequence[str] = ()
    steps: Sequence[float] = ()
    pictures: Sequence[Picture] = LOSSES
    pending = False

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def about(self) -> list[str]:
        """What it is and what it says, a paragraph each."""
        raise NotImplementedError

    @property
    def rows(self) -> Sequence[Any]:
        """A row a model, with its `name`, `title`, `index` and whether it is a `baseline`."""
        raise NotImplementedError

    def work_out(self, *, seed: int, resamples: int) -> None:
        """Work out what takes seconds; in a thread."""

    def figure(self, look: Look, theme: ThemeStyles) -> Figure:
        """The picture below the table."""
        raise NotImplementedError


def result_tables(artifacts: Path, archive: Archive) -> list[ResultTable]:
    """Those with something to show: what was made last, and the recorded sweeps."""
    sweeps = artifacts / SWEEPS_FOLDER
    found: list[ResultTable] = []
    for folder in (artifacts / RESULTS_FOLDER, *(sorted(sweeps.iterdir()) if sweeps.is_dir() else [])):
        try:
            found.append(TrainedTable(folder))
        except AsiReproError:
            if folder.parent == sweeps and any(row_paths(folder)):
                found.append(SweepTable(folder, archive))
        if any(probe_paths(folder)):
            found.append(ProbesTable(folder, archive))
    return found


def _mean(spread: Spread | None, factor: float = 1.0) -> float | None:
    return None if spread is None else spread.mean * factor


def _against(row: ModelRow) -> Difference | None:
    return row.against.get("score")


def _difference(row: ModelRow) -> float | None:
    found = _against(row)
    return None if found is None else found.estimate * 100


def _p_value(row: ModelRow) -> float | None:
    found = _against(row)
    return None if found is None else found.holm_p_value


def _interval(row: ModelRow) -> str:
    found = _against(row)
    if found is None or found.low is None:
        return ""
    return f" [{found.low * 100:+.1f}, {(found.high or 0.0) * 100:+.1f}]"


def _told_apart(row: ModelRow, theme: ThemeStyles) -> Style | str:
    p_value, found = _p_value(row), _difference(row)
    if p_value is None or found is None or p_value >= _SURE:
        return ""
    return theme.good if found > 0 else theme.bad


class TrainedTable(ResultTable):
    """A whole table of `asi-repro results`, with the loss curves."""

    columns = (
        Column("valid. loss", 13, lambda row: _mean(row.validation_loss), "{:.4f}"),
        Column("loss", 9, lambda row: _mean(row.loss), "{:.4f}"),
        Column("score", 7, lambda row: _mean(row.score, 100), "{:.2f}", True),
        Column("− DeltaNet [95%]", 22, _difference, "{:+.2f}", True, _interval, _told_apart),
        Column("p (Holm)", 10, _p_value, "{:.3g}"),
        Column("seeds", 6, lambda row: float(row.seeds), "{:.0f}", True),
    )

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.results = read_results(folder)
        self.steps = sorted({float(point.step) for point in self.results.curves})

    @property
    def about(self) -> list[str]:
        return [self.results.summary.about]

    @property
    def rows(self) -> Sequence[ModelRow]:
        return self.results.models

    def figure(self, look: Look, theme: ThemeStyles) -> Figure:
        points: Lines = {}
        for point in self.results.curves:
            points.setdefault((point.name, point.seed), []).append((float(point.step), point.loss))
        return loss_figure(points, self.rows, look, theme, self.results.summary.against)


Lines = dict[tuple[str, int], list[tuple[float, float]]]


def loss_figure(
    points: Lines, rows: Sequence[Any], look: Look, theme: ThemeStyles, reference: str = REFERENCE
) -> Figure:
    """Losses by step; the arguments are those of `curves`."""
    series = curves(points, rows, look, theme, reference)
    at = "" if look.at is None else f" at step {look.at:g}"
    values = [loss for line in points.values() for _, loss in line]
    y = Axis.around(values, log=True) if look.picture.log else clipped(series)
    return Figure(f"training loss{at} · {look.picture.title}", series, y=y)


def curves(
    points: Lines, rows: Sequence[Any], look: Look, theme: ThemeStyles, reference: str = REFERENCE
) -> list[Series]:
    """A line for each model and seed; the chosen model, those kept and the reference have names.

    Args:
        points: (x, y) by model and seed.
        rows: of the table, for their titles.
    """
    titles = {row.name: safe_line(row.title, _LABEL) for row in rows}
    styles = {reference: theme.primary, **dict.fromkeys(look.kept, theme.warn), look.chosen: theme.accent}
    order = list(styles)

    def rank(key: tuple[str, int]) -> tuple[int, tuple[str, int]]:
        return (order.index(key[0]) if key[0] in styles else -1, key)

    series, named = [], set()
    for name, seed in sorted(points, key=rank):
        label = titles.get(name, safe_line(name, _LABEL)) if name in styles and name not in named else ""
        style = styles.get(name, theme.muted)
        series.append(Series("", label, points[name, seed], style, number="{:.4f}"))
        named.add(name)
    return series


@dataclass(frozen=True)
class SweepModel:
    """A model of a recorded sweep: means over its seeds, and its place by validation loss."""

    name: str
    title: str
    rows: Sequence[SweepRow]
    place: Place | None

    @property
    def index(self) -> int | None:
        """Of its experiment; None for a baseline."""
        return self.rows[0].index

    @property
    def baseline(self) -> bool:
        """Whether it is one."""
        return self.rows[0].baseline

    def mean(self, of: str) -> float | None:
        """The mean over the seeds that have this number."""
        found = [value for row in self.rows if (value := getattr(row, of)) is not None]
        return fmean(found) if found else None

    @property
    def cost(self) -> float:
        """Millions of FLOPs a training token."""
        return self.rows[0].flops_per_token / 1e6


def _place_interval(row: SweepModel) -> str:
    return "" if row.place is None else f" [{row.place.low}, {row.place.high}]"


class SweepTable(ResultTable):
    """The rows of a sweep that is recorded in sittings, with their loss against what they cost."""

    columns = (
        Column("valid. loss", 13, lambda row: row.mean("validation_loss"), "{:.4f}"),
        Column(
            "place [95%]",
            15,
            lambda row: row.place and float(row.place.place),
            "{:.0f}",
            False,
            _place_interval,
        ),
        Column("bits/B", 8, lambda row: row.mean("answer_bits"), "{:.3f}"),
        Column("accuracy", 10, lambda row: row.mean("accuracy"), "{:.4f}", True),
        Column("MFLOPs/token", 13, lambda row: row.cost, "{:.2f}"),
        Column("parameters", 11, lambda row: float(row.rows[0].parameters), "{:,.0f}"),
        Column("tokens/s", 10, lambda row: row.mean("tokens_per_second"), "{:,.0f}", True),
        Column("seeds", 6, lambda row: float(len(row.rows)), "{:.0f}", True),
    )
    pictures = (Picture("loss by cost", curves=False), *LOSSES)

    def __init__(self, folder: Path, archive: Archive) -> None:
        super().__init__(folder)
        self._archive = archive
        self.sweep: RecordedSweep | None = None

    @property
    def pending(self) -> bool:  # type: ignore[override]
        """Whether what the sweep means is not known yet."""
        return self.sweep is None

    @cached_property
    def _read(self) -> tuple[list[SweepRow], list[str]]:
        """The rows, and what there is to say of others."""
        rows, damaged = read_rows(self.folder)
        stopped = [f"{row.name} seed {row.seed} was stopped" for row in rows if not row.completed]
        return rows, [*stopped, *(f"left out, damaged: {error.where}" for error in damaged)]

    @cached_property
    def steps(self) -> Sequence[float]:  # type: ignore[override]
        """See `ResultTable`."""
        return sorted({float(step) for model in self.rows for row in model.rows for step in row.curve})

    @cached_property
    def rows(self) -> Sequence[SweepModel]:
        """See `ResultTable`."""
        from asi_repro.results.recorded_sweep import comparable, grouped, places

        groups = grouped(comparable(self._read[0])[0])
        known, found = places(groups), self._archive.experiments
        titles = {
            name: found[index].label if (index := rows[0].index) in found else name
            for name, rows in groups.items()
        }
        return [SweepModel(name, titles[name], rows, known.get(name)) for name, rows in groups.items()]

    def work_out(self, *, seed: int, resamples: int) -> None:
        """Reliability and agreement with the paper."""
        from asi_repro.claims.recorded import read_recorded

        certificates = self.folder.parent.parent / "certificates"
        self.sweep, _ = read_recorded(
            self.folder, self._archive, certificates, seed=seed, resamples=resamples
        )

    @property
    def about(self) -> list[str]:
        ours = sum(not row.baseline for row in self.rows)
        tokens = self.rows[0].rows[0].tokens if self.rows else 0
        said = [
            f"{ours} of {len(self._archive.gallery)} architectures and {len(self.rows) - ours} baselines, "
            f"{tokens:,} tokens each. Not a reproduction of the paper's results."
        ]
        if self.sweep is None:
            return [*said, "working out what that means …"]
        return [*said, *_meaning(self.sweep), *self._read[1]]

    def figure(self, look: Look, theme: ThemeStyles) -> Figure:
        if look.picture.curves:
            points: Lines = {
                (row.name, row.seed): sorted((float(step), loss) for step, loss in row.curve.items())
                for model in self.rows
                for row in model.rows
            }
            return loss_figure(points, self.rows, look, theme)
        groups: dict[str, list[tuple[float, float]]] = {"others": [], "baselines": [], "chosen": []}
        for row in self.rows:
            if (loss := row.mean("validation_loss")) is not None:
                stands_out = row.name == look.chosen or row.name in look.kept
                kind = "chosen" if stands_out else "baselines" if row.baseline else "others"
                groups[kind].append((row.cost, loss))
        title = next((row.title for row in self.rows if row.name == look.chosen), "")
        marks = [
            (*point, glyph, style)
            for kind, glyph, style in (
                ("others", "●", theme.muted), ("baselines", "◇", theme.primary), ("chosen", "●", theme.accent)
            )
            for point in groups[kind]
        ]  # fmt: skip
        everything = sorted(point for points in groups.values() for point in points)
        return Figure(
            f"validation loss by MFLOPs a token: ● {safe_line(title, 30)}  ◇ baselines",
            [Series("", "", everything, theme.muted, "dots")],
            marks=marks,
        )


def _meaning(sweep: RecordedSweep) -> list[str]:
    from asi_repro.results.recorded_sweep import sentence

    said = [sentence(sweep)]
    if sweep.reliabilities:
        each = [
            f"{name} {one.single:.2f} [{one.low:.2f}, {one.high:.2f}]"
            for name, one in sweep.reliabilities.items()
        ]
        models = max(one.models for one in sweep.reliabilities.values())
        said.append(f"Reliability of one seed (ICC) over {models} architectures: {', '.join(each)}.")
    if sweep.beats:
        each = [f"{one.lower} of {one.models} below {one.baseline}" for one in sweep.beats]
        said.append(
            f"Beyond seeds, which deviate by {sweep.seed_deviation:.4f}: {', '.join(each)} (p < 0.05 after "
            f"Holm; without it chance would call {sweep.beats[0].by_chance:.1f} different)."
        )
    return said


@dataclass(frozen=True)
class ProbedModel:
    """A model of the matrix of probes."""

    name: str
    title: str
    index: int | None
    cells: Mapping[str, Cell]

    @property
    def baseline(self) -> bool:
        """Whether it is none of the run's."""
        return self.name in (*BASELINES, *CONTROLS)


class ProbesTable(ResultTable):
    """Models by tasks, beside chance and the noise of seeds, as `asi-repro probes --show` has them."""

    below = ("a guess", "a seed's deviation")
    pictures = (Picture("right answers by training tokens"),)

    def __init__(self, folder: Path, archive: Archive) -> None:
        super().__init__(folder)
        self._archive = archive
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

    @property
    def rows(self) -> Sequence[ProbedModel]:
        """See `ResultTable`."""
        matrix, known = self.matrix, self._archive.experiments
        found = []
        for name, cells in matrix.models.items() if matrix is not None else ():
            digits = name.partition("-")[0]
            index = int(digits) if digits.isdigit() else -1
            if index in known and slug_of(index, known[index].name) == name:
                found.append(ProbedModel(name, known[index].label, index, cells))
            else:
                found.append(ProbedModel(name, name, None, cells))
        return found

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
        return Figure(" · ".join(said), curves(points, self.rows, look, theme), rules=[chance])


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
