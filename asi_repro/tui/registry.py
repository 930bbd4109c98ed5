"""The table of views and of an experiment's tabs, each imported when it is first opened."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True)
class Spec:
    """One view or tab.

    Attributes:
        name: in messages, in the state file and in the widget's id.
        key: that opens it.
        title: in the bar of views or tabs.
        module: where its class is, which is called after the title.
        about: one line for palette and help.
        short: the title where there is little room.
    """

    name: str
    key: str
    title: str
    module: str
    about: str = ""
    short: str = ""

    def load_class(self) -> Any:
        """The class, imported."""
        kind = "View" if ".views." in self.module else "Tab"
        return getattr(import_module(self.module), self.title + kind)


def _view(name: str, key: str, title: str, about: str, short: str) -> Spec:
    return Spec(name, key, title, f"asi_repro.tui.views.{name}", about, short)


def _tab(name: str, key: str, title: str, short: str = "") -> Spec:
    return Spec(name, key, title, f"asi_repro.tui.tabs.{name}", short=short or title)


VIEWS = (
    _view("lineage", "1", "Lineage", "The tree of experiments: filter, sort, walk", "Tree"),
    _view("experiment", "2", "Experiment", "One experiment: program, diff, curves, trace and more", "Exp"),
    _view("claims", "3", "Claims", "The papers' claims with verdict and evidence", "Claim"),
    _view("certificates", "4", "Certificates", "Architectures by checks", "Cert"),
    _view("replay", "5", "Replay", "The run again, step by step", "Replay"),
    _view("runs", "6", "Runs", "The archives at hand, and a live run", "Runs"),
    _view("compare", "7", "Compare", "Two to four experiments side by side", "Comp"),
    _view("results", "8", "Results", "Our own trainings against DeltaNet, with their curves", "Res"),
    _view("report", "9", "Report", "The report as it was last made", "Rep"),
    _view("facts", "0", "Facts", "What the released data show that no paper says", "Fact"),
)
TABS = (
    _tab("overview", "V", "Overview", "Over."),
    _tab("motivation", "M", "Motivation", "Motiv."),
    _tab("program", "P", "Program"),
    _tab("diff", "D", "Diff"),
    _tab("training", "T", "Training", "Train."),
    _tab("benchmarks", "H", "Benchmarks", "Bench."),
    _tab("certificate", "C", "Certificate", "Cert."),
    _tab("cognition", "O", "Cognition", "Cogn."),
    _tab("diagram", "A", "Diagram"),
    _tab("trace", "R", "Trace"),
)


def find_view(name: str) -> Spec | None:
    """The view of that name, or None."""
    return next((spec for spec in VIEWS if spec.name == name), None)
