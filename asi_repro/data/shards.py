"""Shards of token numbers: Arrow files that `datasets` writes and that are read as memory maps.

A row is one document: its id and its tokens (uint16), closed by the end-of-text token. The tokens of a
shard lie side by side without padding, so blocks of any length can be cut from them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import Field

from asi_repro.errors import DataError, MissingInput
from asi_repro.store.files import atomic_file, sha256_file
from asi_repro.store.records import Record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TOKENS, ID = "tokens", "id"
_HINT = "make the corpus again: delete its folder, then `asi-repro corpus`"


class Shard(Record):
    """One file of a corpus."""

    file: str = Field(pattern=r"^[A-Za-z0-9_-]+\.arrow$", description="Its name in the corpus folder.")
    split: str = Field(description="train or validation.")
    documents: int = Field(description="Documents.")
    tokens: int = Field(description="Tokens, with one end-of-text token a document.")
    text_bytes: int = Field(description="UTF-8 bytes of the texts.")
    sha256: str = Field(description="Of the file's bytes.")


def write_shard(
    folder: Path, split: str, number: int, rows: list[tuple[str, NDArray[np.uint16], int]]
) -> Shard:
    """Write documents as one shard.

    Args:
        rows: id, tokens (uint16) and text bytes of each document.

    Raises:
        AsiReproError: where the disk is full or the folder cannot be written.
    """
    import numpy as np
    from datasets import Features, List, Value
    from datasets.arrow_writer import ArrowWriter

    name = f"{split}-{number:05d}.arrow"
    flat = np.concatenate([tokens for _, tokens, _ in rows])
    offsets = np.cumsum([0, *(len(tokens) for _, tokens, _ in rows)])
    table = pa.table(
        {
            ID: pa.array([row[0] for row in rows], pa.string()),
            TOKENS: pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), pa.array(flat, pa.uint16())),
        }
    )
    features = Features({ID: Value("string"), TOKENS: List(Value("uint16"))})
    path = folder / name
    with atomic_file(path) as temporary:
        with ArrowWriter(path=str(temporary), features=features) as writer:
            writer.write_table(table, writer_batch_size=len(rows))
            writer.finalize()
        digest = sha256_file(temporary)
    return Shard(
        file=name,
        split=split,
        documents=len(rows),
        tokens=len(flat),
        text_bytes=sum(size for _, _, size in rows),
        sha256=digest,
    )


def check_shard(folder: Path, shard: Shard) -> None:
    """Compare a shard's bytes with its record.

    Raises:
        MissingInput: where the file is not there.
        DataError: where its SHA-256 differs.
    """
    path = folder / shard.file
    if not path.is_file():
        raise MissingInput("a shard of the corpus is missing", where=str(path), hint=_HINT)
    if sha256_file(path) != shard.sha256:
        raise DataError(
            f"a shard of the corpus is corrupt: its SHA-256 is not {shard.sha256[:12]}… as recorded",
            where=str(path),
            hint=_HINT,
        )


def map_tokens(folder: Path, shard: Shard) -> list[NDArray[np.uint16]]:
    """The tokens of a shard as read-only views of the mapped file, in order.

    Raises:
        DataError: where the file is not a shard or holds another number of tokens than recorded.
    """
    path = folder / shard.file
    try:
        # As datasets maps a file; importing datasets takes longer than the rest of a training's start here.
        column = pa.ipc.open_stream(pa.memory_map(str(path))).read_all().column(TOKENS)
        parts = [_flat(chunk) for chunk in column.chunks]
    except (pa.ArrowException, OSError, KeyError, AttributeError, ValueError) as error:
        raise DataError(
            f"the file is not a shard of tokens: {str(error).splitlines()[0][:200]}",
            where=str(path),
            hint=_HINT,
        ) from error
    if sum(map(len, parts)) != shard.tokens:
        raise DataError(
            f"a shard of {sum(map(len, parts))} tokens, recorded as {shard.tokens}",
            where=str(path),
            hint=_HINT,
        )
    return parts


def _flat(chunk: pa.Array) -> NDArray[np.uint16]:
    values: NDArray[np.uint16] = chunk.flatten().to_numpy(zero_copy_only=True)
    return values
