"""Write the reference pages that are generated from the code: the archive's tables, the claims, the
facts, the commands; and the notebook, from the guide's examples.

    python scripts/make_reference.py          write docs/reference/{archive,claims,facts,cli}.md and
                                              docs/how-to/notebook.ipynb
    python scripts/make_reference.py --check  fail where a page is not what the code says

A test runs the check, so a new column or command cannot go undocumented.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import typer
from typer.testing import CliRunner

REFERENCE = Path(__file__).resolve().parent.parent / "docs" / "reference"
MADE = "<!-- Made by scripts/make_reference.py; edit the code, not this page. -->"


def archive_page() -> str:
    """Every table and column of the archive, from the Parquet schemas."""
    from asi_repro.archive.node_tables import TABLES as IMPORTED
    from asi_repro.archive.node_tables import VERSION
    from asi_repro.archive.schema import SCHEMA_VERSION, TABLES

    lines = [
        MADE,
        "",
        "# The archive's tables",
        "",
        f"One Parquet file (zstd) per table in `artifacts/archive/`; schema version {SCHEMA_VERSION}.",
        "The metadata of each Parquet field has the same descriptions. A missing value is null. The guide",
        "says how to [open the archive in other tools](../how-to/archive.md).",
    ]
    more = [
        "",
        f"An [imported run](../how-to/import.md) has schema version {VERSION}: the same tables, and `nodes`,",
        "`parents` and `records` beside them. The metadata of `nodes` say what the score is called and which",
        "direction is better. A run without them is read as one whose experiments are all finished and",
        "have one parent.",
    ]
    lines += more
    for name, schema in (TABLES | IMPORTED).items():
        lines += ["", f"## `{name}`", "", schema.metadata[b"description"].decode(), ""]
        lines += ["| column | type | nulls | meaning |", "|---|---|---|---|"]
        for field in schema:
            nulls = "yes" if field.nullable else "no"
            description = field.metadata[b"description"].decode()
            lines.append(f"| `{field.name}` | {field.type} | {nulls} | {description} |")
    return "\n".join(lines) + "\n"


def claims_page() -> str:
    """Every claim with its criterion, and the shape of the ledger's JSON."""
    from asi_repro.claims.reference import reference_lines

    return "\n".join([MADE, "", *reference_lines()]) + "\n"


def facts_page() -> str:
    """Every question of our own with its method, and the shape of the answers' JSON."""
    from asi_repro.facts.reference import reference_lines

    return "\n".join([MADE, "", *reference_lines()]) + "\n"


def cli_page() -> str:
    """Every command's help text."""
    from asi_repro.cli import COMMANDS, app

    lines = [
        MADE,
        "",
        "# Commands",
        "",
        "Exit status: 0 success; 1 failure; 2 wrong usage; 3 an input is not what it should be; 4 something",
        "is missing that an earlier command makes; 5 there is no such experiment, claim or check;",
        "130 interrupted; 143 terminated. Errors go to standard error, results to standard output; `--json`",
        "prints exactly one JSON document ([shapes](json.md)).",
    ]
    for panel, commands in COMMANDS.items():
        lines += ["", f"## {panel}"]
        for name, lazy in commands.items():
            for words in _with_subcommands(name, lazy.load(name)):
                lines += ["", f"### `asi-repro {' '.join(words)}`", "", "```text", _help(app, words), "```"]
    return "\n".join(lines) + "\n"


def _with_subcommands(name: str, command: object) -> Iterator[list[str]]:
    yield [name]
    for inner in getattr(command, "commands", {}):
        yield [name, inner]


def _help(app: typer.Typer, words: list[str]) -> str:
    environment = {"COLUMNS": "100", "TERMINAL_WIDTH": "100", "NO_COLOR": "1"}
    result = CliRunner().invoke(app, [*words, "--help"], prog_name="asi-repro", env=environment)
    if result.exit_code:
        raise RuntimeError(f"asi-repro {' '.join(words)} --help failed: {result.output}")
    return "\n".join(line.rstrip() for line in result.output.strip().splitlines())


def notebook() -> str:
    """The guide to notebooks as a notebook without outputs: each example is a cell, and what is between."""
    page = (REFERENCE.parent / "how-to" / "notebook.md").read_text(encoding="utf-8")
    cells = []
    for number, part in enumerate(re.split(r"^```python\n(.*?)^```$", page, flags=re.S | re.M)):
        # Every second part is an example. The links of a page lead beside the notebook too.
        code = {"cell_type": "code", "execution_count": None, "outputs": []}
        cell = {"id": f"cell-{number}", "metadata": {}, "source": part.strip().splitlines(keepends=True)}
        if cell["source"]:
            cells.append(cell | (code if number % 2 else {"cell_type": "markdown"}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    whole = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


PAGES = {
    "archive.md": archive_page,
    "claims.md": claims_page,
    "facts.md": facts_page,
    "cli.md": cli_page,
    "../how-to/notebook.ipynb": notebook,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    os.environ.pop("ASI_REPRO_RELEASE", None)
    stale = []
    for name, make in PAGES.items():
        path, page = REFERENCE / name, make()
        if check and (not path.is_file() or path.read_text(encoding="utf-8") != page):
            stale.append(name)
        elif not check:
            path.write_text(page, encoding="utf-8")
    if stale:
        print(f"out of date: {', '.join(stale)}; run `python scripts/make_reference.py`", file=sys.stderr)
    return bool(stale)


if __name__ == "__main__":
    sys.exit(main())
