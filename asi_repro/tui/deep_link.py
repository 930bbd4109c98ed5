"""A place of the terminal UI as the command line names it: what `asi-repro browse` takes and Y copies."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

from asi_repro.archive.filters import parse_filter
from asi_repro.errors import NotFound
from asi_repro.tui.registry import TABS, VIEWS
from asi_repro.tui.run_data import RunPaths, Source


@dataclass(frozen=True)
class Link:
    """A place.

    Attributes:
        view: its name; what the others imply where None.
        experiment: index of the experiment that the view opens at.
        others: indices of those that it is compared with; with `tab`, in that tab.
        tab: of the experiment view.
        part: of the view or tab: a check of a certificate, a table of the results, a run, a section of the
            report, a line or a row.
        filter: of the lineage.
        claim: id of a claim.
        fact: id of a fact.

    Raises:
        NotFound: for a view or tab that is not there.
    """

    view: str | None = None
    experiment: int | None = None
    tab: str | None = None
    filter: str | None = None
    claim: str | None = None
    fact: str | None = None
    others: tuple[int, ...] = ()
    part: str | None = None

    def __post_init__(self) -> None:
        for kind, name, specs in (("view", self.view, VIEWS), ("tab", self.tab, TABS)):
            if name is not None and name not in (names := [spec.name for spec in specs]):
                raise NotFound(f"there is no {kind} {name!r}", hint=f"--{kind} takes {', '.join(names)}")

    @property
    def opens(self) -> str:
        """The view that is opened."""
        if self.view is not None:
            return self.view
        if self.others and self.tab is None:
            return "compare"
        if self.claim is not None or self.fact is not None:
            return "claims" if self.fact is None else "facts"
        return "lineage" if self.filter is not None else "experiment"

    def arguments(self) -> dict[str, Any]:
        """What the view's `open` is given."""
        named: dict[str, Any] = {"index": self.experiment, "tab": self.tab, "filter": self.filter}
        named["part"] = self.part
        named["id"] = self.claim or self.fact
        named["indices"] = None if self.experiment is None else [self.experiment, *self.others]
        return {name: value for name, value in named.items() if value is not None}

    def command(self, run: RunPaths) -> str:
        """The line for a shell that opens it."""
        words = ["asi-repro", "browse"]
        if run.live is not None:
            words += ["--run", run.name]
        elif run.name != "release":
            words += ["--archive", str(run.archive)]
        at = None if self.experiment is None else ",".join(map(str, (self.experiment, *self.others)))
        for option, value in (
            ("--view", self.view), ("--tab", self.tab), ("--filter", self.filter), ("--claim", self.claim),
            ("--fact", self.fact), ("--at", at), ("--part", self.part),
        ):  # fmt: skip
            words += [] if value is None else [option, str(value)]
        return shlex.join(words)


def link_to(source: Source, at: str | None = None, **place: str | None) -> Link:
    """The place that the options of `asi-repro browse` name.

    Raises:
        NotFound: where there is no such experiment, view, tab, claim or fact.
        FilterError: for a filter that is not in the language.
    """
    first, *others = [None] if at is None else [source.archive.find(x.strip()).index for x in at.split(",")]
    link = Link(experiment=first, others=tuple(others), **place)  # type: ignore[arg-type]
    if link.filter is not None:
        parse_filter(link.filter)
    if link.claim is not None:
        from asi_repro.claims.ledger import find_claim  # pydantic is what other starts are spared

        find_claim(source.ledger(), link.claim)
    if link.fact is not None:
        source.facts().named([link.fact])
    return link
