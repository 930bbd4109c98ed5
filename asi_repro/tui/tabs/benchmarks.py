"""Benchmark values beside the parent's, the gallery's best and the paper's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from textwrap import wrap
from typing import Any, Optional

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult

from asi_repro.archive.node_model import AS_RECORDED, MINIMIZE, UNKNOWN
from asi_repro.archive.nodes import is_imported
from asi_repro.archive.reader import Archive
from asi_repro.claims.data import same_name
from asi_repro.claims.paper_tables import PaperTables
from asi_repro.data.benchmarks import BENCHMARKS
from asi_repro.data.item_counts import SCORED
from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.results.table import read_results
from asi_repro.tui.run_data import Source
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.tabs.training import is_published
from asi_repro.tui.theme import theme_styles
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.text import safe_line

# Table 1's columns by the release's.
TABLE1 = {
    "wikitext": "wikitext_ppl",
    "lam_ppl": "lambada_ppl",
    "lambada_openai": "lambada_acc",
    "piqa": "piqa_acc",
    "hellaswag": "hellaswag_acc_norm",
    "winogrande": "winogrande_acc",
    "arc_easy": "arc_easy_acc",
    "arc_challenge": "arc_challenge_acc_norm",
    "social_iqa": "social_iqa_acc",
    "boolq": "boolq_acc",
    "average": "average",
}


# Cells of a value with its star, and between two columns.
_NUMBER, _GAP = 7, 2
_PROSE = 100
_ITEMS = SCORED | {"lambada_openai": 5153}  # the paper's score is without LAMBADA, the average is not


Task = tuple[str, str, Optional[bool]]
"""Column, title, and whether lower is better; None where that is not known."""

Values = Mapping[str, Optional[float]]
"""Of one experiment, by column of the release; accuracies in points of 100."""

Interval = Optional[tuple[float, float]]
"""A difference in points of 100, and half of its 95% interval over the items."""


@dataclass(frozen=True)
class Column:
    """A title with its values."""

    title: str
    values: Values
    competes: bool = True


class BenchmarksTab(Tab):
    """A table, best of each row marked."""

    TITLE = "Benchmarks"
    FLUID = True
    imported = False

    def compose(self) -> ComposeResult:
        yield LineList(fixed=True)

    def read(self, index: int) -> tuple[list[Task], list[Column]]:
        self.imported = self.source.imported is not None
        tasks, columns = benchmark_table(self.source.archive, index)
        guesses = guess_columns(self.source, self.source.archive.rows("benchmarks", index))
        own = [column for column in columns if column.competes]
        return tasks, [*own, *guesses, *columns[len(own) :]]

    def fill(self, data: tuple[list[Task], list[Column]]) -> None:
        tasks, columns = data
        theme = theme_styles(self.app)
        first = max(len(title) for _, title, _ in tasks) + 1
        titles = [safe_line(column.title, 40).split() for column in columns]
        form = "{:.5g}" if self.imported else "{:.2f}"
        widths = [
            max(
                _NUMBER,
                *map(len, words),
                *(len(f"★ {form.format(v)}") for v in column.values.values() if v is not None),
            )
            + _GAP
            for column, words in zip(columns, titles, strict=True)
        ]
        lines: list[Line] = []
        room = self.room - first - sum(widths) - _GAP
        named, apart = _beside(tasks, columns, room, imported=self.imported)
        # Where not all columns fit, the difference stands before those of others, and the last are left out.
        wide = max(map(len, apart)) + _GAP if named else 0
        others = sum(not column.competes for column in columns) if len(named) > room else 0
        at = len(columns) - others
        fit = _fitting(widths, at, self.room - first - wide) if others else len(columns)
        left, columns, titles, widths = columns[fit:], columns[:fit], titles[:fit], widths[:fit]
        if others:
            head = _head(
                [*titles[:at], named.rsplit(" ", 1), *titles[at:]], [*widths[:at], wide, *widths[at:]], first
            )
        else:
            head = _head(titles, widths, first).append(f"{'':<{_GAP}}{named}")
        for (key, title, lower), gap in zip(tasks, apart, strict=True):
            best = _best(columns, key, lower)
            cells = [
                _cell(column, key, best, width, theme.good + Style(bold=True), form)
                for column, width in zip(columns, widths, strict=True)
            ]
            cells.insert(at, Text(f"{gap:>{wide}}" if others else f"{'':<{_GAP}}{gap}"))
            lines.append(Line(Text.assemble(f"{title:<{first}}", *cells, no_wrap=True, end="")))
        lines.append(Line(Text()))
        notes = list(_IMPORTED_NOTES if self.imported else _NOTES)
        if left:
            notes.append(f"For a wider terminal: {', '.join(column.title for column in left)}.")
        for note in notes:
            lines += [Line(Text(part, style=theme.muted)) for part in wrap(note, min(self.room, _PROSE))]
        self.query_one(LineList).show(lines, head=head, keep=False)


def _fitting(widths: list[int], least: int, room: int) -> int:
    """How many columns fit whole: at least `least`."""
    return max((n for n in range(least, len(widths) + 1) if sum(widths[:n]) <= room), default=least)


def _head(titles: list[list[str]], widths: list[int], first: int) -> Text:
    """Titles word by word, so that many columns stand side by side; the last words just above the numbers."""
    height = max(map(len, titles), default=1)
    rows = []
    for row in range(height):
        words = [(t[row - height + len(t)] if row >= height - len(t) else "") for t in titles]
        rows.append(" " * first + "".join(f"{word:>{w}}" for word, w in zip(words, widths, strict=True)))
    return Text("\n".join(rows), no_wrap=True)


_NOTES = (
    "★ best of the columns of this run. Accuracies in points of 100; of perplexity (ppl) lower is better.",
    "chance: any answer at random. majority answer: the most common one of the items scored here.",
    "The paper's Table 1 stands beside, not against: it is of other trainings. `-`: the run has no value.",
)

_IMPORTED_NOTES = (
    "Values as the system recorded them. ★ best of the columns, where the run says which way is better.",
)


def _best(columns: list[Column], key: str, lower: bool | None) -> float | None:
    if lower is None:
        return None
    known = [v for column in columns if column.competes and (v := column.values.get(key)) is not None]
    return None if not known else min(known) if lower else max(known)


def _cell(column: Column, key: str, best: float | None, width: int, style: Style, form: str) -> Text:
    value = column.values.get(key)
    if value is None:
        return Text(f"{'-':>{width}}", style=Style(dim=True))
    won = column.competes and value == best
    shown = f"{'★ ' if won else ''}{form.format(value)}".rjust(width)
    return Text(shown, style=style if won else Style(dim=not column.competes))


def _beside(tasks: list[Task], columns: list[Column], room: int, *, imported: bool) -> tuple[str, list[str]]:
    """A title and the difference of each task: drawn where there is room for that, else as a number."""
    found = differences(tasks, columns, imported=imported)
    if any(found):
        titles = (
            f"{columns[0].title} − {columns[1].title}, 95% interval over the items",
            "− ancestor, 95%",
        )
        for title, bar in zip(titles, (True, False), strict=True):
            shown = [interval_text(one, bar=bar) for one in found]
            if not bar or max(map(len, [title, *shown])) <= room:
                return title, shown
    return "", [""] * len(tasks)


def differences(tasks: list[Task], columns: list[Column], *, imported: bool) -> list[Interval]:
    """`difference` of each task against the nearest ancestor; what an import recorded may be no share."""
    if imported or len(columns) < 2 or not columns[1].title.startswith("ancestor"):
        return [None] * len(tasks)
    return [difference(key, columns[0].values, columns[1].values) for key, *_ in tasks]


def interval_text(found: Interval, *, bar: bool = False) -> str:
    """A difference with its interval, drawn before it where `bar` is true."""
    if found is None:
        return "no interval"
    drawn = f"{error_bar(*found, reach=8, cells=33)} " if bar else ""
    return f"{drawn}{found[0]:+6.2f} ± {found[1]:.2f}"


def difference(key: str, ours: Values, theirs: Values) -> Interval:
    """One value of a task, or of the average, less another.

    The interval is as if each model had been asked other items; seeds are not in it. None where a value is
    not known or is not a share of items.
    """
    tasks = list(_ITEMS) if key == "average" else [key] if key in _ITEMS else []
    pairs = [(values.get(task), _ITEMS[task]) for values in (ours, theirs) for task in tasks]
    known = [value * (100 - value) / items for value, items in pairs if value is not None]
    one, other = ours.get(key), theirs.get(key)
    if one is None or other is None or not tasks or len(known) < len(pairs):
        return None
    return one - other, 1.96 * sqrt(sum(known)) / len(tasks)


def error_bar(value: float, half: float, *, reach: int = 4, cells: int = 21) -> str:
    """A value with its interval beside 0 (│), from `-reach` to `reach`; what is beyond stands at the end."""

    def place(at: float) -> int:
        return round((min(max(at / reach, -1.0), 1.0) + 1) / 2 * (cells - 1))

    low, high = place(value - half), place(value + half)
    shown = ["─" if low <= at <= high else "·" for at in range(cells)]
    shown[place(0)] = "┼" if low <= place(0) <= high else "│"
    shown[place(value)] = "●"
    return f"-{reach} {''.join(shown)} +{reach}"


def benchmark_table(archive: Archive, index: int) -> tuple[list[Task], list[Column]]:
    """Tasks and the columns of values.

    Raises:
        MissingInput: where the run has no benchmarks of this experiment.
    """
    rows = archive.rows("benchmarks", index)
    if not rows:
        if archive.imported:
            raise MissingInput(f"no metrics were recorded for experiment {index} beside its score")
        raise MissingInput(
            f"no benchmark values were released for experiment {index}",
            hint="has:program in the lineage's filter shows those that have some",
        )
    tasks = [(r["column"], task_title(r), lower_is_better(archive, r)) for r in rows]
    columns = [Column(f"this {index}", values_of(rows))]
    known = archive.places("benchmarks")
    above = next((i for i in archive.lineage.ancestors(index) if i in known), None)
    if above is not None:
        columns.append(Column(f"ancestor {above}", values_of(archive.rows("benchmarks", above))))
    best = _best_average(archive)
    if best not in (index, above, -1):
        columns.append(Column(f"best avg. {best}", values_of(archive.rows("benchmarks", best))))
    if archive.experiments[index].in_gallery and is_published(archive):
        columns += _paper_columns(archive.experiments[index].label)
    return tasks, columns


def guess_columns(source: Source, rows: list[dict[str, Any]]) -> list[Column]:
    """What guesses score: any answer at random, and always the most common one where items are here."""
    chances: dict[str, float] = {
        one.name: one.chance for one in BENCHMARKS.values() if one.chance is not None
    }
    columns = [_guesses("chance", rows, chances)]
    if source.project is not None:
        try:
            majorities = read_results(source.project.artifacts / "results").summary.majorities
        except AsiReproError:
            majorities = {}
        columns.append(_guesses("majority answer", rows, majorities))
    return [column for column in columns if column.values]


def _guesses(title: str, rows: list[dict[str, Any]], rates: Mapping[str, float]) -> Column:
    accuracies = (row for row in rows if row["metric"] == "accuracy" and row["task"] in rates)
    return Column(title, {row["column"]: rates[row["task"]] * 100 for row in accuracies}, competes=False)


def task_title(row: dict[str, Any]) -> str:
    """How a row of the archive's table of benchmarks is called wherever it is shown."""
    return str(row["task"]) + (" ppl" if row["metric"] == "perplexity" else "")


def lower_is_better(archive: Archive, row: dict[str, Any]) -> bool | None:
    """Of a row of the archive's table of benchmarks; None where nothing says so."""
    if row["metric"] != AS_RECORDED:
        return bool(row["metric"] == "perplexity")
    stated = archive.objective
    known = row["task"] == stated.score and stated.direction != UNKNOWN
    return stated.direction == MINIMIZE if known else None


def in_points(value: float | None, metric: str) -> float | None:
    """A perplexity, and what is as an imported run recorded it, as it is; anything else in points of 100."""
    return value if value is None or metric in ("perplexity", AS_RECORDED) else value * 100


def values_of(rows: Iterable[Mapping[str, Any]]) -> Values:
    """The values of rows of the archive's table of benchmarks."""
    return {row["column"]: in_points(row["value"], row["metric"]) for row in rows}


def _best_average(archive: Archive) -> int:
    if is_imported(archive):  # it has no average
        return -1
    table = archive.table("benchmarks", ["index", "column", "value"])
    rows = zip(*(table[name].to_pylist() for name in table.column_names), strict=True)
    averages = [(value, -at) for at, column, value in rows if column == "average" and value is not None]
    return -max(averages)[1] if averages else -1


def _paper_columns(label: str) -> list[Column]:
    paper = PaperTables()
    names = [*paper.table1_human, *(n for n in paper.table1_discovered if same_name(n) == same_name(label))]
    return [
        Column(
            f"paper: {name}", {ours: paper.table1[name].get(theirs) for ours, theirs in TABLE1.items()}, False
        )
        for name in names
    ]
