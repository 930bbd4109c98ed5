"""How fast linear and softmax attention train, by the length of the sequence."""

from __future__ import annotations

from matplotlib.figure import Figure

from asi_repro.report.drawing import columns, thousands
from asi_repro.report.figures.training import line_styles
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Drawing, Paragraph, PlotData, plain
from asi_repro.results.speed import SPEED, Speeds, read_speeds
from asi_repro.results.table import SWEEPS_FOLDER

SOFTMAX = "transformer"


def blocks(inputs: Inputs) -> tuple[Block, ...] | None:
    """What it says and the figure, or None where nothing was measured."""
    path = inputs.project.artifacts / SWEEPS_FOLDER / SPEED
    if not path.is_file():
        return None
    speeds = read_speeds(path)
    return (Paragraph(speed_finding(speeds)), speed_drawing(speeds))


def speed_finding(speeds: Speeds) -> str:
    """Each model's speed as a multiple of softmax attention's, at each length."""
    rates: dict[str, dict[int, float]] = {}
    for row in speeds.rows:
        rates.setdefault(row.model, {})[row.length] = row.tokens_per_second
    softmax = rates.pop(SOFTMAX, {})
    said = []
    for name, found in rates.items():
        shared = sorted(set(found) & set(softmax))
        if shared:
            times = [f"{found[length] / softmax[length]:.2f} at {length:,}" for length in shared]
            faster = next((length for length in shared if found[length] > softmax[length]), None)
            since = f"faster from {faster:,} on" if faster else "faster at none of them"
            said.append(f"{name}: {', '.join(times)} tokens, {since}.")
    return (
        f"Training speed as a multiple of the softmax transformer's in the same frame. {' '.join(said)} "
        "Small models on one CPU: other sizes and machines cross elsewhere."
    )


def speed_drawing(speeds: Speeds) -> Drawing:
    """Tokens a second over length, both logarithmic."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for row in speeds.rows:
        lines.setdefault(row.model, []).append((row.length, row.tokens_per_second))
    said = "; ".join(
        f"{name} {', '.join(f'{rate:,.0f} at {length:,}' for length, rate in sorted(points))}"
        for name, points in lines.items()
    )
    return Drawing(
        id="speed-length",
        title="Training tokens a second against sequence length",
        alt=f"Tokens a second: {said}.",
        caption=speeds.about,
        source=f"measured on {speeds.hardware}, torch {speeds.torch}, {speeds.threads} thread(s)",
        draw=lambda figure: _draw(figure, lines),
        size=(8.6, 4.6),
        data=(
            PlotData(
                "speed_length",
                ("model", "length", "tokens_per_second"),
                tuple((row.model, row.length, row.tokens_per_second) for row in speeds.rows),
            ),
        ),
    )


def _draw(figure: Figure, lines: dict[str, list[tuple[float, float]]]) -> None:
    axes = figure.subplots()
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    styles = line_styles(list(lines))
    for name, points in lines.items():
        colour, dashes = styles[name]
        axes.plot(
            *columns(sorted(points)),
            marker="o",
            color=colour,
            linestyle=dashes,
            linewidth=1.6,
            label=plain(name),
        )
    axes.set_xticks(sorted({length for points in lines.values() for length, _ in points}))
    for axis in (axes.xaxis, axes.yaxis):
        thousands(axis)
    axes.set(xlabel="tokens a sequence", ylabel="tokens a second of processor time")
    axes.legend(loc="best")
