"""What every tab is made from: read in a thread, filled in the UI, an error in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from textual.containers import Vertical
from textual.widget import Widget

from asi_repro.errors import AsiReproError
from asi_repro.tui.run_data import Source
from asi_repro.tui.view import View
from asi_repro.tui.widgets.empty import Empty


class Tab(Vertical):
    """One tab for whichever experiment is shown."""

    TITLE: ClassVar[str] = ""
    DEFAULT_CSS = "Tab > LineList { padding: 0 1; }"
    FLUID: ClassVar[bool] = False
    """Whether the lines depend on the width, so that a resize reads them again."""

    def __init__(self, view: View, name: str, on_settled: Callable[[Tab], None]) -> None:
        """A tab of no experiment yet.

        Args:
            view: that it is in.
            on_settled: told when what was read is shown.
        """
        super().__init__(id=f"tab-{name}")
        self.view = view
        self._on_settled = on_settled
        self.name_of_tab = name
        self.index: int | None = None
        self._width = 0
        self._settled = asyncio.Event()

    @property
    def source(self) -> Source:
        """The run."""
        return self.view.source

    def read(self, index: int) -> Any:
        """What `fill` shows; runs in a thread, and may raise `AsiReproError`."""
        raise NotImplementedError

    def fill(self, data: Any) -> None:
        """Show what `read` found."""
        raise NotImplementedError

    def show_experiment(self, index: int, *, again: bool = False) -> None:
        """Show an experiment; nothing is done where it is shown already."""
        if index != self.index or again:
            self.index = index
            self._width = self.room
            self._settled.clear()
            self.view.load(
                partial(self.read, index),
                partial(self._filled, index),
                failed=partial(self._failed, index),
                group=f"load-tab-{self.name_of_tab}",
            )

    async def settled(self, seconds: float) -> bool:
        """Whether what was asked for is there, waiting for it no longer than `seconds`.

        Not to be awaited in the view's own messages, by which the result comes.
        """
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._settled.wait(), seconds)
        return self._settled.is_set()  # it may be set in the moment in which the time is over

    def _is_settled(self) -> None:
        self._settled.set()
        self._on_settled(self)

    @property
    def room(self) -> int:
        """Columns for lines of text."""
        return max(self.app.size.width - 4, 10)

    def _filled(self, index: int, data: Any) -> None:
        if index == self.index:
            self._clear()
            self.fill(data)
            self._is_settled()

    async def _failed(self, index: int, error: AsiReproError) -> None:
        if index != self.index:
            return
        self._clear()
        for child in self.children:
            child.display = False
        await self.mount(Empty.from_error(self.source.for_run(error)))
        self._is_settled()

    def _clear(self) -> None:
        for child in list(self.children):
            if isinstance(child, Empty):
                child.remove()
            else:
                child.display = True

    def on_resize(self) -> None:
        if self.FLUID and self.index is not None and self._width not in (0, self.room):
            self.show_experiment(self.index, again=True)

    def go_to(self, row: str | None) -> None:
        """Put the cursor on a row of that name, now or when it is there; most tabs have none."""

    def theme_changed(self) -> None:
        """Colours are in the lines: make them again."""
        if self.index is not None:
            self.show_experiment(self.index, again=True)

    def first_focus(self) -> Widget | None:
        """What gets the focus when the tab is shown."""
        return next((w for w in self.query("*") if w.focusable and w.display), None)
