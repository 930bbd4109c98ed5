"""Capability probes: which models learn which small synthetic task, beside chance and the noise of seeds."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Drawing, Paragraph, PlotData, plain
from asi_repro.report.palette import BLUE, GRID, INK, MUTED, VERMILLION
from asi_repro.results.probe_matrix import MATRIX, Cell, ProbeMatrix, read_matrix

_ROW_INCHES, _BAR = 0.19, 0.62
_MARKS = {1: " +", -1: " −", 0: ""}


def blocks(inputs: Inputs) -> tuple[Block, ...] | None:
    """What it says and the matrix, or None where no probe was summarised."""
    path = inputs.project.artifacts / MATRIX
    if not path.is_file():
        return None
    matrix = read_matrix(path)
    noise = "; ".join(
        f"{task.title} {task.pairs_apart} of {task.pairs} pairs of models told apart"
        + ("" if task.seed_deviation is None else f", one seed deviates by {task.seed_deviation:.3f}")
        for task in matrix.tasks.values()
    )
    return (Paragraph(matrix.sentence), Paragraph(f"Noise: {noise}.", tone="note"), drawing(matrix))


def drawing(matrix: ProbeMatrix) -> Drawing:
    """Models by tasks, a bar a cell."""
    models = [name for name, cells in matrix.models.items() if cells]
    rows = tuple(
        (name, task, cell.mean, cell.deviation, len(cell.scores), matrix.tasks[task].chance)
        for name in models
        for task, cell in matrix.models[name].items()
    )
    return Drawing(
        id="probes",
        title="Capability probes",
        alt=f"A matrix of {len(models)} models and {len(matrix.tasks)} synthetic tasks. {matrix.sentence}",
        caption=(
            "Share of right answers on unseen sequences, the mean over seeds, after a training of seconds; "
            "the red line is a guess. + and −: above and below DeltaNet by more than seeds differ (p < 0.05 "
            "after Holm's correction). Single skills at a very small size, not quality."
        ),
        source="this project's own probes, artifacts/sweeps/laptop/probes",
        draw=lambda figure: _draw(figure, matrix, models),
        size=(9.0, 1.6 + _ROW_INCHES * len(models)),
        dpi=110,
        data=(PlotData("probes", ("model", "task", "score", "deviation", "seeds", "chance"), rows),),
    )


def _draw(figure: Figure, matrix: ProbeMatrix, models: list[str]) -> None:
    axes = figure.add_subplot()
    for x, (name, task) in enumerate(matrix.tasks.items()):
        for y, model in enumerate(models):
            _cell(axes, x, y, matrix.models[model].get(name))
        at = x + _BAR * task.chance
        axes.plot([at, at], [-0.5, len(models) - 0.5], color=VERMILLION, linewidth=0.8)
    axes.set_yticks(range(len(models)), [plain(name) for name in models], fontsize=6.5, color=INK)
    places = [x + _BAR / 2 for x in range(len(matrix.tasks))]
    axes.set_xticks(places, [task.title for task in matrix.tasks.values()])
    axes.tick_params(axis="x", labeltop=True, labelbottom=False, top=False, bottom=False)
    for label in axes.get_xticklabels():
        label.set(fontsize=7.5, color=MUTED)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(-0.1, len(matrix.tasks)), ylim=(len(models) - 0.4, -0.7))
    axes.grid(visible=False)
    for side in axes.spines.values():
        side.set_visible(False)


def _cell(axes: Axes, x: int, y: int, cell: Cell | None) -> None:
    axes.barh(y, _BAR, left=x, height=0.6, color=GRID)
    if cell is not None and cell.mean is not None:
        axes.barh(y, _BAR * cell.mean, left=x, height=0.6, color=BLUE)
        said = f"{cell.mean:.2f}{_MARKS[cell.beyond_noise]}"
    else:
        said = "not run" if cell is None else "failed"
    axes.text(x + _BAR + 0.03, y, said, fontsize=6, color=INK, va="center")
