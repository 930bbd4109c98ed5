"""What the checks found: architectures by checks, and the cell under the cursor in full."""

from __future__ import annotations

from collections import Counter
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.geometry import Offset
from textual.widget import Widget
from textual.widgets import Static

from asi_repro.errors import AsiReproError, NotFound
from asi_repro.tui.check_text import measured
from asi_repro.tui.deep_link import Link
from asi_repro.tui.messages import OpenExperiment, ShowInLineage
from asi_repro.tui.theme import theme_styles, verdict_mark
from asi_repro.tui.view import View
from asi_repro.tui.widgets.empty import Empty
from asi_repro.tui.widgets.line_list import next_place
from asi_repro.tui.widgets.matrix import Column, Mark, Matrix
from asi_repro.tui.widgets.text import safe_line
from asi_repro.verify.catalogue import CHECKS, ROW_NAMES
from asi_repro.verify.certificate import Certificate
from asi_repro.verify.results import CheckResult

# From this width on the head has words beside its signs.
_WORDS = 100
_ORDERS = ("most failures", "index", "name", "this check's value")
_SHORT = {
    "einops_only": "ein", "compile_decorators": "cmp", "components": "knd",
    "runs_fp32": "f32", "runs_bf16": "b16", "runs_fp64": "f64",
    "finite_fp32": "n32", "finite_bf16": "n16", "finite_fp64": "n64",
    "causality_perturbation": "prt", "causality_jacobian": "jac", "prefix_consistency": "pre",
    "batch_independence": "evl", "batch_independence_train": "trn",
    "mask_runs": "run", "padding_isolation": "pad", "mask_sample_isolation": "iso", "mask_equivalence": "eqv",
    "packed_samples": "pck", "determinism": "det", "eval_state": "buf", "eval_history": "hst",
    "instance_independence": "ins", "training_steps": "stp", "checkpoint": "ckp", "bf16_positions": "lat",
    "dead_parameters": "ded",
    "flops_exponent": "flo", "elements_exponent": "elm", "memory_exponent": "mem",
    "cache_decoding": "dec", "cache_continuation": "con", "state_size": "siz",
    "parameters_20m": "20", "parameters_340m": "340",
    "flops_token_20m": "20", "flops_token_340m": "340",
}  # fmt: skip


class CertificatesView(View):
    """The matrix."""

    TITLE = "Certificates"
    DEFAULT_CSS = """
    CertificatesView > #certificates-counts {
        height: 1; background: $panel; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis;
    }
    CertificatesView > #certificates-cell {
        height: 6; border-top: solid $primary 50%; padding: 0 1; background: $background;
    }
    CertificatesView.-low > #certificates-cell { height: 3; border-top: none; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "failing", "Failing", tooltip="Only architectures that fail a check, or all"),
        Binding("s", "sort", "Sort", tooltip="Sort by index, failures, name, or the value of this check"),
        Binding("n", "next_fail(1)", "Next ✗", tooltip="Next architecture that fails this check"),
        Binding("p", "next_fail(-1)", "Last ✗", show=False, tooltip="The one before that fails this check"),
        Binding("L", "lineage", "Lineage", show=False, tooltip="Show the architecture in the lineage"),
    ]

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self._all: list[Certificate] = []
        self._rows: list[Certificate] = []
        self._order = _ORDERS[0]
        self._only_failing = False
        self._wanted: tuple[int | None, str | None] = (None, None)

    def compose(self) -> ComposeResult:
        yield Static("reading the certificates …", id="certificates-counts")
        yield Matrix(id="certificates-matrix")
        yield Static(id="certificates-cell")

    def on_mount(self) -> None:
        self.watch(self.app, "theme", self._draw, init=False)
        self._read()

    @property
    def _matrix(self) -> Matrix:
        return self.query_one(Matrix)

    def first_focus(self) -> Widget | None:
        return self._matrix

    def _read(self) -> None:
        self.load(self.source.certificates, self._got, failed=self._missing)

    def _got(self, found: list[Certificate]) -> None:
        self.query(Empty).remove()
        self._matrix.display = self.query_one("#certificates-cell").display = True
        self._all = found
        self._draw()
        index, check = self._wanted
        self._go(index, check)

    def _missing(self, error: AsiReproError) -> None:
        self.query(Empty).remove()
        self._matrix.display = self.query_one("#certificates-cell").display = False
        self.query_one("#certificates-counts", Static).update("", layout=False)
        self.mount(Empty.from_error(self.source.for_run(error)), before="#certificates-cell")

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < 16, "-low")

    # What is shown

    def _draw(self) -> None:
        here = self._here()
        row_name = ROW_NAMES[self._matrix.cursor.x]
        shown = [c for c in self._all if not self._only_failing or c.counts()["fail"]]
        self._rows = sorted(shown, key=lambda c: _sort_key(c, self._order, row_name))
        theme = theme_styles(self.app)
        fails = Counter(row.check for c in self._all for row in c.checks if row.verdict == "fail")
        columns = [
            Column(check.name, _SHORT.get(row, row[:4]), str(fails[row]) if fails[row] else "·")
            for check in CHECKS
            for row in check.rows
        ]
        kinds = {verdict: Mark(*verdict_mark(verdict, theme)) for verdict in ("fail", "not run")}
        kinds["pass"] = Mark("✓", theme.good + theme.muted)  # what fails is looked for
        measured = Mark("•", theme.muted)
        marks = [
            [
                measured if row.comparison == "none" and row.verdict == "pass" else kinds[row.verdict]
                for row in certificate.checks
            ]
            for certificate in self._rows
        ]
        names = [f"{c.index:>5} {safe_line(c.display_name or c.name, 60)}" for c in self._rows]
        self._matrix.show(columns, names, marks)
        self._draw_counts()
        if here is not None:
            self._go(here.index, row_name)

    def _draw_counts(self, note: str = "") -> None:
        theme = theme_styles(self.app)
        totals: Counter[str] = Counter()
        for certificate in self._all:
            totals.update(certificate.counts())
        clean = sum(not c.counts()["fail"] for c in self._all)
        shown = Text(end="")
        wide = self.app.size.width >= _WORDS
        of, passed, not_run = (" architectures", "✓ or • measured", "· not run") if wide else ("", "✓ •", "·")
        shown.append(f"{len(self._rows)} of {len(self._all)}{of}, {clean} without ✗   ")
        for verdict, label in (("pass", passed), ("fail", "✗"), ("not run", not_run)):
            shown.append(f"{totals[verdict]:,} {label}  ", style=verdict_mark(verdict, theme)[1])
        shown.append(f" by {self._order}{note}", style=theme.muted)
        self.query_one("#certificates-counts", Static).update(shown, layout=False)

    @on(Matrix.Moved)
    def _moved(self, event: Matrix.Moved) -> None:
        event.stop()
        certificate, row = self._here(), self._check()
        if certificate is None or row is None:
            self.query_one("#certificates-cell", Static).update("", layout=False)
            return
        theme = theme_styles(self.app)
        glyph, style = verdict_mark(row.verdict, theme)
        title = next(check.title for check in CHECKS if row.check in check.rows)
        shown = Text(end="")
        shown.append(f"{glyph} {row.verdict}", style=style + theme.strong)
        shown.append(f"  {safe_line(certificate.display_name or certificate.name, 60)}  ", style=theme.strong)
        shown.append(f"{row.check}: {measured(row)}\n", style=theme.accent)
        shown.append(f"{title} ", style=theme.primary)
        shown.append(safe_line(row.method, 400))
        if reason := row.detail.get("reason"):
            shown.append(f"\n{safe_line(str(reason), 300)}", style=theme.warn)
        self.query_one("#certificates-cell", Static).update(shown, layout=False)

    def _here(self) -> Certificate | None:
        place = self._matrix.cursor.y
        return self._rows[place] if place < len(self._rows) else None

    def _check(self) -> CheckResult | None:
        certificate = self._here()
        return certificate.checks[self._matrix.cursor.x] if certificate else None

    # Moving

    @on(Matrix.Selected)
    def _chose(self, event: Matrix.Selected) -> None:
        event.stop()
        if (certificate := self._here()) is not None:
            self.post_message(
                OpenExperiment(certificate.index, "certificate", ROW_NAMES[self._matrix.cursor.x])
            )

    def _go(self, index: int | None, check: str | None) -> None:
        """The cursor on that architecture and check, as far as they are there."""
        place = self._matrix.cursor
        row = next((n for n, c in enumerate(self._rows) if c.index == index), place.y)
        column = ROW_NAMES.index(check) if check in ROW_NAMES else place.x
        self._matrix.cursor = Offset(column, row)

    def action_failing(self) -> None:
        self._only_failing = not self._only_failing
        self._draw()

    def action_sort(self) -> None:
        self._order = _ORDERS[(_ORDERS.index(self._order) + 1) % len(_ORDERS)]
        self._draw()
        self._matrix.cursor = Offset(self._matrix.cursor.x, 0)
        self.app.notify(f"by {self._order}", title="Sorted", timeout=2)

    def action_next_fail(self, step: int) -> None:
        column = self._matrix.cursor.x
        places = [n for n, c in enumerate(self._rows) if c.checks[column].verdict == "fail"]
        if places:
            place, which = next_place(places, self._matrix.cursor.y, step)
            self._matrix.cursor = Offset(column, place)
            self._draw_counts(f"  ✗ {which}")

    def action_lineage(self) -> None:
        if (certificate := self._here()) is not None:
            self.post_message(ShowInLineage(certificate.index))

    # Kept between sessions

    def open(self, arguments: dict[str, Any]) -> None:
        index, check = arguments.get("index"), arguments.get("part")
        if check is not None and check not in ROW_NAMES:
            raise NotFound(f"there is no check {check!r}", hint=f"the checks are {', '.join(ROW_NAMES)}")
        self._wanted = (index if isinstance(index, int) else None, check)
        self._go(*self._wanted)

    def link(self) -> Link:
        here = self.state()
        return Link("certificates", here["index"], part=here["part"])

    def table(self) -> list[dict[str, Any]]:
        return [
            {"index": one.index, "name": one.name} | {row.check: row.verdict for row in one.checks}
            for one in self._rows
        ]

    def state(self) -> dict[str, Any]:
        here, check = self._here(), self._check()
        return {
            "index": here and here.index,
            "part": check and check.check,
            "order": self._order,
            "failing": self._only_failing,
        }

    def restore(self, state: dict[str, Any]) -> None:
        if state.get("order") in _ORDERS:
            self._order = state["order"]
        self._only_failing = state.get("failing") is True
        self.open(state)

    def reload(self) -> None:
        self._read()


def _sort_key(certificate: Certificate, order: str, check: str) -> tuple[Any, ...]:
    if order == "most failures":
        return (-certificate.counts()["fail"], certificate.index)
    if order == "name":
        return ((certificate.display_name or certificate.name).casefold(), certificate.index)
    if order == "this check's value":
        value = certificate.row(check).value
        # What was not measured, or is not a number, stands last.
        return (value is None or value != value, -(value or 0.0), certificate.index)
    return (certificate.index,)
