"""What every verb prints with: a careful console for people, and one JSON document for programs.

Texts of a run come from outside. A plain `str` given to the console is never read as rich markup,
and its control characters are shown, not sent. Text inside `Text`, `Syntax` or `Markdown` goes
through `safe` first.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING, Any, NoReturn

from asi_repro.cli.failures import PIPE_CLOSED, discard_stdout
from asi_repro.text import short_value, terminal_safe

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress
    from rich.text import Text

# Wide enough for any line: what is piped is for grep, so it is neither wrapped nor cut.
PIPE_WIDTH = 1_000_000
# Columns; longer lines are hard to read.
_PROSE_WIDTH = 100
_RECORDS_SHOWN = 30

# Legal inside a JSON string, but a terminal obeys them: C1 controls, bidirectional marks, separators.
_OBEYED = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def console(*, stderr: bool = False) -> Console:
    """The console to print for a person.

    Honours NO_COLOR, TERM=dumb and COLUMNS. Where the stream is not a terminal there is no colour,
    and lines are as long as they are unless COLUMNS says otherwise.
    """
    from rich.console import Console

    class SafeConsole(Console):
        def render_str(self, text: str, **options: Any) -> Text:
            return super().render_str(terminal_safe(text), **options)

        def on_broken_pipe(self) -> NoReturn:
            self.quiet = True
            discard_stdout()
            sys.exit(PIPE_CLOSED)

    made = SafeConsole(stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=False)
    if not made.is_terminal and not os.environ.get("COLUMNS", "").isdigit():
        made.width = PIPE_WIDTH
    return made


def safe(text: str) -> str:
    """One line of outside text as it may be shown: control characters, newlines too, are escaped."""
    # isprintable is False for everything that terminal_safe escapes, and 30 times faster than looking.
    return text if text.isprintable() else terminal_safe(text, keep="")


def print_result(document: Any, text: str | Callable[[], None], *, as_json: bool) -> None:
    """Print a result: `document` as JSON for programs, or `text` for a person.

    Args:
        document: a JSON value; or an iterator of records, which are printed one a line.
        text: what to print, as it is; or a function that prints it.
        as_json: whether a program asks.
    """
    if as_json:
        (print_json_rows if isinstance(document, Iterator) else print_json)(document)
    elif isinstance(text, str):
        console().print(text, soft_wrap=True)
    else:
        text()


def progress_bar() -> Progress:
    """A bar on standard error that counts what is done; its descriptions have to be made safe."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=console(stderr=True))


def print_json(value: Any) -> None:
    """Print `value` as exactly one JSON document in UTF-8, keys in the order they are in.

    Raises:
        ValueError: for NaN and infinities, which JSON does not have.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    print_utf8(_shown_not_obeyed(text) + "\n")


def print_utf8(text: str) -> None:
    """Print `text` as it is in UTF-8, whatever the locale; lone surrogates become JSON-like escapes."""
    data = text.encode("utf-8", "backslashreplace")
    stream: IO[bytes] | None = getattr(sys.stdout, "buffer", None)
    if stream is None:
        sys.stdout.write(data.decode())
        return
    sys.stdout.flush()
    stream.write(data)


def print_columns(
    out: Console,
    header: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Iterable[int] = (),
    styles: Sequence[str] | None = None,
) -> None:
    """Print a table without borders, one line a row, cut to the terminal's width in the last column.

    Rich's own tables take half a millisecond a row, which 100,000 experiments cannot afford.

    Args:
        out: where to; its width and colours hold.
        header: the columns' names.
        rows: cells, already made safe.
        right: columns to align right.
        styles: a rich style for each row, "" for none.
    """
    from rich.cells import cell_len

    aligned_right = set(right)
    last = len(header) - 1
    table = [header, *rows]
    widths = [max(cell_len(row[column]) for row in table) for column in range(last)]
    lines: list[str] = []
    for row in table:
        cells = []
        for column, width in enumerate(widths):
            pad = " " * (width - cell_len(row[column]))
            cells.append(pad + row[column] if column in aligned_right else row[column] + pad)
        lines.append("  ".join([*cells, row[last]]).rstrip())
    print_lines(out, lines, ["bold", *(styles or [""] * len(rows))])


def print_records(out: Console, what: str, source: str, rows: Sequence[dict[str, Any]], total: int) -> None:
    """The first of `rows` as a table, with what they are and how many there are in all."""
    from rich.table import Table
    from rich.text import Text

    shown = rows[:_RECORDS_SHOWN]
    count = "none" if not total else str(total) if len(shown) == total else f"{len(shown)} of {total}"
    out.print(Text(f"\n{safe(what)} ({count}{f'; {safe(source)}' if source else ''})", style="dim"))
    if not shown:
        return
    columns = list(dict.fromkeys(column for row in shown for column in row))
    header = [safe(column.replace("_", " ")) for column in columns]
    cells = [[safe(short_value(row.get(column))) for column in columns] for row in shown]
    right = [p for p, c in enumerate(columns) if all(isinstance(row.get(c), int | float) for row in shown)]
    if not out.is_terminal:
        print_columns(out, header, cells, right=right)
    else:
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        for place, title in enumerate(header):
            table.add_column(Text(title), justify="right" if place in right else "left")
        for line in cells:
            table.add_row(*map(Text, line))
        out.print(table)
    if len(shown) < len(rows):
        out.print(Text(f"--json has {len(rows)} of them", style="dim"))


def print_lines(out: Console, lines: Sequence[str], styles: Sequence[str]) -> None:
    """Print lines, already made safe, each in its style ("" for none), cut to the console's width."""
    from rich.cells import cell_len, set_cell_size
    from rich.style import Style

    width = out.width  # asks the system each time
    colour = out.color_system is not None and out.is_terminal and not out.no_color
    made = {style: Style.parse(style) for style in set(styles)}
    shown: list[str] = []
    for line, style in zip(lines, styles, strict=True):
        cut = line
        if len(line) * 2 > width and cell_len(line) > width:
            cut = set_cell_size(line, max(width - 1, 1)).rstrip() + "…"
        shown.append(made[style].render(cut) if colour and style else cut)
    print_utf8("\n".join(shown) + "\n" if shown else "")


def print_json_rows(rows: Iterable[dict[str, Any]]) -> None:
    """Print a JSON array with one compact object a line: one document, and still good for grep.

    Raises:
        ValueError: for NaN and infinities.
    """
    dumps = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
    body = ",\n".join(f" {dumps(row)}" for row in rows)
    print_utf8(_shown_not_obeyed(f"[\n{body}\n]\n" if body else "[]\n"))


def print_heading(out: Console, text: str) -> None:
    """A part's heading, after an empty line."""
    from rich.text import Text

    out.print()
    out.print(Text(text, style="bold"))


def print_prose(out: Console, title: str, text: str | None) -> None:
    """A text of the run: Markdown rendered on a terminal, its source where it is piped."""
    if not text:
        return
    print_heading(out, title)
    shown = terminal_safe(text).strip()
    if not out.is_terminal:
        print_utf8(shown + "\n")
        return
    from rich.markdown import Markdown

    # Links would carry an address from outside into the terminal's own link escape.
    out.print(Markdown(shown, hyperlinks=False), width=min(out.width, _PROSE_WIDTH))


def _shown_not_obeyed(text: str) -> str:
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
