"""The claims of papers: what each says beside what was found, and what one of them rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from asi_repro.claims.ledger import Entry
from asi_repro.errors import MissingInput
from asi_repro.tui.link import Link
from asi_repro.tui.messages import OpenExperiment, ShowInLineage
from asi_repro.tui.theme import ThemeStyles, theme_styles, verdict_mark
from asi_repro.tui.view import View
from asi_repro.tui.widgets.line_layout import fact, heading, prose, table
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.text import cell, safe_line

Known = Callable[[dict[str, Any]], Hashable]
WIDE = 120
WIDER = 180
_ID = 22  # cells of a claim's name
_BOTH = 56  # from this width of the list, what was claimed stands beside what was found


class ClaimsView(View):
    """The ledger."""

    TITLE = "Claims"
    DEFAULT_CSS = """
    ClaimsView > #claims-counts {
        height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    ClaimsView > #claims-panes { layout: vertical; height: 1fr; }
    ClaimsView #claims-list { height: 2fr; min-height: 6; padding: 0 1; }
    ClaimsView #claims-detail { height: 3fr; border-top: solid $primary 50%; padding: 0 1; }
    ClaimsView.-wide > #claims-panes { layout: horizontal; }
    ClaimsView.-wide #claims-list { width: 2fr; height: 1fr; }
    ClaimsView.-wide #claims-detail {
        width: 3fr; height: 1fr; border-top: none; border-left: solid $primary 50%;
    }
    ClaimsView.-wider #claims-list { width: 1fr; }
    ClaimsView.-wider #claims-detail { width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "filter", "Verdict", tooltip="Show one verdict only: the next, then all"),
        Binding("n", "row(1)", "Next row", show=False, tooltip="Next experiment in the evidence"),
        Binding("p", "row(-1)", "Last row", show=False, tooltip="Experiment before in the evidence"),
        Binding("l", "lineage", "Lineage", tooltip="Show the experiment of the row in the lineage"),
    ]

    def prepare(self) -> None:
        paths = self.source.paths
        if paths.live is not None and not paths.claims.is_file():
            raise MissingInput(
                f"the claims are about the release, not about the run {paths.name}",
                hint="`asi-repro browse` without --run opens the release; 6 lists the runs",
            )
        ledger = self.source.ledger()
        self._claims, self._papers = ledger.claims, {paper.id: paper.name for paper in ledger.papers}
        self._shown = list(self._claims)
        self._only: str | None = None
        self._detailed: str | None = None

    def compose(self) -> ComposeResult:
        yield Static(id="claims-counts")
        with Container(id="claims-panes"):
            yield LineList(id="claims-list", empty="no claim has this verdict")
            yield LineList(id="claims-detail")

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw, init=False)
        self._draw()

    @property
    def _list(self) -> LineList:
        return self.query_one("#claims-list", LineList)

    @property
    def _detail(self) -> LineList:
        return self.query_one("#claims-detail", LineList)

    def first_focus(self) -> Widget | None:
        return self._list

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.width >= WIDE, "-wide")
        self.set_class(event.size.width >= WIDER, "-wider")
        self.call_after_refresh(self._draw)

    # What is shown

    def _draw(self) -> None:
        theme = theme_styles(self.app)
        counts = Counter(claim.verdict for claim in self._claims)
        shown = Text(end="")
        for verdict, count in counts.items():
            glyph, style = verdict_mark(verdict, theme)
            chosen = self._only == verdict
            shown.append(
                f"{glyph} {count} {safe_line(verdict)}", style=style + theme.strong if chosen else style
            )
            shown.append("   ")
        if self._only is not None:
            shown.append(f"only {self._only}; f for the next", style=theme.muted)
        self.query_one("#claims-counts", Static).update(shown, layout=False)
        self._shown = [claim for claim in self._claims if self._only in (None, claim.verdict)]
        self._draw_list()
        self._draw_detail()

    def _draw_list(self) -> None:
        """By paper and theme, in the ledger's order."""
        theme = theme_styles(self.app)
        width = max(self._list.scrollable_content_region.width - 1, 40)
        lines: list[Line] = []
        groups: dict[tuple[str, str], list[Entry]] = {}
        for claim in self._shown:
            groups.setdefault((claim.paper, claim.theme), []).append(claim)
        for (paper, about), claims in groups.items():
            name = f"{self._papers.get(paper, paper)}: {about}" if len(self._papers) > 1 else about
            lines += heading(name[:1].upper() + name[1:], theme.primary + theme.strong)[
                1 if not lines else 0 :
            ]
            lines += [_list_line(claim, width, theme) for claim in claims]
        cells = _columns("claim", "claimed", "found", width)
        self._list.show(lines, Text("  " + "".join(cells), end=""))

    def _draw_detail_if_other(self) -> None:
        if self._list.line is None or self._detailed != self._list.line.key:
            self._draw_detail()

    def _draw_detail(self) -> None:
        claim = self._chosen()
        pane = self._detail
        width = max(pane.scrollable_content_region.width - 1, 40)
        lines = _detail_lines(claim, width, theme_styles(self.app), self._known) if claim else []
        pane.show(lines, keep=claim is not None and self._detailed == claim.id)
        self._detailed = None if claim is None else claim.id

    def _chosen(self) -> Entry | None:
        line = self._list.line
        return next((c for c in self._shown if line is not None and c.id == line.key), None)

    def _known(self, row: dict[str, Any]) -> int | None:
        index = row.get("index")
        return index if isinstance(index, int) and index in self.source.archive.experiments else None

    # Moving

    @on(LineList.Highlighted, "#claims-list")
    def _moved(self, event: LineList.Highlighted) -> None:
        event.stop()
        if self._detailed != event.line.key:
            # The list first: a held key must not wait for every detail on its way.
            self.call_after_refresh(self._draw_detail_if_other)

    @on(LineList.Selected, "#claims-list")
    def _chose(self, event: LineList.Selected) -> None:
        event.stop()
        self._detail.focus()

    @on(LineList.Selected, "#claims-detail")
    def _go(self, event: LineList.Selected) -> None:
        event.stop()
        if isinstance(event.line.key, int):
            self.post_message(OpenExperiment(event.line.key))

    def action_filter(self) -> None:
        verdicts = [None, *dict.fromkeys(claim.verdict for claim in self._claims)]
        self._only = verdicts[(verdicts.index(self._only) + 1) % len(verdicts)]
        self._draw()

    def action_row(self, step: int) -> None:
        self._detail.focus()
        self._detail.next_key(step)

    def action_lineage(self) -> None:
        line = self._detail.line
        if line is not None and isinstance(line.key, int):
            self.post_message(ShowInLineage(line.key))
        else:
            self.app.notify("n goes to the next row with an experiment", title="No experiment in this row")

    # Kept between sessions

    def open(self, arguments: dict[str, Any]) -> None:
        if isinstance(arguments.get("id"), str):
            self._only = None
            self._draw()
            self._list.go(arguments["id"])

    def link(self) -> Link:
        claim = self._chosen()
        return Link("claims", claim=None if claim is None else claim.id)

    def table(self) -> list[dict[str, Any]]:
        return [
            {"id": one.id, "verdict": one.verdict, "claimed": one.claimed, "found": one.found}
            for one in self._shown
        ]

    def state(self) -> dict[str, Any]:
        line = self._list.line
        return {"id": line.key if line else None, "only": self._only}

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("only") in {claim.verdict for claim in self._claims}:
            self._only = state["only"]
            self._draw()
        self._list.go(state.get("id"))

    def reload(self) -> None:
        self.prepare()
        self._draw()


def _columns(name: str, claimed: str, found: str, width: int) -> tuple[str, str, str]:
    """Three cells of a row of that width; without room the second is left to the detail."""
    room = max(width - 2 - _ID, 10)
    if width < _BOTH:
        return cell(name, _ID - 1) + " ", "", cell(found, room)
    half = room * 2 // 5
    return cell(name, _ID - 1) + " ", cell(claimed, half - 2) + "  ", cell(found, room - half)


def _list_line(claim: Entry, width: int, theme: ThemeStyles) -> Line:
    glyph, style = verdict_mark(claim.verdict, theme)
    name, claimed, found = _columns(
        safe_line(claim.id), safe_line(claim.claimed, 240), safe_line(claim.found, 240), width
    )
    shown = Text(end="").append(f"{glyph} ", style=style).append(name, style=theme.strong)
    return Line(shown.append(claimed, style=theme.muted).append(found), claim.id)


def _detail_lines(claim: Entry, width: int, theme: ThemeStyles, known: Known) -> list[Line]:

    def leads(row: dict[str, Any]) -> Text:
        return Text(" ") if known(row) is None else Text("→", style=theme.accent)

    def verdict(row: dict[str, Any]) -> Text:
        return Text(*verdict_mark(str(row.get("verdict")), theme))

    glyph, style = verdict_mark(claim.verdict, theme)
    title = Text(end="").append(f"{glyph} {safe_line(claim.verdict)}  ", style=style)
    lines = [Line(title.append(safe_line(claim.id), style=theme.strong), rest=False)]
    lines += [*prose(claim.statement, width), Line(Text(), rest=False)]
    lines += fact("claimed", claim.claimed, width, style=theme.accent)
    lines += fact("found", claim.found, width, style=style)
    for label, said in (
        ("effect", claim.effect), ("where", claim.where), ("method", claim.method),
        ("criterion", claim.criterion), ("power", claim.power), ("changes if", claim.would_change),
    ):  # fmt: skip
        lines += fact(label, said, width) if said else []
    for what, rows in (
        ("Parts", claim.parts), ("Readings", claim.readings), ("With other limits", claim.sensitivity)
    ):  # fmt: skip
        if rows:
            lines += heading(what, theme.primary + theme.strong)
            lines += table([row.model_dump() for row in rows], mark=verdict)
    for evidence in claim.evidence:
        rows_, total = evidence.rows, evidence.total
        count = "none" if not total else f"{len(rows_)} of {total:,}" if len(rows_) < total else f"{total:,}"
        what = evidence.what
        lines += heading(f"{what[:1].upper()}{what[1:]} ({count}; {evidence.source})", theme.primary)
        lines += table(rows_, key=known, mark=leads)
    if claim.notes:
        lines += heading("Notes", theme.primary)
        for note in claim.notes:
            lines += prose(note, width, lead="- ")
    return lines
