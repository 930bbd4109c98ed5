"""Messages by which a view asks the app to go somewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from textual.message import Message

if TYPE_CHECKING:
    from asi_repro.tui.source import RunPaths


class OpenView(Message):
    """Show a view.

    Args:
        name: of the view, as in `registry.VIEWS`.
        arguments: given to its `open`.
    """

    def __init__(self, name: str, arguments: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.name = name
        self.arguments = arguments or {}


class OpenExperiment(Message):
    """Show one experiment, at a tab of its view where `tab` names one (such as "diff"), at a row of that."""

    def __init__(self, index: int, tab: str | None = None, row: str | None = None) -> None:
        super().__init__()
        self.index, self.tab, self.row = index, tab, row


class ShowInLineage(Message):
    """Show the lineage with the cursor on one experiment."""

    def __init__(self, index: int) -> None:
        super().__init__()
        self.index = index


class Compare(Message):
    """Show experiments side by side."""

    def __init__(self, indices: list[int]) -> None:
        super().__init__()
        self.indices = indices


class OpenRun(Message):
    """Read another run from now on."""

    def __init__(self, paths: RunPaths) -> None:
        super().__init__()
        self.paths = paths
