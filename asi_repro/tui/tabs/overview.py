"""What an experiment is, in a screen: its sentence, its numbers beside its parent's, where it stands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import sqrt
from typing import Any

from rich.style import Style
from textual.app import ComposeResult

from asi_repro.archive.details import origin_facts, origin_of
from asi_repro.archive.node_model import UNKNOWN
from asi_repro.archive.program_diff import diff_programs
from asi_repro.archive.reader import Archive, Experiment
from asi_repro.claims.paper_tables import PaperTables
from asi_repro.data.item_counts import SCORED
from asi_repro.errors import AsiReproError
from asi_repro.text import short_value
from asi_repro.tui.messages import OpenExperiment
from asi_repro.tui.tabs.benchmarks import benchmark_table, differences, error_bar, interval_text
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.tabs.training import curve_points, is_published
from asi_repro.tui.theme import theme_styles
from asi_repro.tui.widgets.card import arrow, best_children, change, children_title, lineage_row, path_of
from asi_repro.tui.widgets.line_layout import fact, heading, prose
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.score import BARS
from asi_repro.verify.certificate import Certificate

_PROSE, _LABEL, _BEFORE_NAME = 100, 13, 28
_BESIDE = 150  # cells from which on the numbers stand beside the lineage
_SENTENCE = re.compile(r".+?[.!?](?=\s|$)", re.DOTALL)


class OverviewTab(Tab):
    """One sentence, the numbers, the way from the root and the best children."""

    TITLE = "Overview"
    DEFAULT_CSS = "OverviewTab { layout: horizontal; }"
    FLUID = True

    def compose(self) -> ComposeResult:
        yield LineList(id="overview-lines")
        yield LineList(id="overview-numbers")

    def read(self, index: int) -> tuple[list[Line], list[Line]]:
        archive, beside = self.source.archive, self.room >= _BESIDE
        room = self.room // 2 - 2 if beside else self.room
        width, e = min(room, _PROSE), archive.get(index)
        title = theme_styles(self.app).primary + theme_styles(self.app).strong
        lines: list[Line] = []
        if e.has_program and (summary := archive.program(index).summary):
            said = _SENTENCE.match(summary.strip())
            lines = prose(said.group() if said else summary, width)
        numbers = heading("In numbers", title)
        for label, text in self._facts(archive, e):
            numbers += fact(label, text, width, label_width=_LABEL)
        if beside:
            numbers += _differences(archive, index, width, title)
        else:
            lines += numbers
        names = max(room - _BEFORE_NAME, 10)
        path = path_of(archive, index)
        lines += heading("From the root", title)
        for before, one in zip([None, *path[:-1]], path, strict=True):
            lines.append(Line(lineage_row(before, one, self.view.app.scale, names), one.index))
        children = best_children(archive, index)
        if children:
            lines += heading(children_title(archive, e), title)
            lines += [Line(lineage_row(e, one, self.view.app.scale, names), one.index) for one in children]
        return _from_top(lines), _from_top(numbers) if beside else []

    def fill(self, data: tuple[list[Line], list[Line]]) -> None:
        for pane, lines in zip(self.query(LineList), data, strict=True):
            pane.show(lines, keep=False)
            pane.display = bool(lines)

    def on_line_list_selected(self, message: LineList.Selected) -> None:
        message.stop()
        if isinstance(message.line.key, int) and message.line.key != self.index:
            self.post_message(OpenExperiment(message.line.key))

    def _facts(self, archive: Archive, e: Experiment) -> Iterator[tuple[str, str]]:
        yield "score", score_fact(archive, e)
        if (origin := origin_of(archive, e.index)) is not None:
            yield from self._imported_facts(archive, e, origin)
            return
        for label, read in (
            ("changed", changed_fact), ("training", training_fact), ("benchmarks", benchmarks_fact),
            ("DeltaNet", reference_fact),
        ):  # fmt: skip
            try:
                if said := read(archive, e):
                    yield label, said
            except AsiReproError as error:
                yield label, error.what
        try:
            yield "certificate", certificate_fact(self.source.certificate(e.index))
        except AsiReproError as error:
            shown = self.source.for_run(error)
            yield "certificate", f"none; {shown.hint}" if e.has_program and shown.hint else "none"

    def _imported_facts(
        self, archive: Archive, e: Experiment, origin: dict[str, Any]
    ) -> Iterator[tuple[str, str]]:
        yield "status", origin["status"]
        if e.has_program and e.parent is not None:
            try:
                yield "changed", changed_fact(archive, e)
            except AsiReproError as error:
                yield "changed", error.what
        rows = archive.rows("benchmarks", e.index)
        if rows:
            yield "metrics", "; ".join(f"{row['task']} {short_value(row['value'])}" for row in rows)
        yield from origin_facts(origin)


def _from_top(lines: list[Line]) -> list[Line]:
    return lines if lines[0].text.plain else lines[1:]


def _differences(archive: Archive, index: int, width: int, title: Style) -> list[Line]:
    """What each benchmark is against the nearest ancestor's, where both are known."""
    try:
        tasks, columns = benchmark_table(archive, index)
    except AsiReproError:
        return []
    found = differences(tasks, columns, imported=archive.imported)
    if not any(found):
        return []
    lines = heading(f"Benchmarks against {columns[1].title}, in points of 100", title)
    for (_, name, _), one in zip(tasks, found, strict=True):
        lines += fact(name, interval_text(one, bar=True), width, label_width=_LABEL + 3) if one else []
    return lines


def score_fact(archive: Archive, e: Experiment) -> str:
    """The score with its rank, and what it is against the parent's."""
    if e.score is None:
        return "none"
    sign = archive.objective.sign
    known = [sign * one.score for one in archive.experiments.values() if one.score is not None]
    rank = 1 + sum(score > sign * e.score for score in known)
    ranked = archive.objective.direction != UNKNOWN
    said = f"{e.score:.4f}" + (f", place {rank:,} of {len(known):,}" if ranked else "")
    if e.parent is None:
        return said
    parent = archive.experiments[e.parent]
    return f"{said}; {arrow(parent, e)}{change(parent, e)} against its parent {parent.index} {parent.label}"


def changed_fact(archive: Archive, e: Experiment) -> str:
    """How much of the program differs from the nearest released ancestor's."""
    found = diff_programs(archive, e.index)
    up = f"{found.steps} step{'s' * (found.steps != 1)} up"
    said = f"+{found.added} -{found.removed} lines against {found.old.index} ({up})"
    return f"{said}, {found.similarity:.0%} shared"


def training_fact(archive: Archive, e: Experiment) -> str:
    """The loss curve in small, and where it ends beside the nearest ancestor's."""
    points = curve_points(archive, e.index)
    if not points:
        return "no curve was released"
    losses = [loss for _, loss in points]
    low, high = min(losses), max(losses)
    steps = (min(int((loss - low) / ((high - low) or 1.0) * len(BARS)), len(BARS) - 1) for loss in losses)
    said = f"{''.join(BARS[step] for step in steps)} {losses[-1]:.4f} at step {points[-1][0]:g}"
    for index in archive.lineage.ancestors(e.index):
        if others := curve_points(archive, index):
            return f"{said}; ancestor {index} ends at {others[-1][1]:.4f}"
    return said


def benchmarks_fact(archive: Archive, e: Experiment) -> str:
    """The average, and in how many tasks it is better than the nearest ancestor: beside what chance gives."""
    tasks, columns = benchmark_table(archive, e.index)
    ours = columns[0].values
    average = ours.get("average")
    said = "no average" if average is None else f"average {average:.2f}"
    if len(columns) < 2 or not columns[1].title.startswith("ancestor"):
        return said
    theirs = columns[1].values
    pairs = [
        (a, b, lower)
        for name, _, lower in tasks
        if name != "average" and (a := ours.get(name)) is not None and (b := theirs.get(name)) is not None
    ]
    better = sum((a < b) if lower else (a > b) for a, b, lower in pairs)
    if theirs.get("average") is not None:
        said += f"; {columns[1].title} has {theirs['average']:.2f}"
    chance = f"{len(pairs) / 2:g} ± {sqrt(len(pairs)) / 2:.1f} by chance"
    return f"{said}; better in {better} of {len(pairs)} tasks ({chance})"


def reference_fact(archive: Archive, e: Experiment) -> str:
    """The paper's test score against DeltaNet's in its Table 2, with a 95% interval; nothing without both.

    The interval is that of the items, as if each model had been asked others; seeds are not in it.
    """
    if not (e.in_gallery and is_published(archive)):
        return ""
    rows = {row["column"]: row["value"] for row in archive.rows("benchmarks", e.index)}
    shares = [(rows[task], items) for task, items in SCORED.items() if rows.get(task) is not None]
    if len(shares) < len(SCORED):
        return ""
    theirs = PaperTables().table2_baselines["DeltaNet"].values["test_score_340m"]
    gap = 100 * sum(share for share, _ in shares) / len(shares) - theirs
    half = 1.96 * 100 * sqrt(2 * sum(p * (1 - p) / items for p, items in shares)) / len(shares)
    said = f"{gap:+.2f} ± {half:.2f} points of its {theirs:.2f} in Table 2 (95%, items only)"
    return f"{error_bar(gap, half)}  {said}"


def certificate_fact(certificate: Certificate) -> str:
    """How many checks passed, and which did not."""
    counts = certificate.counts()
    fails = ", ".join(row.check for row in certificate.checks if row.verdict == "fail")
    failed = f"✗ {counts['fail']} failed: {fails}" if fails else "✗ none failed"
    return f"✓ {counts['pass']} passed  {failed}  · {counts['not run']} not run"
