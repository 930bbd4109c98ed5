"""Ranked search in names, motivations, programs and the cognition base, as one types."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial
from typing import Any, ClassVar

from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input
from textual.worker import get_current_worker

from asi_repro.archive.search import KINDS, MARK_END, MARK_START, Hit, QueryError
from asi_repro.errors import AsiReproError
from asi_repro.tui.run_data import Source
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.widgets.line_layout import heading, prose
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.score import ScoreScale
from asi_repro.tui.widgets.text import safe_line

# An experiment, and the tab that has what was found.
Found = tuple[int, str]
_LIMIT = 20
_TITLES = {"experiment": "Experiments", "program": "Programs", "cognition": "Cognition base"}
_TABS = {"motivation": "motivation", "summary": "motivation", "source": "program"}


class SearchScreen(ModalScreen[Found | None]):
    """A question and what was found, best first; enter opens an experiment, or unfolds a cognition entry."""

    TITLE = "Search"
    DEFAULT_CSS = """
    SearchScreen { align: center middle; }
    SearchScreen > Vertical {
        width: 90%; max-width: 130; height: 90%; border: round $primary; background: $surface;
    }
    SearchScreen Input { height: 1; border: none; padding: 0 1; }
    SearchScreen LineList { padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Close", tooltip="Close the search"),
        Binding("down", "to_list", "To the list", tooltip="From the question to what was found"),
    ]

    def __init__(self, source: Source, scale: ScoreScale, asked: str) -> None:
        super().__init__()
        self.source, self.scale, self.asked = source, scale, asked
        self._hits: dict[str, list[Hit]] = {}
        self._unfolded: set[Hashable] = set()

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = "Search names, motivations, programs, cognition base"
            box.border_subtitle = "escape closes"
            yield Input(self.asked, placeholder='words, "a phrase", beginnings such as retent*', compact=True)
            yield LineList(empty="type a word")

    def on_mount(self) -> None:
        if self.asked:
            self._look(self.asked)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.asked = event.value
        self._look(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_to_list()

    def action_to_list(self) -> None:
        self.set_focus(self.query_one(LineList))

    def _look(self, asked: str) -> None:
        def work() -> None:
            worker = get_current_worker()
            try:
                found = {kind: self.source.search_index(kind).search(asked, _LIMIT) for kind in KINDS}
                said = "nothing matches: try fewer or shorter words, or a beginning such as retent*"
            except QueryError:
                found, said = {}, "type a word"
            except AsiReproError as error:
                found, said = {}, safe_line(f"{error.what}; {error.hint or ''}", 200)
            if not worker.is_cancelled and self.is_attached:
                self.app.call_later(partial(self._got, found, said))

        self.run_worker(work, thread=True, exclusive=True, group="load-search")

    def _got(self, found: dict[str, list[Hit]], said: str) -> None:
        self._hits = found
        self.query_one(LineList).set_empty(said)
        self._draw(keep=False)

    def _draw(self, *, keep: bool = True) -> None:
        theme, pane = theme_styles(self.app), self.query_one(LineList)
        width = max(pane.scrollable_content_region.width, 20)
        lines: list[Line] = []
        for kind, hits in self._hits.items():
            if hits:
                more = "the best " if len(hits) == _LIMIT else ""
                lines += heading(f"{_TITLES[kind]}: {more}{len(hits)}", theme.primary + theme.strong)[
                    not lines :
                ]
            for hit in hits:
                lines.append(Line(self._title(hit, theme), (hit.kind, hit.key)))
                lines.append(Line(_snippet(hit, theme), rest=False))
                if (hit.kind, hit.key) in self._unfolded:
                    lines += self._entry(str(hit.key), width)
        pane.show(lines, keep=keep)

    def _title(self, hit: Hit, theme: ThemeStyles) -> Text:
        shown = Text(no_wrap=True, overflow="ellipsis", end="")
        if hit.kind == "cognition":
            entry = self.source.cognition()[str(hit.key)]
            mark = "▾" if (hit.kind, hit.key) in self._unfolded else "▸"
            shown.append(f"{mark} {safe_line(entry['title'], 200)}", style=theme.strong)
            return shown.append(f"  {safe_line(str(hit.key), 60)}", style=theme.muted)
        e = self.source.archive.experiments[int(hit.key)]
        shown.append(f"{e.index:>6} ", style=theme.muted).append_text(self.scale.text(e.score))
        shown.append(" ★ " if e.in_gallery else "   ", style=theme.accent)
        return shown.append(safe_line(e.label, 100), style=theme.strong)

    def _entry(self, key: str, width: int) -> list[Line]:
        entry: dict[str, Any] = self.source.cognition()[key]
        texts = [str(text) for name, text in entry.items() if name not in ("id", "title") and text]
        return [line for text in texts for line in prose(text, width - 4, lead="    ")]

    @on(LineList.Selected)
    def _chosen(self, event: LineList.Selected) -> None:
        event.stop()
        if not isinstance(event.line.key, tuple):
            return
        kind, key = event.line.key
        if kind == "cognition":
            self._unfolded ^= {(kind, key)}
            self._draw()
            return
        hit = next(one for one in self._hits[kind] if one.key == key)
        self.dismiss((int(key), _TABS.get(hit.field, "overview")))


def _snippet(hit: Hit, theme: ThemeStyles) -> Text:
    shown = Text("          ", no_wrap=True, overflow="ellipsis", end="")
    shown.append(f"{hit.field.replace('_', ' ')}: ", style=theme.muted)
    for number, part in enumerate(" ".join(hit.snippet.split()).split(MARK_START)):
        found, _, rest = part.partition(MARK_END) if number else ("", "", part)
        shown.append(safe_line(found), style=theme.accent + Style(bold=True))
        shown.append(safe_line(rest))
    return shown
