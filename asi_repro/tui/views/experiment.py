"""One experiment: a head that says where it stands, and tabs that are read when they are opened."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.text import counted
from asi_repro.tui.deep_link import Link
from asi_repro.tui.lineage_rows import best_child, neighbour
from asi_repro.tui.messages import Compare, ShowInLineage
from asi_repro.tui.registry import TABS
from asi_repro.tui.run_data import Source
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.view import View, turn_to
from asi_repro.tui.widgets.bar import TabBar
from asi_repro.tui.widgets.card import breadcrumb, path_of
from asi_repro.tui.widgets.text import line, safe_line

_LOW = 10
# Seconds that a tab is waited for before it is shown without what it reads: one picture, not two.
_PATIENCE = 0.08
_READING = "reading"
# What a program is needed for.
_OF_PROGRAMS = frozenset(
    {"motivation", "program", "diff", "benchmarks", "certificate", "cognition", "diagram"}
)

_OF_NO_IMPORT = frozenset({"training", "cognition", "diagram"})


class ExperimentView(View):
    """Head, bar of tabs, and one tab."""

    TITLE = "Experiment"
    DEFAULT_CSS = """
    ExperimentView > .head { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; }
    ExperimentView > .head { text-overflow: ellipsis; }
    ExperimentView > #tabs { height: 1fr; }
    ExperimentView #reading { padding: 0 1; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(spec.key, f"tab('{spec.name}')", spec.title, show=False, tooltip=f"Tab: {spec.title}")
            for spec in TABS
        ),
        Binding("right_square_bracket", "step(1)", "Next tab", key_display="]", tooltip="Next tab"),
        Binding("left_square_bracket", "step(-1)", "Previous tab", show=False, key_display="["),
        Binding("p", "parent", "Parent", tooltip="Open the parent"),
        Binding("b", "best_child", "Best child", show=False, tooltip="Open the best child"),
        Binding("full_stop", "sibling(1)", "Next sibling", show=False, key_display="."),
        Binding("comma", "sibling(-1)", "Previous sibling", show=False, key_display=","),
        Binding("t", "lineage", "In tree", tooltip="Show it in the lineage"),
        Binding("m", "bookmark", "Bookmark", show=False, tooltip="Bookmark, or not any more"),
        Binding("c", "compare", "Compare", show=False, tooltip="Compare with its parent"),
    ]

    # So that its keys work while the first tab is being made.
    can_focus = True

    def __init__(self, source: Source, *, name: str) -> None:
        super().__init__(source, name=name)
        self.tab = TABS[0].name
        self._part: str | None = None
        self._others: tuple[int, ...] = ()

    def prepare(self) -> None:
        index = self._last_index()
        if index is None:
            raise MissingInput(
                "no experiment is chosen yet",
                hint="press 1 for the lineage and enter on an experiment, or G and type an index or a name",
            )
        self.experiment = self.source.archive.get(index)

    def _last_index(self) -> int | None:
        """The experiment last looked at, if the run has it."""
        index = self.app.run_state.index
        return index if index in self.source.archive.experiments else None

    def compose(self) -> ComposeResult:
        yield Static(id="head", classes="head", markup=False)
        yield Static(id="path", classes="head", markup=False)
        yield TabBar()
        with ContentSwitcher(id="tabs"):
            yield Static("reading …", id=_READING, markup=False)

    def on_mount(self) -> None:
        self.switcher = self.query_one("#tabs", ContentSwitcher)
        self.watch(self.app, "theme", self._theme_changed, init=False)

    def open(self, arguments: dict[str, Any]) -> None:
        index = arguments.get("index")
        if index is not None:
            self.experiment = self.source.archive.get(index)
            self.app.run_state.index = index
        tab, self._part = arguments.get("tab"), arguments.get("part")
        self._others = tuple((arguments.get("indices") or ())[1:])
        if tab and any(spec.name == tab for spec in TABS):
            self.tab = tab

    def first_focus(self) -> Widget | None:
        tab = self._tab() if self.switcher.current != _READING else None
        return None if tab is None else tab.first_focus()

    def _tab(self) -> Tab | None:
        return next((t for t in self.switcher.query(Tab) if t.id == f"tab-{self.tab}"), None)

    async def ready(self) -> None:
        """Show the tab, filled where that does not take long.

        Runs in the app's messages, as actions do: a key that is pressed meanwhile finds the tab there.
        """
        self._head()
        bar = self.query_one(TabBar)
        bar.current, bar.absent = self.tab, self._absent()
        tab = self._tab()
        if tab is None:
            spec = next(spec for spec in TABS if spec.name == self.tab)
            tab = spec.load_class()(self, spec.name, self._settled)
            await self.switcher.add_content(tab)
        tab.show_experiment(self.experiment.index)
        if self._others:
            tab.compare(self._others)
        tab.go_to(self._part)
        self._part, self._others = None, ()
        # What another experiment has there is not shown under this one's head.
        self.switcher.current = tab.id if await tab.settled(_PATIENCE) else _READING

    def _absent(self) -> frozenset[str]:
        """Tabs that have nothing to show, as far as that can be told at once."""
        absent = frozenset() if self.source.has_traces else frozenset({"trace"})
        if self.source.imported is not None:
            absent |= _OF_NO_IMPORT
        return absent if self.experiment.has_program else absent | _OF_PROGRAMS

    def _settled(self, tab: Tab) -> None:
        """What a tab reads is there: show it, if it is waited for."""
        if tab is self._tab() and self.switcher.current == _READING:
            self.switcher.current = tab.id
            if self.has_focus:
                turn_to(tab.first_focus() or self)

    async def _go(self, name: str) -> None:
        self.tab = name
        with self.app.batch_update():
            await self.ready()
            if self.app.run_state.view == "experiment" and self.app.screen is self.screen:
                turn_to(self.first_focus() or self)

    def on_resize(self, event: events.Resize) -> None:
        self.query_one("#path").display = event.size.height >= _LOW
        self._head()

    def _head(self) -> None:
        e = self.experiment
        mark = " ⚑" if e.index in self.app.bookmarks else ""
        shown = Text(f"{e.index} ", no_wrap=True, overflow="ellipsis")
        shown.append(safe_line(e.label, 60), style="bold")
        shown.append(f"{mark}  ")
        shown.append_text(self.app.scale.text(e.score))
        shown.append("  ★ gallery" if e.in_gallery else "")
        shown.append("" if e.has_program else f"  program not {self.source.archive.withheld}", style="dim")
        shown.append(f"  depth {e.depth}, {counted(e.children, 'child', 'children')}  ", style="dim")
        if e.label != e.name:
            shown.append_text(line(e.name, "dim", limit=80))
        self.query_one("#head", Static).update(shown, layout=False)
        path = path_of(self.source.archive, e.index)
        crumbs = breadcrumb(path, max(self.app.size.width - 2, 10))  # before it is laid out it has no size
        self.query_one("#path", Static).update(crumbs, layout=False)

    # Going on

    async def action_tab(self, name: str) -> None:
        await self._go(name)

    async def action_step(self, step: int) -> None:
        names = [spec.name for spec in TABS]
        await self._go(names[(names.index(self.tab) + step) % len(names)])

    async def action_parent(self) -> None:
        if self.experiment.parent is not None:
            await self.app.open_experiment(self.experiment.parent)

    async def action_best_child(self) -> None:
        archive = self.source.archive
        best = best_child(archive.lineage, archive.experiments, self.experiment.index, archive.objective)
        if best is not None:
            await self.app.open_experiment(best)

    async def action_sibling(self, step: int) -> None:
        lineage = self.source.archive.lineage
        parent = self.experiment.parent
        siblings = lineage.roots if parent is None else lineage.children(parent)
        if (there := neighbour(siblings, self.experiment.index, step)) is not None:
            await self.app.open_experiment(there)

    def action_lineage(self) -> None:
        self.post_message(ShowInLineage(self.experiment.index))

    def action_bookmark(self) -> None:
        self.app.toggle_bookmark(self.experiment.index)
        self._head()

    def action_compare(self) -> None:
        if self.experiment.parent is not None:
            self.post_message(Compare([self.experiment.parent, self.experiment.index]))

    def link(self) -> Link:
        tab = self._tab()
        return Link(experiment=self.experiment.index, tab=self.tab) if tab is None else tab.link()

    def state(self) -> dict[str, Any]:
        return {"tab": self.tab}

    def restore(self, state: dict[str, Any]) -> None:
        if any(spec.name == state.get("tab") for spec in TABS):
            self.tab = state["tab"]

    def reload(self) -> None:
        self.experiment = self.source.archive.get(self.experiment.index)
        for tab in self.switcher.query(Tab):
            tab.index = None
        self.app.call_later(self._ready_again)

    async def _ready_again(self) -> None:
        try:
            await self.ready()
        except (AsiReproError, OSError) as error:  # gone since the view was told to read it again
            self.app.report(error)

    def _theme_changed(self) -> None:
        self._head()
        for tab in self.switcher.query(Tab):
            tab.theme_changed()
