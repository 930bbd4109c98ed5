"""Reading the ASI-ARCH release, as upstream published it, into a run.

The files are input from outside: they are checked field by field, and what does not fit is refused
with the record and field named.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

from asi_repro.archive.lineage import Lineage
from asi_repro.archive.tables import Run
from asi_repro.errors import DataError, MissingInput
from asi_repro.store.files import sha256_bytes, sha256_file
from asi_repro.store.hostile_json import Index, Name, Score, Text, read_json, validate
from asi_repro.store.json_text import JsonDict
from asi_repro.store.records import Record
from asi_repro.text import terminal_safe

TREE = "data/tree.json"
GALLERY = "data/106.json"
COGNITION = "cognition_base/cognition"

# The release's column -> (lm-evaluation-harness task, metric). It does not say whether an accuracy
# is length-normalised, so the metric is plain 'accuracy'.
BENCHMARK_COLUMNS: dict[str, tuple[str, str]] = {
    "arc_challenge": ("arc_challenge", "accuracy"),
    "arc_easy": ("arc_easy", "accuracy"),
    "boolq": ("boolq", "accuracy"),
    "hellaswag": ("hellaswag", "accuracy"),
    "lam_ppl": ("lambada_openai", "perplexity"),
    "lambada_openai": ("lambada_openai", "accuracy"),
    "piqa": ("piqa", "accuracy"),
    "social_iqa": ("social_iqa", "accuracy"),
    "wikitext": ("wikitext", "perplexity"),
    "winogrande": ("winogrande", "accuracy"),
    "average": ("average", "mean"),
}

T = TypeVar("T", "Node", "Architecture")

_COUNT = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)([KMB])", re.ASCII)
_UNIT = {"K": 10**3, "M": 10**6, "B": 10**9}
_NUMBER = re.compile(r"-?\d{1,18}(\.\d{1,20})?([eE][+-]?\d{1,3})?", re.ASCII)


class Node(Record):
    """An experiment of the tree."""

    index: Index
    name: Name
    parent: Index | None
    score: Score | None
    name_new: Name | None = None


class Tree(Record):
    """data/tree.json."""

    total_records: Index
    results: Annotated[list[Node], Field(min_length=1)]


class Results(Record):
    """Two-line CSV texts of one architecture."""

    train: Text
    test: Text


def _parameter_count(text: str) -> str:
    if not _COUNT.fullmatch(text):
        raise ValueError("is not a count such as 412.34M")
    return text


class Architecture(Record):
    """A gallery architecture of data/106.json."""

    index: Index
    name: Name
    name_new: Name
    parent: Index | None
    score: Score | None
    parameters: Annotated[str, AfterValidator(_parameter_count)]
    motivation: Text
    summary: Text
    program: Text
    svg_picture: Text
    result: Results


class CognitionEntry(Record):
    """One entry of a cognition file."""

    DESIGN_INSIGHT: Text
    EXPERIMENTAL_TRIGGER_PATTERNS: Text
    BACKGROUND: Text
    ALGORITHMIC_INNOVATION: Text
    IMPLEMENTATION_GUIDANCE: Text


def read_release(folder: Path, *, url: str | None = None, commit: str | None = None) -> Run:
    """The release below `folder` as a run.

    Args:
        url: where it was published, for the sources table.
        commit: the git commit it was published in.

    Raises:
        MissingInput: where a file is not there.
        DataError: where a file is not what it should be, naming record and field.
    """
    run = Run()
    tree = validate(Tree, read_json(folder / TREE, TREE), TREE)
    nodes = _unique(tree.results, TREE)
    if tree.total_records != len(tree.results):
        raise DataError(
            f"total_records says {tree.total_records}, but there are {len(tree.results)} results",
            where=f"{TREE}, field total_records",
        )
    Lineage({index: node.parent for index, node in nodes.items()})
    raw = read_json(folder / GALLERY, GALLERY)
    gallery = _unique(validate(list[Architecture], raw, GALLERY), GALLERY)
    for index in gallery:
        if index not in nodes:
            raise DataError(
                f"architecture {index} is not in {TREE}", where=f"{GALLERY}, index {index}, field index"
            )
    run.experiments = [_experiment(node, index in gallery) for index, node in sorted(nodes.items())]
    for _, architecture in sorted(gallery.items()):
        run.programs.append(_program(architecture))
        run.curves.extend(_curve(architecture))
        run.benchmarks.extend(_benchmarks(architecture))
    files = [(TREE, len(nodes)), (GALLERY, len(gallery)), *_read_cognition(folder, run)]
    run.sources = [_source(folder, file, records, url, commit) for file, records in files]
    return run


def _unique(records: list[T], name: str) -> dict[int, T]:
    found: dict[int, T] = {}
    for position, record in enumerate(records):
        if record.index in found:
            raise DataError(
                f"index {record.index} appears twice",
                where=f"{name}, record {position} (index {record.index}), field index",
            )
        found[record.index] = record
    return found


def _experiment(node: Node, in_gallery: bool) -> JsonDict:
    return {
        **node.model_dump(exclude={"name_new"}),
        "display_name": node.name_new,
        "in_gallery": in_gallery,
        "has_program": in_gallery,
    }


def _program(a: Architecture) -> JsonDict:
    return {
        **a.model_dump(include={"index", "name", "parent", "score", "motivation", "summary"}),
        "display_name": a.name_new,
        "source": a.program,
        "sha256": sha256_bytes(a.program.encode()),
        "lines": len(a.program.splitlines()),
        "diagram": a.svg_picture,
        "parameters_stated": a.parameters,
        "parameters": parse_count(a.parameters),
    }


def parse_count(text: str) -> int:
    """A count such as '412.34M' as a whole number (412,340,000)."""
    match = _COUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a count such as 412.34M")
    return round(float(match[1]) * _UNIT[match[2]])


def _curve(a: Architecture) -> list[JsonDict]:
    rows: list[JsonDict] = []
    where = f"{GALLERY}, index {a.index}, field result.train"
    for column, loss in _csv_pairs(a.result.train, a.name, where):
        if not re.fullmatch(r"[1-9]\d{0,8}", column, re.ASCII):
            raise DataError(f"{_quote(column)} is not a step number", where=where)
        step = int(column)
        if rows and step <= rows[-1]["step"]:
            raise DataError(f"step {step} comes after step {rows[-1]['step']}", where=where)
        rows.append({"index": a.index, "step": step, "loss": loss})
    return rows


def _benchmarks(a: Architecture) -> list[JsonDict]:
    rows: list[JsonDict] = []
    where = f"{GALLERY}, index {a.index}, field result.test"
    for column, value in _csv_pairs(a.result.test, a.name, where):
        if column not in BENCHMARK_COLUMNS:
            raise DataError(f"{_quote(column)} is not a known benchmark column", where=where)
        if any(row["column"] == column for row in rows):
            raise DataError(f"{_quote(column)} appears twice", where=where)
        task, metric = BENCHMARK_COLUMNS[column]
        rows.append({"index": a.index, "column": column, "task": task, "metric": metric, "value": value})
    return rows


def _csv_pairs(text: str, name: str, where: str) -> list[tuple[str, float | None]]:
    """The (column, value) pairs of a header line and a line of values; NaN and nothing are None."""
    lines = text.strip().split("\n")
    if len(lines) != 2:
        raise DataError(f"{len(lines)} lines of CSV, but there must be two", where=where)
    header, cells = (line.rstrip("\r").split(",") for line in lines)
    if len(header) != len(cells):
        raise DataError(f"{len(header)} columns but {len(cells)} values", where=where)
    if header[0] != "" or cells[0] != name:
        raise DataError(f"the row is named {_quote(cells[0])}, not {name}", where=where)
    return [(column, _value(cell, where)) for column, cell in zip(header[1:], cells[1:], strict=True)]


def _value(cell: str, where: str) -> float | None:
    if cell == "" or cell.lower() == "nan":
        return None
    if not _NUMBER.fullmatch(cell) or (value := float(cell)) in (float("inf"), float("-inf")):
        raise DataError(f"{_quote(cell)} is not a finite number", where=where)
    return value


def _quote(text: str) -> str:
    return repr(terminal_safe(text[:60], keep=""))


def _read_cognition(folder: Path, run: Run) -> list[tuple[str, int]]:
    files: list[tuple[str, int]] = []
    base = folder / COGNITION
    if not base.is_dir():
        raise MissingInput(f"{COGNITION} is missing", where=str(base), hint="run `asi-repro pull`")
    for path in sorted(base.glob("*.json")):
        name = f"{COGNITION}/{path.name}"
        entries = validate(list[CognitionEntry], read_json(path, name), name)
        files.append((name, len(entries)))
        for position, entry in enumerate(entries):
            run.cognition.append(
                {
                    "id": f"{path.stem}#{position}",
                    "file": name,
                    "position": position,
                    **{field.lower(): text for field, text in entry.model_dump().items()},
                }
            )
    return files


def _source(folder: Path, file: str, records: int, url: str | None, commit: str | None) -> JsonDict:
    path = folder / file
    return {
        "file": file,
        "sha256": sha256_file(path),
        "bytes": path.stat().st_size,
        "records": records,
        "url": url,
        "commit": commit,
    }
