"""How text gets into the sandbox and checkpoints out of it, as files in the worker's scratch folder.

Text goes in as chunks of whole steps, uint16 token numbers in the order of training, two chunks ahead of
the worker, which deletes what it has used. A checkpoint is a group of files and a marker with their hashes;
the caller copies them out and removes them. Neither needs more room than a few chunks.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FINAL = "final.safetensors"
PROGRESS = "progress.json"
CHECKPOINT_FILES = (
    "curve.json",
    "hidden.json",
    "hidden.safetensors",
    "model.safetensors",
    "optimizer.pt",
    "rng_state.pth",
    "scheduler.pt",
    "trainer_state.json",
)
_TICK = 0.002


@dataclass(frozen=True)
class ChunkShape:
    """How the text is cut.

    Attributes:
        blocks: blocks of the whole training.
        per_chunk: blocks a chunk; the last may have fewer.
        length: tokens a block.
    """

    blocks: int
    per_chunk: int
    length: int

    @property
    def count(self) -> int:
        """Chunks of the whole training."""
        return -(-self.blocks // self.per_chunk)

    def size(self, chunk: int) -> int:
        """Blocks in a chunk."""
        return min(self.per_chunk, self.blocks - chunk * self.per_chunk)


def chunk_file(chunk: int) -> str:
    """Name of a chunk's file."""
    return f"chunk-{chunk}.bin"


def checkpoint_file(step: int, name: str) -> str:
    """Name of a checkpoint's file in the scratch folder."""
    return f"checkpoint-{step}.{name}"


def checkpoint_marker(step: int) -> str:
    """Name of the file that says a checkpoint is complete."""
    return f"checkpoint-{step}.complete"


class ChunkReader:
    """The worker's end: blocks by position, waiting for their chunk."""

    def __init__(self, folder: Path, shape: ChunkShape, *, patience: float = 600.0) -> None:
        self._folder, self._shape, self._patience = folder, shape, patience
        self._chunks: dict[int, NDArray[np.uint16]] = {}

    def block(self, position: int) -> NDArray[np.uint16]:
        """One block: [length] uint16.

        Raises:
            TimeoutError: where the caller does not provide the chunk.
        """
        chunk, place = divmod(position, self._shape.per_chunk)
        if chunk not in self._chunks:
            self._forget(before=chunk - 1)
            self._chunks[chunk] = self._read(chunk)
        block: NDArray[np.uint16] = self._chunks[chunk][place]
        return block

    def _forget(self, before: int) -> None:
        """A micro-batch may reach back into the chunk before this one, and no further."""
        for chunk in [chunk for chunk in self._chunks if chunk < before]:
            del self._chunks[chunk]
            (self._folder / chunk_file(chunk)).unlink(missing_ok=True)

    def _read(self, chunk: int) -> NDArray[np.uint16]:
        import numpy as np

        path = self._folder / chunk_file(chunk)
        blocks = self._shape.size(chunk)
        deadline = time.monotonic() + self._patience
        while not path.is_file() or path.stat().st_size < blocks * self._shape.length * 2:
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {path.name} within {self._patience:g} s")
            time.sleep(_TICK)
        return np.fromfile(path, dtype=np.uint16).reshape(blocks, self._shape.length)
