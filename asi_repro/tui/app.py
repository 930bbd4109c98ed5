"""The app: a bar of views, one of them shown, and what all of them share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.dom import DOMNode
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input

from asi_repro.errors import AsiReproError, DataError
from asi_repro.tui.base_app import BaseApp
from asi_repro.tui.deep_link import Link, link_to
from asi_repro.tui.dialogs import Ask, Choose
from asi_repro.tui.export import FORMATS, export
from asi_repro.tui.help import HelpScreen, keys_by_owner
from asi_repro.tui.jump import JumpScreen, targets
from asi_repro.tui.keys import keys_file, read_keys
from asi_repro.tui.messages import Compare, OpenExperiment, OpenRun, OpenView, ShowInLineage
from asi_repro.tui.palette import Commands
from asi_repro.tui.preload import preload, relax_garbage_collection, restore_garbage_collection
from asi_repro.tui.registry import VIEWS, find_view
from asi_repro.tui.run_data import Source
from asi_repro.tui.search_screen import SearchScreen
from asi_repro.tui.state import state_file
from asi_repro.tui.terminal_images import ask_terminal
from asi_repro.tui.theme import THEMES, row_cursor
from asi_repro.tui.view import View, turn_to
from asi_repro.tui.widgets.bar import KeyBar, ViewBar
from asi_repro.tui.widgets.empty import Empty
from asi_repro.tui.widgets.text import safe_line

_WATCH_SECONDS = 2.0
_PRELOAD_SECONDS = 0.3
_HISTORY = 50


class BrowseApp(BaseApp):
    """Browse a run.

    Args:
        source: of the run.
        state: where the state is kept; None keeps none.
        start: what to show first; the last place where None.
        watch: whether to look for changed files.
        keys: of one's own (`asi_repro.tui.keys`).
    """

    TITLE = "asi-repro"
    # Here rather than in a file: Textual looks for the file beside whatever class derives from this one.
    CSS = """
    #views { height: 1fr; }
    .view { height: 1fr; }
    /* Textual cannot wrap an option in no cells, as a narrow window would leave it. */
    OptionList { min-width: 12; }
    Input > .input--placeholder, Input > .input--suggestion { color: $text-muted; }
    CommandList > .option-list--option-highlighted { background: $row-cursor; }
    """
    COMMANDS = {Commands}  # noqa: RUF012
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(spec.key, f"show('{spec.name}')", spec.title, show=False, tooltip=f"Open {spec.title}")
            for spec in VIEWS
        ),
        Binding("escape", "back", "Back", show=False, tooltip="Go back to where you came from"),
        Binding("question_mark", "help", "Help", key_display="?", tooltip="The keys that work here"),
        Binding("ctrl+p", "command_palette", "Commands", tooltip="Command palette: every action"),
        Binding("colon", "command_palette", "Command palette", show=False, key_display=":"),
        Binding(
            "ctrl+o",
            "jump",
            "Jump",
            show=False,
            tooltip="Jump mode: go to a part by its letter",
        ),
        Binding("G", "go_to", "Go to", show=False, tooltip="Go to an experiment by index or name"),
        Binding("F", "search", "Search", show=False, tooltip="Search in names, texts and programs"),
        Binding("B", "bookmarks", "Bookmarks", show=False, tooltip="The bookmarked experiments"),
        Binding("Y", "copy_link", "Copy link", show=False, tooltip="Copy the command that opens this place"),
        Binding("X", "export", "Export", show=False, tooltip="Write this view as CSV, JSON, SVG or text"),
        Binding("ctrl+t", "next_theme", "Theme", show=False, tooltip="Next theme"),
        Binding("ctrl+r", "reload", "Reload", show=False, tooltip="Read the files again"),
        Binding("q", "quit", "Quit"),
        Binding("ctrl+q", "quit", "Quit", show=False),
    ]

    def __init__(
        self, source: Source, *, state: Path | None = None, start: Link | None = None, watch: bool = True,
        keys: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(source, state=state)
        self._start = start
        self._watch_files = watch
        self._history: list[tuple[str, int | None]] = []
        self._asked = ""  # of the search
        self._unseen: Widget | None = None
        self.own_keys = dict(keys or {})
        # Kept here, as a query of the app looks at its top screen only, which may be a dialog.
        self.view_bar = ViewBar(id="view-bar")
        self.switcher = ContentSwitcher(id="views")
        for theme in THEMES:
            self.register_theme(theme)
        wanted = self.saved.theme
        self.theme = wanted if wanted in self.available_themes else THEMES[0].name

    def get_css_variables(self) -> dict[str, str]:
        """The theme's, and the background of the row that the cursor is on: `$row-cursor`."""
        return {**super().get_css_variables(), "row-cursor": row_cursor(self.current_theme)}

    def compose(self) -> ComposeResult:
        yield self.view_bar
        yield self.switcher
        yield KeyBar(id="keys")

    async def on_mount(self) -> None:
        if self._state_error is not None:
            self.report(self._state_error)
        view = self.run_state.view if find_view(self.run_state.view) else VIEWS[0].name
        arguments = None
        if self._start is not None:
            if self._start.experiment is not None:
                self.run_state.index = self._start.experiment
            view, arguments = self._start.opens, self._start.arguments()
        await self.show_view(view, arguments)
        relax_garbage_collection()
        self.set_timer(_PRELOAD_SECONDS, self._preload)
        if self._watch_files:
            self.set_interval(_WATCH_SECONDS, self._look_for_changes)

    def _preload(self) -> None:
        source = self.source

        def work() -> None:
            preload(source)
            # In the app's messages: where it has been left meanwhile, the collector stays as it was.
            self.call_later(self._make_experiment_view)
            self.call_later(relax_garbage_collection)

        self.run_worker(work, thread=True, group="preload", exit_on_error=False)

    async def _make_experiment_view(self) -> None:
        """Make it while nobody waits: opened for the first time it would take twice as long as afterwards."""
        with suppress(AsiReproError, OSError):
            if self.run_state.index in self.source.archive.experiments and self.view("experiment") is None:
                self._unseen = await self._pane("experiment")
                if isinstance(self._unseen, View):
                    await self._unseen.ready()

    def on_unmount(self) -> None:
        restore_garbage_collection()

    # Views

    def view(self, name: str) -> View | None:
        """A view that was made, or None."""
        return next((view for view in self.switcher.query(View) if view.id == f"view-{name}"), None)

    async def show_view(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        """Show a view, made now if it was not, and tell it the arguments."""
        spec = find_view(name)
        if spec is None:
            return
        with self.batch_update():
            pane = await self._pane(name)
            self.run_state.view = name
            self.view_bar.current = name
            self.view_bar.run = self.source.paths.name
            focus = pane
            if isinstance(pane, View):
                try:
                    focus = await self._made_ready(pane, arguments)
                except (AsiReproError, OSError) as error:
                    focus = pane = await self._error_in_place(name, error)
            self.switcher.current = pane.id
            turn_to(focus)

    async def _made_ready(self, view: View, arguments: dict[str, Any] | None) -> Widget:
        """What takes the keys of a view that shows what it was asked for.

        Raises:
            AsiReproError: where what it shows can no longer be read.
        """
        if view is self._unseen:  # made for what the cursor was on then
            view.prepare()
            self._unseen = None
        if arguments:
            self._try(lambda: view.open(arguments))
        await view.ready()
        return view.first_focus() or view

    async def _error_in_place(self, name: str, error: AsiReproError | OSError) -> Widget:
        """What a view says that cannot be shown; it is made again when it is next asked for."""
        await self.switcher.query(f"#view-{name}").remove()
        known = error if isinstance(error, AsiReproError) else DataError(str(error))
        pane = Empty.from_error(self.source.for_run(known), id=f"view-{name}")
        await self.switcher.add_content(pane)
        return pane

    async def _pane(self, name: str) -> Widget:
        if (known := self.view(name)) is not None:
            return known
        await self.switcher.query(f"#view-{name}").remove()  # an error in its place: try again
        try:
            view: View = find_view(name).load_class()(self.source, name=name)  # type: ignore[union-attr]
            view.prepare()
        except AsiReproError as error:
            return await self._error_in_place(name, error)
        except ModuleNotFoundError as error:
            missing = AsiReproError(f"this view cannot be opened: {error}", hint="reinstall asi-repro")
            return await self._error_in_place(name, missing)
        await self.switcher.add_content(view)
        if kept := self.run_state.views.get(name):
            self._restore(view, kept)
        return view

    def _restore(self, view: View, kept: dict[str, Any]) -> None:
        try:
            view.restore(kept)
        except (AsiReproError, TypeError, ValueError, KeyError, AttributeError) as error:
            self.report(DataError(f"the last place in {view.TITLE} could not be restored: {error}"))

    async def on_open_view(self, message: OpenView) -> None:
        self._remember()
        await self.show_view(message.name, message.arguments)

    async def on_open_experiment(self, message: OpenExperiment) -> None:
        await self.open_experiment(message.index, message.tab, message.part)

    async def open_experiment(self, index: int, tab: str | None = None, part: str | None = None) -> None:
        self._remember()
        self.run_state.index = index
        await self.show_view("experiment", {"index": index, "tab": tab, "part": part})

    async def on_show_in_lineage(self, message: ShowInLineage) -> None:
        self._remember()
        self.run_state.index = message.index
        await self.show_view("lineage", {"index": message.index})

    async def on_compare(self, message: Compare) -> None:
        self._remember()
        await self.show_view("compare", {"indices": message.indices})

    async def on_open_run(self, message: OpenRun) -> None:
        self.collect_view_states()
        self.source = Source(message.paths, self.source.project)
        self.open_run_state()
        self._history.clear()
        await self.switcher.remove_children()
        await self.show_view("lineage")

    def _remember(self) -> None:
        self._history.append((self.run_state.view, self.run_state.index))
        del self._history[:-_HISTORY]

    # Actions

    async def action_show(self, name: str) -> None:
        if name != self.run_state.view:
            self._remember()
        await self.show_view(name)

    async def action_back(self) -> None:
        if not self._history:
            return
        name, index = self._history.pop()
        self.run_state.index = index
        arguments = {"index": index} if index is not None and name in ("experiment", "lineage") else None
        await self.show_view(name, arguments)

    def action_visit(self, index: int) -> None:
        """Go to an experiment that was clicked: in the tree where one looks at the tree."""
        go = ShowInLineage if self.run_state.view == "lineage" else OpenExperiment
        self.post_message(go(index))

    def action_help(self) -> None:
        self.push_screen(HelpScreen(keys_by_owner(self.screen)))

    def action_jump(self) -> None:
        def go(widget: Widget | None) -> None:
            if widget is not None:
                widget.focus()

        self.push_screen(JumpScreen(targets(self.screen)), go)

    @work
    async def action_go_to(self) -> None:
        typed = await self.push_screen_wait(Ask("Go to experiment", "index or name"))
        if typed and (index := await self.find_experiment(typed)) is not None:
            self.post_message(OpenExperiment(index))

    @work
    async def action_search(self) -> None:
        screen = SearchScreen(self.source, self.scale, self._asked)
        found = await self.push_screen_wait(screen)
        self._asked = screen.asked
        if found is not None:
            self.post_message(OpenExperiment(*found))

    @work
    async def action_bookmarks(self) -> None:
        try:
            archive = self.source.archive
        except AsiReproError as error:
            self.report(error)
            return
        marked = [archive.experiments[i] for i in self.bookmarks if i in archive.experiments]
        if not marked:
            self.notify("press m on an experiment to bookmark it", title="No bookmarks yet")
            return
        chosen = await self.choose_experiment("Bookmarks", marked)
        if chosen is not None:
            self.post_message(OpenExperiment(chosen))

    def action_copy_link(self) -> None:
        """By the terminal's OSC 52, which some terminals are told not to obey: the command is shown too."""
        view = self.view(self.run_state.view)
        command = (Link(self.run_state.view) if view is None else view.link()).command(self.source.paths)
        self.copy_to_clipboard(command)
        self.notify(safe_line(command), title="Copied, if your terminal allows it", timeout=8, markup=False)

    @work
    async def action_export(self) -> None:
        name, view = self.run_state.view, self.view(self.run_state.view)
        rows = [] if view is None else view.table()
        formats = [one for one in FORMATS if rows or one[0] in ("svg", "txt")]
        chosen = await self.push_screen_wait(Choose("Export", [(n, f[1]) for n, f in enumerate(formats)]))
        if chosen is not None:
            try:
                path = export(self, formats[chosen][0], name, rows, Path.cwd())
            except (AsiReproError, OSError) as error:
                self.report(error)
                return
            self.notify(safe_line(str(path)), title="Written", timeout=6, markup=False)

    def action_next_theme(self) -> None:
        own = [theme.name for theme in THEMES]
        place = own.index(self.theme) + 1 if self.theme in own else 0
        self.theme = own[place % len(own)]
        self.notify(self.theme, title="Theme", timeout=2)

    async def action_reload(self) -> None:
        await self._reload()
        self.notify("files read again", timeout=2)

    async def on_event(self, event: events.Event) -> None:
        """A key of one's own is the key that it stands for, except where one types."""
        if isinstance(event, events.Key) and not isinstance(self.focused, Input):
            wanted = self.own_keys.get(event.key)
            if wanted is not None:
                event.key, event.character = wanted, wanted if len(wanted) == 1 else None
        await super().on_event(event)

    def get_key_display(self, binding: Binding) -> str:
        """The key of one's own where there is one."""
        own = [key for key, wanted in self.own_keys.items() if wanted == binding.key]
        if own:
            return super().get_key_display(replace(binding, key=own[0], key_display=None))
        return super().get_key_display(binding)

    async def run_action(  # type: ignore[override]
        self, action: str, default_namespace: DOMNode | None = None, namespaces: object = None
    ) -> bool:
        # Textual ends the app where an action raises; an error that a person can act on is only told.
        try:
            return await super().run_action(action, default_namespace, namespaces)  # type: ignore[arg-type]
        except (AsiReproError, OSError) as error:
            self.report(error)
            return True

    def _try(self, do: Callable[[], None]) -> None:
        try:
            do()
        except (AsiReproError, OSError) as error:
            self.report(error)

    # Files and state

    async def _look_for_changes(self) -> None:
        if self.source.changed():
            await self._reload()
            self.view_bar.notice = f"{self.source.paths.name}: files changed, read again"
            self.set_timer(4, lambda: setattr(self.view_bar, "notice", ""))

    async def _reload(self) -> None:
        self.source.reload()
        for view in list(self.switcher.query(View)):
            try:
                view.reload()
            except (AsiReproError, OSError) as error:
                self.report(error)
        if isinstance(self.switcher.visible_content, Empty):
            await self.show_view(self.run_state.view)

    def collect_view_states(self) -> None:
        for spec in VIEWS:
            if (view := self.view(spec.name)) is not None:
                self.run_state.views[spec.name] = view.state()

    def action_help_quit(self) -> None:
        """Ctrl+C, which Textual would answer with another key than the one shown below."""
        self.notify("q quits", title="Do you want to quit?", timeout=4)

    async def action_quit(self) -> None:
        self.save()
        self.exit()


def browse(archive: Path | None = None, *, at: str | None = None, **place: str | None) -> None:
    """Run the app until it is left.

    Args:
        archive: folder of tables; the project's where None.
        at: index or name of the experiment to open, or that `view` opens at; several, with commas between
            them, are compared.
        place: view, tab, filter, claim, fact and part, as `Link` has them.

    Raises:
        NotFound: where there is no such experiment, run, view, tab, claim or fact.
        FilterError: for a filter that is not in the language.
        AsiReproError: where this is no terminal.
    """
    if "TEXTUAL_DRIVER" not in os.environ and not (sys.stdin.isatty() and sys.__stdout__.isatty()):  # type: ignore[union-attr]
        raise AsiReproError(
            "browse needs a terminal", hint="`asi-repro list` and `show` print anywhere; --web serves a page"
        )
    source = Source.at(archive)
    link = link_to(source, at, **place)
    ask_terminal()
    keys = read_keys(keys_file())
    BrowseApp(source, state=state_file(), start=None if link == Link() else link, keys=keys).run()
