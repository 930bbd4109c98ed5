"""One experiment: a head that says where it stands, and tabs that are read when they are opened."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Static

from asi_repro.archive.store import Experiment
from asi_repro.errors import MissingInput
from asi_repro.tui.messages import Compare, OpenExperiment, ShowInLineage
from asi_repro.tui.tabs import TABS
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.view import View
from asi_repro.tui.widgets.card import breadcrumb, path_of
from asi_repro.tui.widgets.text import line, safe_line

_LOW = 10


class TabBar(Widget):
    """The tabs with their keys; a click opens one."""

    DEFAULT_CSS = """
    TabBar { height: 1; background: $surface; color: $text-muted; }
    TabBar > .bar--now { background: $accent; color: $background; text-style: bold; }
    TabBar > .bar--key { color: $footer-key-foreground; text-style: bold underline; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"bar--now", "bar--key"}
    current: reactive[str] = reactive("")

    def _labels(self) -> list[tuple[str, str, str]]:
        """Name, key and label, spaces around included; all labels together have the room there is."""
        for cut, left, right in ((16, "  ", "  "), (16, " ", " "), (16, "", " "), (6, "", " "), (3, "", " ")):
            labels = [(spec.name, spec.key, f"{left}{spec.title[:cut]}{right}") for spec in TABS]
            if sum(len(label) for _, _, label in labels) <= self.size.width:
                return labels
        return [(spec.name, spec.key, spec.title[:1]) for spec in TABS]

    def render(self) -> Text:
        shown = Text(no_wrap=True, overflow="crop", end="")
        now = self.get_component_rich_style("bar--now", partial=True)
        key_style = self.get_component_rich_style("bar--key", partial=True)
        for name, key, title in self._labels():
            start = len(shown)
            shown.append(title, style=now if name == self.current else "")
            place = title.casefold().find(key.casefold())
            if name != self.current and place >= 0:
                shown.stylize(key_style, start + place, start + place + 1)
        return shown

    def on_click(self, event: events.Click) -> None:
        start = 0
        for name, _, title in self._labels():
            end = start + len(title)
            if start <= event.x < end:
                view = self.parent
                if isinstance(view, ExperimentView):
                    view.action_tab(name)
                return
            start = end


class ExperimentView(View):
    """Head, bar of tabs, and one tab."""

    TITLE = "Experiment"
    DEFAULT_CSS = """
    ExperimentView > .head { height: 1; padding: 0 1; background: $panel; text-wrap: nowrap; }
    ExperimentView > .head { text-overflow: ellipsis; }
    ExperimentView > #tabs { height: 1fr; }
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

    tab: reactive[str] = reactive("motivation", init=False)
    # So that its keys work while the first tab is being made.
    can_focus = True

    def prepare(self) -> None:
        index = self.browser_index()
        if index is None:
            raise MissingInput(
                "no experiment is chosen yet",
                hint="press 1 for the lineage and enter on an experiment, or G and type an index or a name",
            )
        self.experiment = self.source.archive.get(index)

    def browser_index(self) -> int | None:
        """The experiment last looked at, if the run has it."""
        index = self.browser.place.index
        return index if index in self.source.archive.experiments else None

    def compose(self) -> ComposeResult:
        yield Static(id="head", classes="head", markup=False)
        yield Static(id="path", classes="head", markup=False)
        yield TabBar()
        yield ContentSwitcher(id="tabs")

    def on_mount(self) -> None:
        self.switcher = self.query_one("#tabs", ContentSwitcher)
        self.watch(self.app, "theme", self._theme_changed, init=False)
        self.call_after_refresh(self._show)

    def open(self, arguments: dict[str, Any]) -> None:
        index = arguments.get("index")
        if index is not None:
            self.experiment = self.source.archive.get(index)
            self.browser.place.index = index
        tab = arguments.get("tab")
        if tab and any(spec.name == tab for spec in TABS):
            self.set_reactive(ExperimentView.tab, tab)
        self.call_after_refresh(self._show)

    def first_focus(self) -> Widget | None:
        tab = self._tab()
        return tab.first_focus() if tab is not None else None

    def _tab(self) -> Tab | None:
        return next((t for t in self.switcher.query(Tab) if t.id == f"tab-{self.tab}"), None)

    async def _show(self) -> None:
        self._head()
        self.query_one(TabBar).current = self.tab
        tab = self._tab()
        if tab is None:
            spec = next(spec for spec in TABS if spec.name == self.tab)
            tab = spec.tab_class()(self, spec.name)
            await self.switcher.mount(tab)
        self.switcher.current = tab.id
        tab.show_experiment(self.experiment.index)
        if self.browser.place.view == "experiment" and self.app.screen is self.screen:
            self.screen.set_focus(tab.first_focus() or self)

    def watch_tab(self) -> None:
        self.call_later(self._show)

    def on_resize(self, event: events.Resize) -> None:
        self.query_one("#path").display = event.size.height >= _LOW
        self._head()

    def _head(self) -> None:
        e = self.experiment
        look = self.browser.scale
        mark = " ⚑" if e.index in self.browser.bookmarks else ""
        shown = Text(f"{e.index} ", no_wrap=True, overflow="ellipsis")
        shown.append(safe_line(e.label, 60), style="bold")
        shown.append(f"{mark}  ")
        shown.append_text(look.text(e.score))
        shown.append("  ★ gallery" if e.in_gallery else "")
        shown.append("" if e.has_program else "  program not released", style="dim")
        shown.append(f"  depth {e.depth}, {e.children} children  ", style="dim")
        if e.label != e.name:
            shown.append_text(line(e.name, "dim", limit=80))
        self.query_one("#head", Static).update(shown, layout=False)
        path = path_of(self.source.archive, e.index)
        crumbs = breadcrumb(path, max(self.size.width - 2, 10))
        self.query_one("#path", Static).update(crumbs, layout=False)

    # Going on

    def action_tab(self, name: str) -> None:
        if name == self.tab:
            self.call_later(self._show)
        self.tab = name

    def action_step(self, step: int) -> None:
        names = [spec.name for spec in TABS]
        self.tab = names[(names.index(self.tab) + step) % len(names)]

    def action_parent(self) -> None:
        if self.experiment.parent is not None:
            self.post_message(OpenExperiment(self.experiment.parent))

    def action_best_child(self) -> None:
        archive = self.source.archive
        under = [archive.experiments[i] for i in archive.lineage.children(self.experiment.index)]
        known = [e for e in under if e.score is not None]
        if known:
            self.post_message(OpenExperiment(max(known, key=_rank).index))

    def action_sibling(self, step: int) -> None:
        lineage = self.source.archive.lineage
        parent = self.experiment.parent
        siblings = lineage.roots if parent is None else lineage.children(parent)
        place = siblings.index(self.experiment.index) + step
        if 0 <= place < len(siblings):
            self.post_message(OpenExperiment(siblings[place]))

    def action_lineage(self) -> None:
        self.post_message(ShowInLineage(self.experiment.index))

    def action_bookmark(self) -> None:
        self.browser.toggle_bookmark(self.experiment.index)
        self._head()

    def action_compare(self) -> None:
        if self.experiment.parent is not None:
            self.post_message(Compare([self.experiment.parent, self.experiment.index]))

    def state(self) -> dict[str, Any]:
        return {"tab": self.tab}

    def restore(self, state: dict[str, Any]) -> None:
        if any(spec.name == state.get("tab") for spec in TABS):
            self.set_reactive(ExperimentView.tab, state["tab"])

    def reload(self) -> None:
        self.experiment = self.source.archive.get(self.experiment.index)
        for tab in self.switcher.query(Tab):
            tab.index = None
        self.call_later(self._show)

    def _theme_changed(self) -> None:
        self._head()
        for tab in self.switcher.query(Tab):
            tab.theme_changed()


def _rank(experiment: Experiment) -> tuple[float, int]:
    return (experiment.score or 0.0, -experiment.index)
