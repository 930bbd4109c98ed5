"""What every tab is made from: read in a thread, filled in the UI, an error in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

from textual.containers import Vertical
from textual.widget import Widget

from asi_repro.errors import AsiReproError
from asi_repro.tui.deep_link import Link
from asi_repro.tui.run_data import Source
from asi_repro.tui.view import View
from asi_repro.tui.widgets.empty import Empty
from asi_repro.tui.widgets.line_list import LineList
from asi_repro.tui.widgets.text import safe_line


class Tab(Vertical):
    """One tab for whichever experiment is shown."""

    TITLE: ClassVar[str] = ""
    DEFAULT_CSS = "Tab > LineList { padding: 0 1; }"
    FLUID: ClassVar[bool] = False
    """Whether the lines depend on the width, so that a resize reads them again."""
    NAMED: ClassVar[bool] = False
    """Whether a line is found by its key and not by its number."""

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
        self.others: tuple[int, ...] = ()
        self._wanted: str | None = None

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
            self._go_wanted()
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

    # Where one is in it

    def compare(self, others: tuple[int, ...]) -> None:
        """Show the experiment beside others, in a tab that can."""
        self.others = others
        if self.index is not None:
            Tab.show_experiment(self, self.index, again=True)

    def go_to(self, part: str | None) -> None:
        """Go where `part` said that one was, now or when it has been read."""
        self._wanted = part
        if self._settled.is_set():
            self._go_wanted()

    def _go_wanted(self) -> None:
        part, self._wanted = self._wanted, None
        if part is not None and not self.go_to_part(part):
            self.app.notify(f"there is no {safe_line(part, 60)} here", title=self.TITLE, timeout=5)

    def _lines(self) -> LineList | None:
        return next((one for one in self.query(LineList) if one.display), None)

    def part(self) -> str | None:
        """What `go_to` is told to come back to this place; None at its start."""
        pane = self._lines()
        if pane is None:
            return None
        if not self.NAMED:
            return None if (at := pane.place) is None else str(at + 1)
        return None if pane.line is None or pane.line.key is None else _name(pane.line.key)

    def go_to_part(self, part: str) -> bool:
        """Go to a part; whether there is one."""
        pane = self._lines()
        if pane is None:
            return False
        if not self.NAMED:
            return part.isdecimal() and pane.go_to_place(int(part) - 1)
        for line in pane.lines:
            if line.key is not None and part.startswith(f"{_name(line.key)}/"):
                self.unfold(line.key)
                break
        return any(
            line.key is not None and _name(line.key) == part and pane.go(line.key) for line in pane.lines
        )

    def unfold(self, key: Hashable) -> None:
        """Show what is below the line of that key, in a tab that folds."""

    def link(self) -> Link:
        """How the command line names the place that is shown."""
        return Link(experiment=self.index, tab=self.name_of_tab, others=self.others, part=self.part())

    def theme_changed(self) -> None:
        """Colours are in the lines: make them again."""
        if self.index is not None:
            self.show_experiment(self.index, again=True)

    def first_focus(self) -> Widget | None:
        """What gets the focus when the tab is shown."""
        return next((w for w in self.query("*") if w.focusable and w.display), None)


def _name(key: Hashable) -> str:
    """A line's key in words."""
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
