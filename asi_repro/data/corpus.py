"""From a source's texts to shards of tokens in two splits, whole or not at all, resumable.

Which split a document goes to depends on its text and the seed alone, so equal texts never stand on both
sides. After every full shard the work so far is on disk: a build that was killed goes on from there and ends
with the same bytes as one that was not.
"""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from asi_repro.config.corpus import CorpusSettings
from asi_repro.data.shards import Shard, check_shard, write_shard
from asi_repro.data.sources import Document, Source, open_source
from asi_repro.data.tokenizer import GPT2, Tokenizer, load_tokenizer, save_tokenizer
from asi_repro.errors import AsiReproError, DataError
from asi_repro.store.files import atomic_write, make_folder, sha256_bytes, unwritable
from asi_repro.store.json_text import JsonDict, dump_json
from asi_repro.store.locks import locked
from asi_repro.store.records import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MANIFEST = "manifest.json"
SPLITS = ("train", "validation")
_BATCH = 64

Progress = Callable[[int], None]


class SourceRecord(Record):
    """Where a text is from."""

    name: str = Field(description="As in params.yaml.")
    title: str = Field(description="What it is; says where it is a stand-in for the paper's corpus.")
    stand_in: bool = Field(description="Whether it is one.")
    revision: str = Field(description="Version or commit.")


class Header(Record):
    """What a corpus is made from."""

    format: Literal[1] = Field(default=1, alias="schema", description="Version of this record.")
    source: SourceRecord
    tokenizer: JsonDict = Field(description="The tokenizer and where it came from.")
    seed: int = Field(description="Fixes the order and the split.")
    settings: JsonDict = Field(description="The section `corpus` of params.yaml.")


class Manifest(Header):
    """manifest.json of a corpus."""

    counts: JsonDict = Field(description="Documents, tokens and bytes of each split.")
    shards: list[Shard] = Field(description="The files.")


class _Progress(Record):
    """What of a build under way is safely in shards."""

    key: str
    read: int = 0
    empty: int = 0
    shards: list[Shard] = Field(default_factory=list)


def corpus_folder(artifacts: Path, tokenizer: str) -> Path:
    """Where the corpus in the tokens of a tokenizer is."""
    return artifacts / ("corpus" if tokenizer == GPT2 else f"corpus-{tokenizer}")


@dataclass
class _Work:
    """A build under way.

    Attributes:
        key: of what it is made from.
        read: documents taken from the source and safely in shards, empty ones included.
        empty: of those, documents without text.
        shards: what is written.
        rows: documents of each split that wait for their shard.
    """

    key: str
    read: int = 0
    empty: int = 0
    shards: list[Shard] = field(default_factory=list)
    rows: dict[str, list[tuple[str, NDArray[np.uint16], int]]] = field(
        default_factory=lambda: {split: [] for split in SPLITS}
    )
    waiting: int = 0

    @property
    def tokens(self) -> int:
        return self.waiting + sum(shard.tokens for shard in self.shards)


def build_corpus(
    settings: CorpusSettings,
    seed: int,
    folder: Path,
    *,
    metrics: Path | None = None,
    tokenizer: Tokenizer | None = None,
    source: Source | None = None,
    progress: Progress | None = None,
) -> Manifest:
    """Build the corpus in `folder` and return its manifest. Where it is there already, check it only.

    Args:
        settings: which text and how much of it.
        seed: fixes the order and the split.
        folder: replaced when the build is complete; the unfinished work is beside it until then.
        metrics: a small JSON file for the counts.
        tokenizer, source: given by tests and callers that have them; otherwise what `settings` ask for.
        progress: called with the number of tokens so far.

    Raises:
        DataError: where the source has no text for one of the splits.
        AsiReproError: where the disk is full; the next build goes on from the last full shard.
    """
    tokenizer = tokenizer or load_tokenizer()
    source = source or open_source(settings, seed)
    header = Header(
        source=SourceRecord(
            name=source.name, title=source.title, stand_in=source.stand_in, revision=source.revision
        ),
        tokenizer=tokenizer.record(),
        seed=seed,
        settings=settings.model_dump(),
    )
    make_folder(folder.parent)
    with locked(folder.parent, required=False):  # two builds would take each other's unfinished shards away
        if (manifest := _already(folder, header)) is None:
            manifest = _build(header, settings, folder, tokenizer, source, progress)
    if metrics is not None:
        atomic_write(metrics, dump_json(_metrics(manifest)))
    return manifest


def _build(
    header: Header,
    settings: CorpusSettings,
    folder: Path,
    tokenizer: Tokenizer,
    source: Source,
    progress: Progress | None,
) -> Manifest:
    partial = folder.parent / f".{folder.name}.partial"
    work = _resume(partial, sha256_bytes(_text(header).encode()))
    try:
        for document, tokens in _tokenized(itertools.islice(source.documents(), work.read, None), tokenizer):
            if settings.max_tokens is not None and work.tokens >= settings.max_tokens:
                break
            _add(work, document, tokens, split_of(document.text, header.seed, settings.validation_fraction))
            if work.waiting >= settings.shard_tokens:
                _flush(work, partial)
                if progress is not None:
                    progress(work.tokens)
        _flush(work, partial)
        if progress is not None:
            progress(work.tokens)
        _need_both_splits(work, source)
        save_tokenizer(tokenizer, partial)
        made_from = header.model_dump(by_alias=True)
        manifest = Manifest(**made_from, counts=_counts(work), shards=work.shards)
        atomic_write(partial / MANIFEST, _text(manifest))
        _take_place(partial, folder)
    except OSError as error:
        raise unwritable(partial, error) from error
    return manifest


def _text(record: Record) -> str:
    return dump_json(record.model_dump(by_alias=True))


def split_of(text: str, seed: int, validation_fraction: float) -> str:
    """The split of a text: a draw from a hash of the seed and the text, the same wherever it is found."""
    digest = hashlib.sha256(f"{seed}:".encode() + hashlib.sha256(text.encode()).digest()).digest()
    return SPLITS[int.from_bytes(digest[:8], "big") < validation_fraction * 2**64]


def _tokenized(
    documents: Iterator[Document], tokenizer: Tokenizer
) -> Iterator[tuple[Document, NDArray[np.uint16]]]:
    """Each document with its tokens and the end-of-text token; no tokens for an empty text."""
    import numpy as np

    encoder = tokenizer.plain()
    while batch := list(itertools.islice(documents, _BATCH)):
        encodings = encoder.encode_batch_fast([document.text for document in batch], add_special_tokens=False)
        for document, encoding in zip(batch, encodings, strict=True):
            ids = [*encoding.ids, tokenizer.end_of_text] if encoding.ids else []
            yield document, np.asarray(ids, dtype=np.uint16)


def _add(work: _Work, document: Document, tokens: NDArray[np.uint16], split: str) -> None:
    work.read += 1
    if not len(tokens):
        work.empty += 1
        return
    work.rows[split].append((document.id, tokens, len(document.text.encode())))
    work.waiting += len(tokens)


def _flush(work: _Work, partial: Path) -> None:
    """Write what waits, then record that it is written: a kill between the two repeats the write."""
    for split in SPLITS:
        rows = work.rows[split]
        if rows:
            number = sum(shard.split == split for shard in work.shards)
            work.shards.append(write_shard(partial, split, number, rows))
            work.rows[split] = []
    work.waiting = 0
    done = _Progress(key=work.key, read=work.read, empty=work.empty, shards=work.shards)
    atomic_write(_progress_file(partial), _text(done))


def _progress_file(partial: Path) -> Path:
    return partial.with_name(f"{partial.name}.json")


def _resume(partial: Path, key: str) -> _Work:
    """The unfinished work in `partial` if it is of the same settings and sound, else a fresh start."""
    try:
        work = _recorded(partial, key)
        if work is None:
            work = _Work(key)
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
        kept = {shard.file for shard in work.shards}
        for stray in [path for path in partial.iterdir() if path.name not in kept]:
            stray.unlink()
    except OSError as error:
        raise unwritable(partial, error) from error
    return work


def _recorded(partial: Path, key: str) -> _Work | None:
    try:
        done = _Progress.model_validate_json(_progress_file(partial).read_bytes())
        for shard in done.shards:
            check_shard(partial, shard)
    except (OSError, ValueError, AsiReproError):
        return None
    return _Work(key, done.read, done.empty, done.shards) if done.key == key else None


def _already(folder: Path, header: Header) -> Manifest | None:
    """The manifest of a finished corpus of the same settings whose shards are sound, else None."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
        for shard in manifest.shards:
            check_shard(folder, shard)
    except (OSError, ValueError, AsiReproError):
        return None
    return manifest if manifest.model_dump(include=set(Header.model_fields)) == header.model_dump() else None


def _need_both_splits(work: _Work, source: Source) -> None:
    missing = [split for split in SPLITS if not any(shard.split == split for shard in work.shards)]
    if missing:
        raise DataError(
            f"no document for the split {missing[0]}: the source has {work.read} documents, "
            f"{work.empty} of them empty",
            where=source.title,
            hint="use more documents, or change corpus.validation_fraction",
        )


def _counts(work: _Work) -> JsonDict:
    def of(split: str) -> dict[str, int]:
        shards = [shard for shard in work.shards if shard.split == split]
        return {
            "documents": sum(shard.documents for shard in shards),
            "tokens": sum(shard.tokens for shard in shards),
            "text_bytes": sum(shard.text_bytes for shard in shards),
        }

    return {"empty_documents": work.empty, **{split: of(split) for split in SPLITS}}


def _metrics(manifest: Manifest) -> JsonDict:
    source = {**manifest.source.model_dump(), "source": manifest.source.name}
    del source["name"]
    return {**source, "tokenizer": manifest.tokenizer["name"], **manifest.counts}


def _take_place(partial: Path, folder: Path) -> None:
    """Put the finished folder where it belongs.

    A kill in between leaves the finished work and its progress file, so the next build ends here again.
    """
    old = folder.parent / f".{folder.name}.old"
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.replace(old)
    partial.replace(folder)
    _progress_file(partial).unlink(missing_ok=True)
    shutil.rmtree(old, ignore_errors=True)
