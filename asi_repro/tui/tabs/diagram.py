"""The diagram: drawn in the terminal where it can, and opened in a browser from a temporary file."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO, StringIO
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from asi_repro.archive.svg import sanitise_svg
from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.terminal_images import can_draw, picture_widget
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.text import safe_line

_PIXELS = 1600
_MAX_LABELS = 200
_TEXT = re.compile(r"<(?:text|tspan)[^>]*>([^<]+)<")


@dataclass(frozen=True)
class Picture:
    """A diagram made harmless, and as pixels where it could be drawn."""

    index: int
    svg: str
    png: bytes | None
    labels: list[str]


class DiagramTab(Tab):
    """The picture, or what it says in words."""

    TITLE = "Diagram"
    picture: Picture | None = None
    words = False
    _file: Path | None = None
    DEFAULT_CSS = """
    DiagramTab > #diagram-note { height: auto; padding: 0 1; color: $text-muted; background: $surface; }
    DiagramTab > VerticalScroll { height: 1fr; }
    DiagramTab > VerticalScroll > * { width: auto; height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("o", "open", "In browser", tooltip="Open the diagram in a browser"),
        Binding("w", "words", "Words", tooltip="The words of the diagram, or the picture"),
    ]

    def compose(self) -> ComposeResult:
        yield Static(id="diagram-note", markup=False)
        yield LineList(fixed=True, empty="the diagram has no words")
        yield VerticalScroll()

    def read(self, index: int) -> Picture:
        diagram = self.source.archive.program(index).diagram
        if not diagram:
            raise MissingInput(f"experiment {index} has no diagram")
        svg = sanitise_svg(diagram)
        labels = [safe_line(_unescape(found).strip(), 120) for found in _TEXT.findall(svg)]
        png = rasterise(svg) if can_draw() else None
        return Picture(index, svg, png, [label for label in labels if label][:_MAX_LABELS])

    def fill(self, data: Picture) -> None:
        self.picture = data
        self.query_one(LineList).show([Line(Text(label)) for label in data.labels], keep=False)
        self._choose()

    def _choose(self) -> None:
        """The picture where it can be drawn and is wanted, else the words."""
        box, words = self.query_one(VerticalScroll), self.query_one(LineList)
        box.remove_children()
        png = self.picture.png if self.picture is not None and not self.words else None
        drawn = None if png is None else picture_widget(BytesIO(png))
        if drawn is not None:
            box.mount(drawn)
        box.display, words.display = drawn is not None, drawn is None
        how = "w shows its words or the picture" if can_draw() else "this terminal draws no pictures"
        note = f"Shapes and texts only, all else was taken out. o opens it in a browser; {how}."
        self.query_one("#diagram-note", Static).update(note)

    def action_words(self) -> None:
        self.words = not self.words
        self._choose()

    def action_open(self) -> None:
        if self.picture is None:
            return
        if self.app.is_web:  # a file of this machine is none of the browser's
            self.app.deliver_text(
                StringIO(page_of(self.picture)),
                save_filename=f"asi-repro-{self.picture.index}.html", open_method="browser",
                mime_type="text/html",
            )  # fmt: skip
            return
        self._file = write_page(self.picture)
        self.app.open_url(self._file.as_uri())
        self.app.notify(str(self._file), title="Opened; if no browser came up, open this file", timeout=8)

    def on_unmount(self) -> None:
        if self._file is not None:
            self._file.unlink(missing_ok=True)


def rasterise(svg: str, width: int = _PIXELS) -> bytes | None:
    """The picture as PNG; None where resvg is not installed or cannot draw it.

    resvg runs no script and loads nothing: what could be loaded was taken out before.
    """
    if find_spec("resvg_py") is None:
        return None
    import resvg_py

    try:
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, background="#ffffff", width=width))
    except ValueError:
        return None


def page_of(picture: Picture) -> str:
    """The diagram as a page, whose policy forbids scripts and loading in any case, rather than a bare SVG."""
    return (
        '<!doctype html><meta charset="utf-8">'
        '<meta http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;">'
        f"<title>Experiment {picture.index}</title>{picture.svg}\n"
    )


def write_page(picture: Picture) -> Path:
    """The diagram in a new temporary file that only its owner reads."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", prefix=f"asi-repro-{picture.index}-", suffix=".html", delete=False
        ) as file:
            file.write(page_of(picture))
    except OSError as error:
        raise AsiReproError(
            f"cannot write the diagram: {error}", hint="set TMPDIR to a writable folder"
        ) from error
    return Path(file.name)


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
