"""The tabs of the experiment view, each read when it is first opened."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asi_repro.tui.tabs.tab import Tab


@dataclass(frozen=True, slots=True)
class TabSpec:
    """One tab: its name, the key that opens it, its title, and `module:class`."""

    name: str
    key: str
    title: str
    where: str

    def tab_class(self) -> type[Tab]:
        """The class, imported."""
        module, _, name = self.where.partition(":")
        found: type[Tab] = getattr(import_module(module), name)
        return found


def _spec(name: str, key: str, title: str) -> TabSpec:
    return TabSpec(name, key, title, f"asi_repro.tui.tabs.{name}:{title}Tab")


TABS = (
    _spec("motivation", "M", "Motivation"),
    _spec("program", "P", "Program"),
    _spec("diff", "D", "Diff"),
    _spec("training", "T", "Training"),
    _spec("benchmarks", "H", "Benchmarks"),
    _spec("certificate", "C", "Certificate"),
    _spec("cognition", "O", "Cognition"),
    _spec("diagram", "A", "Diagram"),
    _spec("trace", "R", "Trace"),
)
