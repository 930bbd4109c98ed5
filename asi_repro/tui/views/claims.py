"""The paper's claims: verdicts on the left, on the right what one of them rests on."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from asi_repro.errors import DataError, MissingInput
from asi_repro.tui.messages import OpenExperiment, ShowInLineage
from asi_repro.tui.theme import ThemeStyles, theme_styles, verdict_mark
from asi_repro.tui.view import View
from asi_repro.tui.widgets.line_layout import fact, heading, prose, table
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.text import safe_line

WIDE = 120
WIDER = 180
_FIELDS = ("id", "verdict", "claimed", "found", "statement", "where", "method", "criterion", "would_change")


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
        self._claims = _checked(self.source.ledger(), str(self.source.paths.claims))
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
        self.call_after_refresh(self._draw_detail)

    # What is shown

    def _draw(self) -> None:
        theme = theme_styles(self.app)
        counts = Counter(claim["verdict"] for claim in self._claims)
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
        self._shown = [c for c in self._claims if self._only in (None, c["verdict"])]
        self._list.show([_list_line(claim, theme) for claim in self._shown])
        self._draw_detail()

    def _draw_detail_if_other(self) -> None:
        if self._list.line is None or self._detailed != self._list.line.key:
            self._draw_detail()

    def _draw_detail(self) -> None:
        claim = self._chosen()
        pane = self._detail
        width = max(pane.scrollable_content_region.width - 1, 40)
        lines = _detail_lines(claim, width, theme_styles(self.app), self._known) if claim else []
        pane.show(lines, keep=self._detailed == (claim and claim["id"]))
        self._detailed = None if claim is None else claim["id"]

    def _chosen(self) -> dict[str, Any] | None:
        line = self._list.line
        return next((c for c in self._shown if line is not None and c["id"] == line.key), None)

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
        verdicts = [None, *dict.fromkeys(claim["verdict"] for claim in self._claims)]
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

    def state(self) -> dict[str, Any]:
        line = self._list.line
        return {"id": line.key if line else None, "only": self._only}

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("only") in {claim["verdict"] for claim in self._claims}:
            self._only = state["only"]
            self._draw()
        self._list.go(state.get("id"))

    def reload(self) -> None:
        self.prepare()
        self._draw()


def _checked(ledger: dict[str, Any], where: str) -> list[dict[str, Any]]:
    """The claims of a ledger, which may have been written by anyone."""
    claims = ledger.get("claims")
    fits = isinstance(claims, list) and all(
        isinstance(c, dict)
        and all(isinstance(c.get(field), str) for field in _FIELDS)
        and all(isinstance(c.get(field), list) for field in ("parts", "evidence", "notes"))
        and all(_is_evidence(e) for e in c["evidence"])
        and all(isinstance(part, dict) for part in c["parts"])
        for c in claims
    )
    if not fits:
        raise DataError("the ledger's claims are damaged", where=where, hint="run `dvc repro --force claims`")
    return list(claims or [])


def _is_evidence(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and isinstance(value.get("rows"), list)
        and all(isinstance(row, dict) for row in value["rows"])
        and isinstance(value.get("total"), int)
    )


def _list_line(claim: dict[str, Any], theme: ThemeStyles) -> Line:
    glyph, style = verdict_mark(claim["verdict"], theme)
    shown = Text(end="").append(f"{glyph} ", style=style)
    shown.append(f"{safe_line(claim['id'], 24):<20} ", style=theme.strong)
    shown.append(safe_line(claim["claimed"], 60), style=theme.muted).append(" → ", style=theme.muted)
    shown.append(safe_line(claim["found"], 240))
    return Line(shown, claim["id"])


def _detail_lines(claim: dict[str, Any], width: int, theme: ThemeStyles, known: Any) -> list[Line]:

    def leads(row: dict[str, Any]) -> Text:
        return Text(" ") if known(row) is None else Text("→", style=theme.accent)

    glyph, style = verdict_mark(claim["verdict"], theme)
    title = Text(end="").append(f"{glyph} {safe_line(claim['verdict'])}  ", style=style)
    lines = [Line(title.append(safe_line(claim["id"]), style=theme.strong), rest=False)]
    lines += prose(claim["statement"], width)
    lines.append(Line(Text(), rest=False))
    lines += fact("claimed", claim["claimed"], width, style=theme.accent)
    lines += fact("found", claim["found"], width, style=style)
    for label, field in (
        ("where", "where"), ("method", "method"), ("criterion", "criterion"), ("changes if", "would_change")
    ):  # fmt: skip
        lines += fact(label, claim[field], width)
    if claim["parts"]:
        lines += heading("Parts", theme.primary + theme.strong)
        lines += table(claim["parts"], mark=lambda row: Text(*verdict_mark(str(row.get("verdict")), theme)))
    for evidence in claim["evidence"]:
        rows, total = evidence["rows"], evidence["total"]
        count = "none" if not total else f"{len(rows)} of {total:,}" if len(rows) < total else f"{total:,}"
        what = str(evidence.get("what", ""))
        lines += heading(f"{what[:1].upper()}{what[1:]} ({count}; {evidence.get('source')})", theme.primary)
        lines += table(rows, key=known, mark=leads)
    if claim["notes"]:
        lines += heading("Notes", theme.primary)
        for note in claim["notes"]:
            lines += prose(str(note), width, lead="- ")
    return lines
