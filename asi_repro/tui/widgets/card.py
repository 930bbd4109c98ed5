"""Where an experiment stands: its ancestors with each score change, its facts, its best children."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.reactive import Reactive
from textual.widget import Widget

from asi_repro.archive.reader import Archive, Experiment
from asi_repro.text import counted
from asi_repro.tui.widgets.score import ScoreScale
from asi_repro.tui.widgets.text import line, safe_block, safe_line

_CHILDREN = 8
# Cells of the panel at its narrowest, and those before a name: index, score, change.
_NARROWEST = 43
_BEFORE_NAME = 26


def change(before: Experiment, after: Experiment) -> str:
    """The difference of two scores with its sign, or nothing."""
    if before.score is None or after.score is None:
        return ""
    return f"{after.score - before.score:+.3f}"


def arrow(before: Experiment, after: Experiment) -> str:
    """The sign of a change as a glyph."""
    if before.score is None or after.score is None or before.score == after.score:
        return "→"
    return "▲" if after.score > before.score else "▼"


def path_of(archive: Archive, index: int) -> list[Experiment]:
    """From the root to the experiment."""
    return [archive.experiments[i] for i in (*reversed(archive.lineage.ancestors(index)), index)]


def visit(index: int) -> Style:
    """The style of what a click on leads to an experiment, in the tree where one looks at the tree."""
    return Style(meta={"@click": f"app.visit({index})"})


def breadcrumb(path: list[Experiment], width: int) -> Text:
    """The path in one line, each index to be clicked; what does not fit is left out on the root's side."""
    parts = []
    for place, e in enumerate(path):
        step = "" if place == 0 else f" {arrow(path[place - 1], e)}{change(path[place - 1], e)} "
        parts.append((step, str(e.index)))
    used = 0
    first = len(parts)
    while first > 0 and used + len("".join(parts[first - 1])) <= width - 2:
        first -= 1
        used += len("".join(parts[first]))
    shown = Text("… " if first else "", no_wrap=True, overflow="ellipsis", end="")
    for place in range(first, len(parts)):
        step, name = parts[place]
        shown.append(step.lstrip() if place == first else step, style="dim")
        own = Style(bold=place == len(parts) - 1)
        shown.append(name, style=own + visit(path[place].index))
    return shown


class Card(Widget):
    """The panel beside the tree where there is room."""

    auto_links: Reactive[bool] = Reactive(False)
    DEFAULT_CSS = """
    Card {
        width: 36%; min-width: 46; max-width: 76; height: 1fr; padding: 0 1; border-left: solid $primary 50%;
        background: $background;
        overflow-y: auto; scrollbar-size-vertical: 1;
    }
    """

    def __init__(self) -> None:
        super().__init__(id="card")
        self._shown = Text()

    def show(self, archive: Archive, index: int | None, scale: ScoreScale, summary: str | None) -> None:
        """Show an experiment."""
        room = (self.content_size.width or _NARROWEST) - _BEFORE_NAME
        self._shown = Text() if index is None else card(archive, index, scale, summary, room)
        self.refresh(layout=False)

    def render(self) -> Text:
        return self._shown


def card(archive: Archive, index: int, scale: ScoreScale, summary: str | None, room: int) -> Text:
    """The panel's text; a name of a row has `room` cells."""
    path = path_of(archive, index)
    e = path[-1]
    shown = Text(safe_line(e.label), style="bold")
    if e.name != e.label:
        shown.append(f"\n{safe_line(e.name)}", style="dim not bold")
    shown.append("\n", style="not bold")
    marks = [f"depth {e.depth}", counted(e.children, "child", "children")]
    marks += ["★ gallery"] if e.in_gallery else []
    marks += [f"◆ program {archive.withheld}"] if e.has_program else []
    shown.append(" · ".join(marks), style="not bold")
    children = best_children(archive, index)
    rows = list(zip([None, *path[:-1]], path, strict=True))
    for title, steps in (
        ("From the root", rows),
        (children_title(archive, e), [(e, c) for c in children]),
    ):
        shown.append(f"\n\n{title}" if steps else "", style="underline not bold")
        for before, one in steps:
            row = lineage_row(before, one, scale, room, own=one is e)
            row.stylize(visit(one.index))
            shown.append("\n").append_text(row)
    if summary:
        shown.append("\n\nSummary\n", style="underline not bold")
        shown.append(safe_block(summary), style="not bold")
    return shown


def best_children(archive: Archive, index: int) -> list[Experiment]:
    """Up to eight, the best score first; in their order where nothing says which is better."""
    children = (archive.experiments[i] for i in archive.lineage.children(index))
    gain = archive.objective.gain
    return sorted(children, key=lambda c: (-gain(c.score), c.index))[:_CHILDREN]


def children_title(archive: Archive, e: Experiment) -> str:
    """What `best_children` shows."""
    children = counted(e.children, "child", "children")
    return f"Best of {children}" if archive.objective.directed else children


def lineage_row(
    before: Experiment | None, one: Experiment, scale: ScoreScale, room: int, *, own: bool = False
) -> Text:
    """Index, score, change and name of an experiment in a line; the name has `room` cells."""
    shown = Text(end="").append(f"{one.index:>6} ", style="dim not bold")
    score = scale.text(one.score)
    score.stylize("not bold", 0)
    step = " " * 9 if before is None else f" {arrow(before, one)}{change(before, one):>7}"
    shown.append_text(score).append(f"{step} ", style="not bold")
    name = line(("★ " if one.in_gallery else "") + one.label, "bold" if own else "not bold")
    name.truncate(room, overflow="ellipsis")
    return shown.append_text(name)
