"""A ledger as a view: entries in groups, what one of them rests on, and the experiments that it names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from asi_repro.errors import MissingInput
from asi_repro.tui.messages import OpenExperiment, ShowInLineage
from asi_repro.tui.theme import ThemeStyles, theme_styles, verdict_mark
from asi_repro.tui.view import View
from asi_repro.tui.widgets.line_layout import heading
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.text import cell, safe_line

WIDE = 120
_ID = 22  # cells of an entry's name


class EntriesView(View):
    """The list, and the detail of the entry that the cursor is on.

    A view of it says what its entries are: `read`, `group`, `cells` and `detail`. `VERDICT` names the field
    that `f` filters by, `COLUMNS` what the list's second and third column are called, `BOTH` from how many
    cells of the list there is room for both.
    """

    VERDICT: ClassVar[str] = "verdict"
    COLUMNS: ClassVar[tuple[str, str, str]] = ("", "", "")
    BOTH: ClassVar[int] = 70
    DEFAULT_CSS = """
    EntriesView > .entries-counts {
        height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    EntriesView > .entries-panes { layout: vertical; height: 1fr; }
    EntriesView .entries-list { height: 2fr; min-height: 6; padding: 0 1; }
    EntriesView .entries-detail { height: 3fr; border-top: solid $primary 50%; padding: 0 1; }
    EntriesView.-wide > .entries-panes { layout: horizontal; }
    EntriesView.-wide .entries-list { width: 1fr; height: 1fr; }
    EntriesView.-wide .entries-detail {
        width: 1fr; height: 1fr; border-top: none; border-left: solid $primary 50%;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "filter", "Filter", tooltip="Show one verdict or answer only: the next, then all"),
        Binding("s", "group", "Group", tooltip="Group by theme, or by verdict or answer"),
        Binding("n", "row(1)", "Next row", show=False, tooltip="Next experiment in the rows"),
        Binding("p", "row(-1)", "Last row", show=False, tooltip="Experiment before in the rows"),
        Binding("l", "lineage", "Lineage", tooltip="Show the experiment of the row in the lineage"),
    ]

    def read(self) -> Sequence[Any]:
        """All entries, in order; each has an `id`."""
        raise NotImplementedError

    def group(self, entry: Any) -> str:
        """The heading that an entry stands under."""
        raise NotImplementedError

    def cells(self, entry: Any) -> tuple[str, str]:
        """Its second and third column."""
        raise NotImplementedError

    def detail(self, entry: Any, width: int, theme: ThemeStyles) -> list[Line]:
        """All that is known of it."""
        raise NotImplementedError

    def prepare(self) -> None:
        paths, name = self.source.paths, self.TITLE.casefold()
        if paths.live is not None and not getattr(paths, name).is_file():
            raise MissingInput(
                f"the {name} are about the release, not about the run {paths.name}",
                hint="`asi-repro browse` without --run opens the release; 6 lists the runs",
            )
        self._entries = list(self.read())
        self._shown = self._entries
        self._only: str | None = None
        self._by_verdict = False
        self._detailed: str | None = None

    def compose(self) -> ComposeResult:
        name = (self.id or "").removeprefix("view-")
        yield Static(id=f"{name}-counts", classes="entries-counts")
        with Container(classes="entries-panes"):
            yield LineList(
                id=f"{name}-list", classes="entries-list", empty=f"no entry has this {self.VERDICT}"
            )
            yield LineList(id=f"{name}-detail", classes="entries-detail")

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw, init=False)
        self._draw()

    @property
    def _list(self) -> LineList:
        return self.query_one(".entries-list", LineList)

    @property
    def _detail(self) -> LineList:
        return self.query_one(".entries-detail", LineList)

    def first_focus(self) -> Widget | None:
        return self._list

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE, "-wide")

    @on(LineList.Resized)
    def _fit(self, event: LineList.Resized) -> None:
        """Lay out for the width that a pane has got: the view's own resize comes before its panes'."""
        event.stop()
        if event.line_list is self._list:
            self._draw_list(theme_styles(self.app))
        else:
            self._draw_detail()

    # What is shown

    def _verdict(self, entry: Any) -> str:
        return str(getattr(entry, self.VERDICT))

    def _draw(self) -> None:
        theme = theme_styles(self.app)
        shown = Text(end="")
        for verdict, count in Counter(map(self._verdict, self._entries)).items():
            glyph, style = verdict_mark(verdict, theme)
            shown.append(
                f"{glyph} {count} {safe_line(verdict)}   ",
                style=style + theme.strong if self._only == verdict else style,
            )
        if self._only is not None:
            shown.append(f"only {safe_line(self._only)}; f for the next", style=theme.muted)
        self.query_one(".entries-counts", Static).update(shown, layout=False)
        self._shown = [one for one in self._entries if self._only in (None, self._verdict(one))]
        self._draw_list(theme)
        self._draw_detail()

    def _draw_list(self, theme: ThemeStyles) -> None:
        width = max(self._list.scrollable_content_region.width - 1, 40)
        groups: dict[str, list[Any]] = {}
        for entry in self._shown:
            named = self._verdict(entry) if self._by_verdict else self.group(entry)
            groups.setdefault(named, []).append(entry)
        lines: list[Line] = []
        for name, entries in groups.items():
            title = heading(name[:1].upper() + name[1:], theme.primary + theme.strong)
            lines += title if lines else title[1:]
            for one in entries:
                glyph, style = verdict_mark(self._verdict(one), theme)
                first, second, third = self._columns((one.id, *self.cells(one)), width)
                shown = Text(end="").append(f"{glyph} ", style=style).append(first, style=theme.strong)
                lines.append(Line(shown.append(second, style=theme.muted).append(third), one.id))
        self._list.show(lines, Text("  " + "".join(self._columns(self.COLUMNS, width)), end=""))

    def _columns(self, texts: tuple[str, str, str], width: int) -> tuple[str, str, str]:
        """Three cells of a row of that width; without room the second is left to the detail."""
        name, second, third = (safe_line(text, 240) for text in texts)
        room = max(width - 2 - _ID, 10)
        if width < self.BOTH:
            return cell(name, _ID - 1) + " ", "", cell(third, room)
        part = room * 2 // 5
        return cell(name, _ID - 1) + " ", cell(second, part - 2) + "  ", cell(third, room - part)

    def _draw_detail_if_other(self) -> None:
        if self._list.line is None or self._detailed != self._list.line.key:
            self._draw_detail()

    def _draw_detail(self) -> None:
        entry, pane = self.chosen(), self._detail
        width = max(pane.scrollable_content_region.width - 1, 40)
        lines = [] if entry is None else self.detail(entry, width, theme_styles(self.app))
        pane.show(lines, keep=entry is not None and self._detailed == entry.id)
        self._detailed = None if entry is None else entry.id

    def chosen(self) -> Any:
        """The entry that the cursor is on, or None."""
        line = self._list.line
        return next((one for one in self._shown if line is not None and one.id == line.key), None)

    def known(self, row: dict[str, Any]) -> int | None:
        """The experiment that a row of evidence is about, if it is in the run."""
        index = row.get("index")
        return index if isinstance(index, int) and index in self.source.archive.experiments else None

    def leads(self, row: dict[str, Any]) -> Text:
        """An arrow before a row that enter opens."""
        return Text(" ") if self.known(row) is None else Text("→", style=theme_styles(self.app).accent)

    # Moving

    @on(LineList.Highlighted, ".entries-list")
    def _moved(self, event: LineList.Highlighted) -> None:
        event.stop()
        if self._detailed != event.line.key:
            # The list first: a held key must not wait for every detail on its way.
            self.call_after_refresh(self._draw_detail_if_other)

    @on(LineList.Selected, ".entries-list")
    def _chose(self, event: LineList.Selected) -> None:
        event.stop()
        self._detail.focus()

    @on(LineList.Selected, ".entries-detail")
    def _go(self, event: LineList.Selected) -> None:
        event.stop()
        if isinstance(event.line.key, int):
            self.post_message(OpenExperiment(event.line.key))

    def action_filter(self) -> None:
        verdicts = [None, *dict.fromkeys(map(self._verdict, self._entries))]
        self._only = verdicts[(verdicts.index(self._only) + 1) % len(verdicts)]
        self._draw()

    def action_group(self) -> None:
        self._by_verdict = not self._by_verdict
        self._draw()

    def action_row(self, step: int) -> None:
        self._detail.focus()
        self._detail.next_key(step)

    def action_lineage(self) -> None:
        line = self._detail.line
        if line is not None and isinstance(line.key, int):
            self.post_message(ShowInLineage(line.key))
        else:
            self.app.notify("n goes to the next row with an experiment", title="No experiment in this row")

    # Kept between sessions

    def open(self, arguments: dict[str, Any]) -> None:
        if isinstance(arguments.get("id"), str):
            self._only = None
            self._draw()
            self._list.go(arguments["id"])

    def table(self) -> list[dict[str, Any]]:
        _, second, third = self.COLUMNS
        return [
            {
                "id": one.id,
                self.VERDICT: self._verdict(one),
                **dict(zip((second, third), self.cells(one), strict=True)),
            }
            for one in self._shown
        ]

    def state(self) -> dict[str, Any]:
        line = self._list.line
        return {"id": line.key if line else None, "only": self._only, "by_verdict": self._by_verdict}

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("only") in set(map(self._verdict, self._entries)):
            self._only = state["only"]
        self._by_verdict = state.get("by_verdict") is True
        self._draw()
        self._list.go(state.get("id"))

    def reload(self) -> None:
        by_verdict = self._by_verdict
        self.prepare()
        self._by_verdict = by_verdict
        self._draw()
