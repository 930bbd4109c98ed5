"""Readers of what other systems write: the runs of tests/imports/data, and an imported run at rest."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from readers import ROOT, Reader, write

DATA = ROOT / "tests" / "imports" / "data"
NEUTRAL = (
    '{"format": "asi_repro.run/1", "score": "loss", "direction": "minimize"}\n'
    '{"id": "a", "score": 1.5, "program": "x = 1"}\n'
    '{"id": "b", "parents": ["a", {"id": "c", "role": "r"}], "metrics": {"m": 2}}\n'
)
TSV = "commit\tval_bpb\tmemory_gb\tstatus\tdescription\nabc1234\t1.5\t1.0\tkeep\tbaseline\n"


def copied(system: str, file: str, kind: Any) -> Reader:
    def make(folder: Path) -> Path:
        shutil.copytree(DATA / system, folder, dirs_exist_ok=True)
        return folder / file

    return Reader(kind, make, lambda folder: read(folder, system if system != "aide" else "journal"))


def read(folder: Path, format_: str) -> Any:
    from asi_repro.imports.assembling import assemble
    from asi_repro.imports.formats import read_run

    return assemble(read_run(folder, format_))


def make_nodes(folder: Path) -> Path:
    from asi_repro.imports.folder import write_import
    from asi_repro.imports.formats import read_run

    write_import(read_run(write(folder / "run.jsonl", NEUTRAL)), folder / "run")
    return folder / "run" / "archive" / "nodes.parquet"


def read_imported(folder: Path) -> Any:
    from asi_repro.imports.export import rebuild

    return rebuild(folder / "run")


IMPORTS: dict[str, Reader] = {
    "import shinka": copied("shinka", "programs.sqlite", "bytes"),
    "import asi_evolve": copied("asi_evolve", "database_data/nodes.json", "json"),
    "import journal": copied("aide", "journal.json", "json"),
    "import neutral": Reader(
        "jsonl", lambda at: write(at / "run.jsonl", NEUTRAL), lambda at: read(at, "jsonl")
    ),
    "import autoresearch": Reader(
        "text", lambda at: write(at / "results.tsv", TSV), lambda at: read(at, "autoresearch")
    ),
    "import nodes": Reader("bytes", make_nodes, read_imported, heavy=True),
}
