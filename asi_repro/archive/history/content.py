"""What the history holds for one experiment: its files, its commit message and its names.

All text of a run is untrusted. Names go into one-line fields with control characters escaped, free
text goes into fenced blocks, and only `program.py` is kept byte for byte.
"""

from __future__ import annotations

import json
import math
import re
import textwrap
import unicodedata
from dataclasses import asdict
from typing import Any

from asi_repro.archive.history.records import ExperimentRecord
from asi_repro.archive.node_model import Objective
from asi_repro.archive.reader import Experiment, Program
from asi_repro.errors import DataError
from asi_repro.markdown import code, fence, table
from asi_repro.text import counted, terminal_safe

FORMAT = "asi_repro.experiment/1"
AUTHOR = "asi-repro history <history@asi-repro.invalid>"

# Dates are an order, not a time: the run recorded none. 2000-01-01 00:00 UTC is plainly artificial, and
# unlike 1970 it is a date that git takes wherever it reads one.
DATE_ORIGIN = 946_684_800
SECONDS_PER_INDEX = 60

_WRAP_COLUMNS = 100
_MAX_NAME = 200
# JSON escapes C0 controls itself; these would still move or reorder text on a terminal.
_UNSAFE_IN_JSON = re.compile(
    "[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ue000-\uf8ff\U000f0000-\U0010ffff]"
)
# Every punctuation mark, and not only those that mean something where they stand: titles are in commits.
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|#!&~$:.@])")
_encode_text = json.JSONEncoder(ensure_ascii=False).encode


def experiment_files(record: ExperimentRecord) -> dict[str, bytes]:
    """The files of one experiment by name, in the order git sorts them.

    Returns:
        `experiment.json` always; `README.md` and `program.py` too where there is a program.

    Raises:
        DataError: for a number that JSON does not have (NaN, infinity).
    """
    try:
        data = _experiment_json(record)
    except ValueError as error:
        raise DataError(str(error), where=f"experiment {record.index}") from error
    if record.program is None:
        return {"experiment.json": data}
    return {
        "README.md": _readme(record, record.program).encode(),
        "experiment.json": data,
        program_file(record): record.program.source.encode(),
    }


def program_file(record: ExperimentRecord) -> str:
    """What the file of a program is called: of a language other than Python, program.txt."""
    language = None if record.node is None else record.node.language
    return "program.py" if (language or "python").casefold() in ("python", "py") else "program.txt"


def experiment_ref(index: int) -> str:
    """The ref of an experiment, such as `refs/experiments/0001735`."""
    return f"refs/experiments/{index:07d}"


def gallery_tag(experiment: Experiment) -> str:
    """The tag of a gallery architecture: `gallery/<display name>-<index>`.

    The index is always there: display names repeat, and a tag must not change when a later
    architecture takes the same name. Characters outside A-Z a-z 0-9 . _ + - become '-'.
    """
    plain = unicodedata.normalize("NFKD", experiment.label).encode("ascii", "ignore").decode()
    cleaned = re.sub(r"[^A-Za-z0-9._+]+|-+", "-", plain)
    cleaned = re.sub(r"\.{2,}", ".", cleaned)[:100].strip("-.")
    return f"gallery/{cleaned or 'experiment'}-{experiment.index}"


def commit_date(index: int) -> int:
    """Seconds since 1970 of an experiment's commit: 2000-01-01 00:00 UTC and `index` minutes."""
    return DATE_ORIGIN + SECONDS_PER_INDEX * index


def commit_message(record: ExperimentRecord) -> bytes:
    """A subject of name, index and score, and git trailers of the facts."""
    e, program = record.experiment, record.program
    marks = [f"{_one_line(e.label)} ({e.index})"]
    if e.score is not None:
        marks.append(f"score {e.score:.4f}")
    if e.in_gallery:
        marks.append("gallery")
    lines = [
        f"Experiment: {e.index}",
        f"Name: {_one_line(e.name)}",
        f"Parent: {'none' if e.parent is None else e.parent}",
        f"Depth: {e.depth}",
        f"Score: {_number(e.score)}",
        f"Gallery: {'yes' if e.in_gallery else 'no'}",
        f"Program: {f'not {record.withheld}' if program is None else 'sha256:' + program.sha256}",
    ]
    if program is not None and program.parameters_stated:
        lines.append(f"Parameters-stated: {_one_line(program.parameters_stated)}")
    lines += [
        f"Benchmark-{row['column']}: {_number(row['value'])}"
        for row in record.benchmarks
        if row["column"] == "average"
    ]
    if record.node is not None:
        lines += [f"Native-id: {_one_line(record.node.native_id)}", f"Status: {record.node.status}"]
    return "\n".join([", ".join(marks), "", *lines, ""]).encode()


def main_rank(experiment: Experiment, objective: Objective) -> tuple[bool, bool, bool, float, int]:
    """Sort key for branch `main`, which stands on the greatest.

    A gallery architecture before any other, then one with a program, then the best recorded score by the
    run's objective, then the lowest index.
    """
    e = experiment
    return (e.in_gallery, e.has_program, e.score is not None, objective.gain(e.score), -e.index)


def _experiment_json(record: ExperimentRecord) -> bytes:
    e, p = record.experiment, record.program
    parts = [
        f'  "format": "{FORMAT}"',
        f'  "index": {e.index}',
        f'  "name": {_encode(e.name)}',
        f'  "display_name": {_encode(e.display_name)}',
        f'  "parent": {_encode(e.parent)}',
        f'  "depth": {e.depth}',
        f'  "score": {_encode(e.score)}',
        f'  "in_gallery": {_encode(e.in_gallery)}',
        f'  "has_program": {_encode(e.has_program)}',
    ]
    if p is not None:
        fields = ("sha256", "lines", "parameters_stated", "parameters", "summary", "motivation")
        inner = ",\n".join(f'    "{name}": {_encode(getattr(p, name))}' for name in fields)
        parts.append(f'  "program": {{\n{inner}\n  }}')
    if record.node is not None:
        facts = asdict(record.node)
        inner = ",\n".join(f'    "{key}": {_encode(facts[key])}' for key in facts if key != "index")
        parts.append(f'  "node": {{\n{inner}\n  }}')
    parts.append(_json_list("benchmarks", record.benchmarks))
    parts.append(_json_list("curve", record.curve))
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    if not text.isascii() or "\x7f" in text:
        text = _UNSAFE_IN_JSON.sub(lambda match: json.dumps(match[0])[1:-1].replace("\x7f", "\\u007f"), text)
    return text.encode()


def _json_list(name: str, rows: list[dict[str, Any]]) -> str:
    if not rows:
        return f'  "{name}": []'
    inner = ",\n".join(f"    {_json_row(row)}" for row in rows)
    return f'  "{name}": [\n{inner}\n  ]'


def _json_row(row: dict[str, Any]) -> str:
    return "{" + ", ".join(f'"{key}": {_encode(row[key])}' for key in row if key != "index") + "}"


def _encode(value: str | float | bool | None) -> str:
    # json.dumps makes an encoder for every value that is not text: ten times the time.
    if isinstance(value, str):
        return _encode_text(value)
    if value is None or isinstance(value, bool):
        return "null" if value is None else "true" if value else "false"
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a JSON number")
    return repr(value)


def _readme(record: ExperimentRecord, program: Program) -> str:
    e = record.experiment
    parent = "none: a root" if e.parent is None else f"experiment {e.parent}"
    gallery = "yes" if e.in_gallery else "no"
    stated = "not given" if program.parameters_stated is None else code(_one_line(program.parameters_stated))
    exact = "" if program.parameters is None else f" ({program.parameters:,})"
    sections = [
        "# " + _MARKDOWN.sub(r"\\\1", _one_line(e.label)),
        f"- Experiment: {e.index}\n- Name: {code(_one_line(e.name))}\n- Parent: {parent}\n- Depth: "
        f"{e.depth}\n- In the gallery: {gallery}\n- Score, as recorded by the run: {_number(e.score)}\n- "
        f"Parameters, as stated: {stated}{exact}\n- Program: `{program_file(record)}`, "
        f"{counted(program.lines, 'line')}, SHA-256 `{program.sha256}`",
        "The texts below are the run's own, as `experiment.json` has them; long lines are wrapped.",
        f"## Summary\n\n{_fenced(program.summary)}",
        f"## Motivation\n\n{_fenced(program.motivation)}",
        f"## Benchmarks\n\n{_table(('column', 'task', 'metric', 'value'), record.benchmarks)}",
        f"## Training loss (nats per token)\n\n{_table(('step', 'loss'), record.curve)}",
    ]
    return "\n\n".join(sections) + "\n"


def _table(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    if not rows:
        return "Not given."
    return "\n".join(table(columns, [[_cell(row[name]) for name in columns] for row in rows]))


def _cell(value: Any) -> str:
    return code(value).replace("|", "\\|") if isinstance(value, str) else _number(value)


def _number(value: float | int | None) -> str:
    return "not given" if value is None else repr(value)


def _one_line(text: str) -> str:
    return terminal_safe(" ".join(text.split()), keep="")[:_MAX_NAME]


def _fenced(text: str | None) -> str:
    if text is None:
        return "Not given."
    lines = [_wrapped(line) for line in terminal_safe(text).split("\n")]
    return "\n".join(fence("\n".join(lines).strip("\n"), "text"))


def _wrapped(line: str) -> str:
    if len(line) <= _WRAP_COLUMNS:
        return line.rstrip()
    indent = line[: len(line) - len(line.lstrip())][:20]
    return textwrap.fill(
        line,
        _WRAP_COLUMNS,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
