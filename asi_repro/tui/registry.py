"""The table of views: what the app offers, each imported when it is first opened."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asi_repro.tui.view import View


@dataclass(frozen=True, slots=True)
class ViewSpec:
    """One view.

    Attributes:
        name: in messages, in the state file and in the pane's id, `view-<name>`.
        key: that opens it.
        title: in the bar of views.
        where: `module:class`, imported when it is first opened.
        about: one line for palette and help.
    """

    name: str
    key: str
    title: str
    where: str
    about: str

    def view_class(self) -> type[View]:
        """The class, imported."""
        module, _, name = self.where.partition(":")
        found: type[View] = getattr(import_module(module), name)
        return found


def _spec(name: str, key: str, title: str, about: str) -> ViewSpec:
    return ViewSpec(name, key, title, f"asi_repro.tui.views.{name}:{title}View", about)


VIEWS = (
    _spec("lineage", "1", "Lineage", "The tree of experiments: filter, sort, walk"),
    _spec("experiment", "2", "Experiment", "One experiment: program, diff, curves, trace and more"),
    _spec("claims", "3", "Claims", "The paper's claims with verdict and evidence"),
    _spec("certificates", "4", "Certificates", "Architectures by checks"),
    _spec("replay", "5", "Replay", "The run again, step by step"),
    _spec("runs", "6", "Runs", "The archives at hand, and a live run"),
    _spec("compare", "7", "Compare", "Two to four experiments side by side"),
)


def find_spec(name: str) -> ViewSpec | None:
    """The view of that name, or None."""
    return next((spec for spec in VIEWS if spec.name == name), None)
