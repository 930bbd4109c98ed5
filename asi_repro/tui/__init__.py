"""The terminal UI, `asi-repro browse`: a Textual app that shows what the other rooms know.

It imports the others, never the reverse, and no torch. What it shows is there without it too, as JSON or
Markdown from a verb of `asi-repro`.

Conventions
-----------
A **view** is a class in `asi_repro/tui/views/<name>.py` derived from `asi_repro.tui.view.View` and listed in
`asi_repro.tui.registry.VIEWS` (name, key, title, where it is imported from when first opened). The app makes
it on first use, keeps it in a `ContentSwitcher` as `#view-<name>` and gives it a `Source`.

    class ClaimsView(View):
        TITLE = "Claims"                                  # heading of its keys in the `?` help
        BINDINGS = [Binding("enter", "open", "Open")]     # every action has a description: help and palette
        def prepare(self) -> None: ...                    # read what is needed; runs before `compose`
        def compose(self) -> ComposeResult: ...
        def open(self, arguments): ...                    # from OpenView(name, arguments); may come again
        async def ready(self) -> None: ...                # awaited before it is displayed
        def state(self) / restore(self, state): ...       # small JSON dict kept between sessions
        def reload(self) -> None: ...                     # files changed, `self.source` is fresh
        def first_focus(self) -> Widget | None: ...       # what gets the focus when the view is shown

An `AsiReproError` raised in `prepare` shows the error with what to type in the view's place; raised in a
message handler or an action of a view it becomes a notice. Slow reading goes through
`View.load(function, then)`: `function` runs in a thread, `then` gets its result in the UI; errors are
reported in the same way, or given to `failed`. A widget of its own with bindings has a `TITLE` too.

Data comes from `self.source` (`asi_repro.tui.run_data.Source`): `archive`, `certificates()`,
`certificate(index)`, `ledger()`, `facts()`, `spans(index)`, `runs()`, `project`, `paths`, `workspace()`. All
is opened lazily, kept, and dropped when files change underneath (the app looks every two seconds, then calls
`reload` of each view that was made).

What must be there before the next key is read (an experiment, a tab) is awaited in the action that the key
started, in the app's messages, and then `view.turn_to(widget)` gives it the focus. `widgets.fast_scroll` has
the base of what scrolls; `asi_repro.tui.preload` imports and reads ahead, half a second after the start.

To go somewhere post a message from `asi_repro.tui.messages`: `OpenExperiment(index, tab=None)`,
`ShowInLineage(index)`, `OpenView(name, arguments)`, `OpenRun(paths)`, `Compare(indices)` (calls the compare
view's `open({"indices": [...]})`). Escape goes back. Shared: `self.app.bookmarks` (indices),
`self.app.toggle_bookmark(index)`, `self.app.run_state.index` (experiment last looked at),
`self.app.report(error)`.

Text from a run is hostile. Show it only through `asi_repro.tui.widgets.text`: `line(text)` and `block(text)`
give a `rich.text.Text`, `safe_line` a str for places that read no markup. Never give a run's text to a widget
as `str`: markup would be read. Shared widgets: `widgets.empty.Empty(title, body, hint)` (what is missing and
what to type; `Empty.from_error(error)`), `widgets.score.ScoreScale` and `Legend` (the colours of scores;
`.text(score)`, `.bar(score)`, `.style(score)`; take `self.app.scale`),
`dialogs.Ask` and `dialogs.Choose`.

Colours come from the theme's variables ($primary, $success, $text-muted, ...) so that each theme, NO_COLOR
and high contrast work; a colour never stands alone: a glyph or a word says the same. CSS of a view is its
`DEFAULT_CSS`. The keys 0 to 9, `?`, `:`, ctrl+p, ctrl+o, ctrl+t, ctrl+r, escape, B, G and q are the app's.

Tests: fixtures `synthetic_source` and `synthetic_root` in tests/tui/conftest.py; `run_app`, `press`,
`settle` and `screen_text` in tests/tui/browsing.py.
"""
