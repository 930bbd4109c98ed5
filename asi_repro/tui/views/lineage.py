"""The lineage: the tree of experiments, filtered as one types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.geometry import Size
from textual.reactive import Reactive
from textual.widget import Widget
from textual.widgets import Input, Static

from asi_repro.archive.filters import ArchiveFacts, FilterError, parse_filter
from asi_repro.errors import AsiReproError
from asi_repro.tui.deep_link import Link
from asi_repro.tui.dialogs import ChooseSome
from asi_repro.tui.lineage_columns import COLUMNS, ORDERS, VERDICT, LineageValues, better_first
from asi_repro.tui.lineage_rows import Outline
from asi_repro.tui.messages import Compare, OpenExperiment
from asi_repro.tui.view import View
from asi_repro.tui.widgets.card import Card, breadcrumb, path_of
from asi_repro.tui.widgets.line_list import LineList
from asi_repro.tui.widgets.run_picture import KINDS, RunPicture
from asi_repro.tui.widgets.score import Legend
from asi_repro.tui.widgets.text import safe_line
from asi_repro.tui.widgets.tree import LineageTree
from asi_repro.verify.certificate import leaks

_WIDE = 110
_LOW, _HIGH = 12, 44
_MAX_COMPARED = 4


class FilterInput(Input):
    """The line of the filter; down and escape lead back to the tree."""

    TITLE = "Lineage: the filter"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,enter", "leave", "To the tree", tooltip="Keep the filter and go to the tree"),
        Binding("escape", "clear", "Clear", tooltip="Clear the filter and go to the tree"),
    ]

    # Textual's own lays the whole screen out anew with every letter; this line never changes its size.
    virtual_size: Reactive[Size] = Reactive(Size(0, 0))

    def action_leave(self) -> None:
        # Not focus(), which takes effect later: the next key would still go into the filter.
        self.screen.set_focus(self.screen.query_one(LineageTree))

    def action_clear(self) -> None:
        with self.app.batch_update():  # one picture: the focus and the rows change together
            self.query_ancestor(LineageView).action_clear_filter()
            self.action_leave()


class LineageView(View):
    """Tree, filter, legend, and where the experiment under the cursor stands."""

    TITLE = "Lineage"
    DEFAULT_CSS = """
    LineageView #filter-line { height: 1; background: $surface; }
    LineageView #filter-mark { width: 2; color: $accent; text-style: bold; }
    LineageView FilterInput { width: 1fr; border: none; height: 1; padding: 0; background: $surface; }
    LineageView #count {
        width: 44; max-width: 45%; padding: 0 1; color: $text-muted; text-align: right;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    LineageView #count.-wrong { color: $error; text-style: bold; width: auto; max-width: 75%; }
    LineageView #crumbs { height: 1; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "clear_filter", "Clear filter", tooltip="Clear the filter; without one, go back"),
        Binding("slash", "filter", "Filter", key_display="/", tooltip="Filter as you type"),
        Binding("s", "sort", "Sort", tooltip="Sort by the next column"),
        Binding("S", "reverse", "Reverse", show=False, tooltip="Sort the other way round"),
        Binding("v", "columns", "Columns", tooltip="Choose the columns"),
        Binding("o", "picture", "Picture", tooltip="Scores over the run, the map of depths, or neither"),
        Binding("f", "flat", "Tree/list", tooltip="Tree, or a flat list in the chosen order"),
        Binding("m", "bookmark", "Bookmark", tooltip="Bookmark, or not any more"),
        Binding("x", "mark", "Mark", show=False, tooltip="Mark for comparison, up to four"),
        Binding("c", "compare", "Compare", show=False, tooltip="Compare what is marked, or with the parent"),
        Binding("plus", "open_all", "Unfold all", show=False, key_display="+"),
        Binding("minus", "close_all", "Fold all", show=False, key_display="-"),
        Binding("asterisk", "below", "Unfold below", show=False, key_display="*", tooltip="Unfold all below"),
    ]

    def prepare(self) -> None:
        archive = self.source.archive
        values = LineageValues(archive.experiments, archive.lineage, archive)
        self.outline = Outline(archive.experiments, archive.lineage, values)
        self.facts = ArchiveFacts(archive)
        self._leaks_known = False
        self._applied = ""
        # What a filter leaves where it is: the experiment, and its line of the screen.
        self._anchor: tuple[int | None, int] = (None, 0)
        self._picture: str | None = None  # none was chosen: where there is room
        # The first rows shown move the cursor: until the last place is found again they tell nothing.
        self._place_found = False
        self._last_place = self.app.run_state.index

    def compose(self) -> ComposeResult:
        with Horizontal(id="filter-line"):
            yield Static("/ ", id="filter-mark", markup=False)
            yield FilterInput(
                placeholder=f"filter: {' '.join(self._example())}", compact=True, select_on_focus=False,
            )  # fmt: skip
            yield Static("", id="count", markup=False)
        with Horizontal():
            yield LineageTree(self.outline, self.app.scale, self.app.bookmarks)
            yield Card()
        yield RunPicture()
        yield Static("", id="crumbs", markup=False)
        yield Legend(self.app.scale, gallery=bool(self.source.archive.gallery))

    def _example(self) -> Iterator[str]:
        """Terms of a filter that would find something in this run."""
        scale, archive = self.app.scale, self.source.archive
        if scale.starts:
            yield f"score{'>' if scale.objective.sign > 0 else '<'}{scale.starts[4]:.2g}"
        yield from ["gallery:yes"] if archive.gallery else []
        yield "has:program"
        yield from [] if archive.imported else ["leak:no"]
        yield from ("text:word", "name")

    def on_mount(self) -> None:
        self.lines = self.query_one(LineageTree)
        self.watch(self.app, "theme", self._theme_changed, init=False)
        # Not by the messages of both, which come after the screen is painted: it would be painted twice.
        self.watch(self.lines, "cursor", self._moved, init=False)
        self.watch(self.query_one(FilterInput), "value", self._typed, init=False)
        self._count()
        self.call_after_refresh(self._go_to_last_place)

    def first_focus(self) -> Widget:
        return self.lines

    def open(self, arguments: dict[str, Any]) -> None:
        if isinstance(wanted := arguments.get("filter"), str):
            self._filter_by(wanted)
        index = arguments.get("index")
        if index is None:
            return
        self.source.archive.get(index)
        self._place_found, self._last_place = True, index
        if not self.lines.go_to(index, centre=True):
            self._filter_by("")
            self.lines.go_to(index, centre=True)

    def _go_to_last_place(self) -> None:
        self._place_found = True
        if self._last_place in self.source.archive.experiments:
            self.lines.go_to(self._last_place, centre=True)
        elif self.app.run_state.index is None:
            self.app.run_state.index = self.lines.current

    def on_resize(self, event: events.Resize) -> None:
        self.query_one(Card).display = event.size.width >= _WIDE
        self.query_one("#crumbs").display = event.size.width < _WIDE and event.size.height >= _LOW
        self.query_one(Legend).display = event.size.height >= _LOW
        picture = self.query_one(RunPicture)
        picture.set_class(event.size.height < _HIGH, "-low")
        if self._picture is None:
            picture.display = event.size.height >= _HIGH
        if hasattr(self, "lines"):
            self._show_current()
            self.call_after_refresh(self._read_verdicts)

    def _theme_changed(self) -> None:
        self.lines.scale = self.app.scale
        self.query_one(Legend).show(self.app.scale)
        self.lines.again()
        self._show_current()

    # Filter and order

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def _typed(self, text: str) -> None:
        if text != self._applied:
            self._apply(text)

    def _apply(self, text: str) -> None:
        self._applied = text
        try:
            wanted = parse_filter(text)
        except FilterError as error:
            # Half a term is on its way to a whole one: what was found before stays.
            self._count(wrong=error.why)
            return
        if wanted.uses("leak") and not self._leaks_known:
            self._count(wrong="reading certificates …")
            again = partial(self._leaks_read, text)
            self.load(self._read_leaks, again, failed=self._no_leaks, group="load-leaks")
            return
        found = wanted.apply(self.outline.experiments.values(), self.facts) if wanted.terms else None
        keep = self.lines.current
        if self._anchor[0] != keep:
            self._anchor = (keep, self.lines.above)
        self.outline.filter(found, keep)
        if found is None and keep is not None:
            self.outline.reveal(keep)
        self._shown(keep, self._anchor[1])
        self.refresh_bindings()

    def _read_leaks(self) -> dict[int, bool]:
        return leaks(self.source.certificates())

    def _leaks_read(self, text: str, found: dict[int, bool]) -> None:
        self.facts = ArchiveFacts(self.source.archive, found)
        self._leaks_known = True
        self._apply(text)

    def _no_leaks(self, error: AsiReproError) -> None:
        self._count(wrong="no certificates here")
        self.app.report(error)

    def _count(self, *, wrong: str = "") -> None:
        shown = self.query_one("#count", Static)
        total = len(self.outline.experiments)
        found = total if self.outline.matching is None else len(self.outline.matching)
        what = f"{found:,} of {total:,}" if self.outline.matching is not None else f"{total:,}"
        kind = "list" if self.outline.flat else "tree"
        arrow = "↓" if self.outline.descending else "↑"
        order = f"{what} · {kind} by {ORDERS[self.outline.order].title} {arrow}"
        shown.update(safe_line(wrong, 80) if wrong else order, layout=False)
        shown.set_class(bool(wrong), "-wrong")

    def action_filter(self) -> None:
        self.screen.set_focus(self.query_one(FilterInput))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "clear_filter" or bool(self.is_mounted and self.query_one(FilterInput).value)

    def action_clear_filter(self) -> None:
        self._filter_by("")

    def _filter_by(self, text: str) -> None:
        self.query_one(FilterInput).value = text
        self._typed(text)

    def action_sort(self) -> None:
        names = ["index", *(column.name for column in self.lines.columns), "name"]
        place = names.index(self.outline.order) + 1 if self.outline.order in names else 0
        self.outline.order = names[place % len(names)]
        self.outline.descending = better_first(self.outline.order, self.source.archive.objective)
        self._again()

    def action_reverse(self) -> None:
        self.outline.descending = not self.outline.descending
        self._again()

    @work
    async def action_columns(self) -> None:
        here = self.lines.columns if self.lines.chosen is None else self.lines.chosen
        names = [column if isinstance(column, str) else column.name for column in here]
        rows = [(column.name, f"{column.title:<8} {column.about}") for column in COLUMNS]
        chosen = await self.app.push_screen_wait(ChooseSome("Columns, besides index and name", rows, names))
        if chosen is not None:
            self.lines.chosen = tuple(chosen)
            self._read_verdicts()
            self.lines.again()

    def _read_verdicts(self) -> None:
        """Read the certificates, where a column needs them."""
        values = self.outline.values
        if values.knows(VERDICT) or not any(column.name == VERDICT for column in self.lines.columns):
            return

        def got(found: dict[int, int]) -> None:
            values.know(VERDICT, found)
            if self.outline.order == VERDICT:
                self._again()
            self.lines.again()

        def none(error: AsiReproError) -> None:
            values.know(VERDICT, {})  # the column is empty, as the certificates view says why

        self.load(self._failures, got, failed=none, group="load-verdicts")

    def _failures(self) -> dict[int, int]:
        return {one.index: one.counts()["fail"] for one in self.source.certificates()}

    def action_flat(self) -> None:
        self.outline.flat = not self.outline.flat
        self._again()

    def action_open_all(self) -> None:
        self._laid_out(self.outline.open_all)

    def action_close_all(self) -> None:
        self._laid_out(self.outline.close_all)

    def action_below(self) -> None:
        if self.lines.current is not None:
            self._laid_out(partial(self.outline.open_all, self.lines.current))

    def _again(self) -> None:
        self._laid_out(self.outline.rebuild)

    def _laid_out(self, lay_out: Callable[[], None]) -> None:
        keep = self.lines.current
        lay_out()
        self._shown(keep)

    def _shown(self, keep: int | None, above: int | None = None) -> None:
        """Other rows, the cursor on the same experiment."""
        self.lines.refresh_rows(keep, above)
        self._count()
        self._highlighted(self.lines.current)

    # The experiment under the cursor

    def on_line_list_highlighted(self, message: LineList.Highlighted) -> None:
        message.stop()

    def _moved(self) -> None:
        self._highlighted(self.lines.current)

    def _highlighted(self, index: int | None) -> None:
        if index is not None and self._place_found:
            self.app.run_state.index = index
        self._show_current()

    def _show_current(self) -> None:
        index = self.lines.current
        archive = self.source.archive
        self._show_picture(index)
        crumbs = self.query_one("#crumbs", Static)
        card = self.query_one(Card)
        if crumbs.display:
            text = Text() if index is None else breadcrumb(path_of(archive, index), self.size.width)
            crumbs.update(text, layout=False)
        if card.display:
            summary = self._summary(index) if index is not None else None
            card.show(archive, index, self.app.scale, summary)

    def _show_picture(self, index: int | None) -> None:
        kind = self._picture or (KINDS[0] if self.query_one(RunPicture).display else KINDS[-1])
        self.query_one(RunPicture).show(kind, self.source.archive, self.app.scale, index)

    def action_picture(self) -> None:
        picture = self.query_one(RunPicture)
        now = picture.kind if picture.display else KINDS[-1]
        self._picture = KINDS[(KINDS.index(now) + 1) % len(KINDS)]
        self._show_picture(self.lines.current)

    def on_run_picture_picked(self, message: RunPicture.Picked) -> None:
        message.stop()
        self.lines.go_to(message.index, centre=True)

    def _summary(self, index: int) -> str | None:
        if not self.source.archive.experiments[index].has_program:
            return None
        return self.source.archive.program(index).summary

    def on_line_list_selected(self, message: LineList.Selected) -> None:
        message.stop()
        if self.lines.current is not None:
            self.post_message(OpenExperiment(self.lines.current))

    def action_bookmark(self) -> None:
        if self.lines.current is not None:
            self.app.toggle_bookmark(self.lines.current)
            self.lines.again()

    def action_mark(self) -> None:
        index, marked = self.lines.current, self.lines.marked
        if index is None:
            return
        if index in marked:
            marked.remove(index)
        elif len(marked) < _MAX_COMPARED:
            marked.append(index)
        else:
            self.app.notify(f"{_MAX_COMPARED} are marked already; x takes a mark away", timeout=4)
        self.lines.again()

    def action_compare(self) -> None:
        index = self.lines.current
        chosen = list(self.lines.marked)
        if len(chosen) < 2 and index is not None:
            parent = self.outline.lineage.parent(index)
            chosen = list(dict.fromkeys([*chosen, *([parent] if not chosen and parent else []), index]))
        if len(chosen) < 2:
            self.app.notify("mark two to four experiments with x, then press c", timeout=4)
            return
        self.post_message(Compare(chosen))

    # State and files

    def link(self) -> Link:
        return Link("lineage", self.lines.current, filter=self.query_one(FilterInput).value or None)

    def table(self) -> list[dict[str, Any]]:
        values, experiments = self.outline.values, self.outline.experiments
        return [
            {"index": index, "name": experiments[index].name, "label": experiments[index].label}
            | {column.name: values.of(column.name).get(index) for column in COLUMNS}
            for index in self.outline.rows
        ]

    def state(self) -> dict[str, Any]:
        return {
            "filter": self.query_one(FilterInput).value,
            "order": self.outline.order,
            "descending": self.outline.descending,
            "columns": self.lines.chosen,
            "picture": self._picture,
            "flat": self.outline.flat,
            "opened": sorted(self.outline.opened_by_hand)[:500],
        }

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("order") in ORDERS:
            self.outline.order = state["order"]
        self.outline.descending = state.get("descending") is True
        self._picture = state.get("picture") if state.get("picture") in KINDS else None
        if isinstance(columns := state.get("columns"), list):
            self.lines.chosen = tuple(column.name for column in COLUMNS if column.name in columns)
        self.outline.flat = state.get("flat") is True
        opened = state.get("opened")
        if isinstance(opened, list):
            self.outline.opened |= {i for i in opened if isinstance(i, int)} & self.outline.experiments.keys()
        self._again()
        text = state.get("filter")
        if isinstance(text, str) and text:
            self.query_one(FilterInput).value = text

    def reload(self) -> None:
        before, picture = self.outline, self._picture
        self.prepare()
        self._picture = picture
        self._place_found = True
        self.outline.order, self.outline.descending = before.order, before.descending
        self.outline.flat = before.flat
        self.outline.opened |= before.opened_by_hand & self.outline.experiments.keys()
        keep = self.lines.current
        self.lines.outline, self.lines.scale = self.outline, self.app.scale
        self.query_one(Legend).show(self.app.scale)
        self.outline.rebuild()
        self._apply(self.query_one(FilterInput).value)
        self.lines.refresh_rows(keep)
