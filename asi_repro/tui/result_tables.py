"""The tables of the results view: what was trained together, and recorded sweeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from rich.style import Style

from asi_repro.archive.reader import Archive
from asi_repro.errors import AsiReproError
from asi_repro.project import Project
from asi_repro.results.differences import Difference, Spread
from asi_repro.results.probe_rows import probe_paths
from asi_repro.results.sweep_rows import SweepRow, read_rows, row_paths
from asi_repro.results.table import RESULTS_FOLDER, SWEEPS_FOLDER, ModelRow, read_results
from asi_repro.tui.model_table import LOSSES, Column, Lines, Look, ModelTable, Picture, loss_figure
from asi_repro.tui.probes_table import ProbesTable
from asi_repro.tui.theme import ThemeStyles
from asi_repro.tui.widgets.drawing import Figure, Series
from asi_repro.tui.widgets.text import safe_line

if TYPE_CHECKING:
    from asi_repro.results.recorded_sweep import Place, RecordedSweep

_SURE = 0.05


def result_tables(project: Project, archive: Archive) -> list[ModelTable]:
    """Those with something to show: what was made last, the recorded sweeps and their probes."""
    sweeps = project.artifacts / SWEEPS_FOLDER
    found: list[ModelTable] = []
    for folder in (
        project.artifacts / RESULTS_FOLDER,
        *(sorted(sweeps.iterdir()) if sweeps.is_dir() else []),
    ):
        try:
            found.append(TrainedTable(folder, archive))
        except AsiReproError:
            if folder.parent == sweeps and any(row_paths(folder)):
                found.append(SweepTable(folder, archive, project.certificates))
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


class TrainedTable(ModelTable):
    """A whole table of `asi-repro results`, with the loss curves."""

    OF = "trainings"
    columns = (
        Column("valid. loss", 8, lambda row: _mean(row.validation_loss), "{:.4f}"),
        Column("loss", 9, lambda row: _mean(row.loss), "{:.4f}"),
        Column("score", 7, lambda row: _mean(row.score, 100), "{:.2f}", True),
        Column("− DeltaNet [95%]", 20, _difference, "{:+.2f}", True, _interval, _told_apart),
        Column("p (Holm)", 9, _p_value, "{:.3g}"),
        Column("seeds", 6, lambda row: float(row.seeds), "{:.0f}", True),
    )

    def __init__(self, folder: Path, archive: Archive) -> None:
        super().__init__(folder, archive)
        self.results = read_results(folder)
        self.rows = self.results.models
        self.steps = sorted({float(point.step) for point in self.results.curves})

    @property
    def about(self) -> list[str]:
        return [self.results.summary.about]

    def figure(self, look: Look, theme: ThemeStyles) -> Figure:
        points: Lines = {}
        for point in self.results.curves:
            points.setdefault((point.name, point.seed), []).append((float(point.step), point.loss))
        return loss_figure(points, self.rows, look, theme, self.results.summary.against)


@dataclass(frozen=True)
class SweepModel:
    """A model of a recorded sweep: means over its seeds, and its place by validation loss once that is known.

    Attributes:
        leaks: whether it sees later tokens, and so has no place.
    """

    name: str
    title: str
    rows: Sequence[SweepRow]
    place: Place | None = None
    leaks: bool = False

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
    if row.place is None:
        return "leaks" if row.leaks else ""
    return f" [{row.place.low}, {row.place.high}]"


class SweepTable(ModelTable):
    """The rows of a sweep that is recorded in sittings, with their loss against what they cost."""

    OF = "sweep"
    columns = (
        Column("valid. loss", 8, lambda row: row.mean("validation_loss"), "{:.4f}"),
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

    def __init__(self, folder: Path, archive: Archive, certificates: Path | None) -> None:
        super().__init__(folder, archive)
        self.certificates = certificates
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
        """See `ModelTable`."""
        return sorted({float(step) for model in self.rows for row in model.rows for step in row.curve})

    @cached_property
    def rows(self) -> Sequence[SweepModel]:  # type: ignore[override]
        """See `ModelTable`."""
        from asi_repro.results.recorded_sweep import comparable, grouped

        groups = grouped(comparable(self._read[0])[0])
        found = {name: self.experiment(name) for name in groups}
        titles = {name: name if e is None else e.label for name, e in found.items()}
        return [SweepModel(name, titles[name], rows) for name, rows in groups.items()]

    def work_out(self, *, seed: int, resamples: int) -> None:
        """Reliability and agreement with the paper."""
        from asi_repro.claims.recorded_sweep import read_recorded

        sweep, _ = read_recorded(self.folder, self.archive, self.certificates, seed=seed, resamples=resamples)
        self.take(sweep)

    def take(self, sweep: RecordedSweep) -> None:
        """Give the models their places."""
        places, leaking = sweep.places, sweep.leaking_names
        self.rows = [replace(one, place=places.get(one.name), leaks=one.name in leaking) for one in self.rows]
        self.sweep = sweep

    @property
    def about(self) -> list[str]:
        ours = sum(not row.baseline for row in self.rows)
        tokens = self.rows[0].rows[0].tokens if self.rows else 0
        said = [
            f"{ours} of {len(self.archive.gallery)} architectures and {len(self.rows) - ours} baselines, "
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
            f"validation loss (nats) by MFLOPs per token: ● {safe_line(title, 30)}  ◇ baselines",
            [Series("", "", everything, theme.muted, "dots")],
            unit="MFLOPs",
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
