"""Messages by which a view asks the app to go somewhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from textual.message import Message

from asi_repro.tui.run_data import RunPaths


@dataclass
class OpenView(Message):
    """Show a view.

    Attributes:
        name: of the view, as in `registry.VIEWS`.
        arguments: given to its `open`.
    """

    name: str
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass
class OpenExperiment(Message):
    """Show one experiment, at a tab of its view where `tab` names one (such as "diff"), at a part of that."""

    index: int
    tab: str | None = None
    part: str | None = None


@dataclass
class ShowInLineage(Message):
    """Show the lineage with the cursor on one experiment."""

    index: int


@dataclass
class Compare(Message):
    """Show experiments side by side."""

    indices: list[int]


@dataclass
class OpenRun(Message):
    """Read another run from now on."""

    paths: RunPaths
