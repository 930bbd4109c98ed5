"""What every view is made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar, TypeVar

from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget
from textual.worker import get_current_worker

from asi_repro.errors import AsiReproError
from asi_repro.tui.base_app import BaseApp
from asi_repro.tui.deep_link import Link
from asi_repro.tui.run_data import Source
from asi_repro.tui.widgets.line_list import LineList

Result = TypeVar("Result")


class View(Vertical):
    """A pane of the app; see `asi_repro.tui` for the conventions."""

    TITLE: ClassVar[str] = ""

    def __init__(self, source: Source, *, name: str) -> None:
        super().__init__(id=f"view-{name}", classes="view")
        self.source = source

    app: BaseApp

    def prepare(self) -> None:
        """Read what `compose` needs; an `AsiReproError` is shown in the view's place."""

    def open(self, arguments: dict[str, Any]) -> None:
        """Go to what the arguments of `OpenView` name; called after mounting, maybe many times."""

    async def ready(self) -> None:
        """Awaited by the app before the view is displayed, so that it is painted once and filled."""

    def link(self) -> Link:
        """How the command line names the place that is shown."""
        return Link((self.id or "").removeprefix("view-"))

    def table(self) -> list[dict[str, Any]]:
        """What is shown as rows, for an export; the lines of its lists where it has no better."""
        lists = [one for one in self.query(LineList) if one.is_on_screen]
        return [{"line": line.text.plain} for one in lists for line in one.lines]

    def state(self) -> dict[str, Any]:
        """What to remember, as JSON data."""
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        """Go where `state` says; what does not fit (the file may be old) is left out."""

    def reload(self) -> None:
        """Show the files as they are now."""

    def first_focus(self) -> Widget | None:
        """What gets the focus when the view is shown; by default the first widget that can."""
        return next((w for w in self.query("*") if w.focusable and w.display), None)

    def load(
        self,
        function: Callable[[], Result],
        then: Callable[[Result], None],
        *,
        failed: Callable[[AsiReproError], Awaitable[None] | None] | None = None,
        group: str = "load",
    ) -> None:
        """Run `function` in a thread and give its result to `then` in the UI.

        A newer call of the same `group` takes the place of an older one, whose result is dropped.
        """

        def work() -> None:
            worker = get_current_worker()
            try:
                result = function()
            except Exception as error:
                report: Callable[[], Awaitable[None] | None] = partial(
                    failed or self.app.report, _told(error)
                )
            else:
                report = partial(then, result)
            if not worker.is_cancelled and self.is_attached:
                # Not call_from_thread: that waits for the UI, for ever where the app has just been left.
                self.call_later(report)

        self.run_worker(work, thread=True, exclusive=True, group=group, exit_on_error=True)

    async def _dispatch_message(self, message: Message) -> None:
        # Textual ends a widget whose handler raises; an error that a person can act on is only told.
        try:
            await super()._dispatch_message(message)
        except (AsiReproError, OSError) as error:
            self.app.report(error)


def turn_to(widget: Widget) -> None:
    """Focus a widget of what has just been displayed.

    It has the next key, which `focus()` would only bring about later, and the next picture has all that
    changed, as the layout is asked for here and not when each widget finds the time.
    """
    widget.screen.set_focus(widget)
    widget.screen.refresh_bindings()
    widget.screen.refresh(layout=True)


def _told(error: Exception) -> AsiReproError:
    """The error as a notice; what is not expected is a fault of the app, and says so."""
    if isinstance(error, AsiReproError):
        return error
    if isinstance(error, OSError):
        return AsiReproError(str(error))
    return AsiReproError(
        f"{type(error).__name__}: {error}", hint="a fault of the app: please report it with these words"
    )
