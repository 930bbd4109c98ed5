"""Reading the corpus: blocks of tokens by position, the same for the same seed, from any step on."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from asi_repro.data.corpus import MANIFEST, SPLITS, Manifest
from asi_repro.data.shards import Shard, check_shard, map_tokens
from asi_repro.errors import DataError, NotFound
from asi_repro.store.records import read_record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HINT = "asi-repro corpus"


@dataclass(frozen=True)
class Corpus:
    """A built corpus on disk."""

    folder: Path
    manifest: Manifest

    @property
    def title(self) -> str:
        """What the text is, to stand beside a number; says where it is a stand-in."""
        return self.manifest.source.title

    @property
    def shards(self) -> list[Shard]:
        """The files of both splits."""
        return self.manifest.shards

    def tokens(self, split: str) -> int:
        """Tokens in a split."""
        return sum(shard.tokens for shard in self._of(split))

    def blocks(self, split: str, length: int, *, seed: int | None = None) -> TokenBlocks:
        """The tokens of a split as blocks.

        Args:
            split: "train" or "validation".
            length: tokens a block.
            seed: of the order; None keeps the order of the text.

        Raises:
            NotFound: for an unknown split.
            DataError: where the split is shorter than one block.
        """
        parts = [part for shard in self._of(split) for part in map_tokens(self.folder, shard)]
        return TokenBlocks(parts, length, seed=seed, where=f"{self.folder} ({split})")

    def _of(self, split: str) -> list[Shard]:
        if split not in SPLITS:
            raise NotFound(f"unknown split {split!r}", hint="one of: " + ", ".join(SPLITS))
        return [shard for shard in self.shards if shard.split == split]


def open_corpus(folder: Path) -> Corpus:
    """The corpus that `build_corpus` wrote, every shard's bytes compared with its recorded SHA-256.

    Raises:
        MissingInput: where the corpus or a shard is not there.
        DataError: where the manifest is not one, or a shard is corrupt.
    """
    manifest = read_record(folder / MANIFEST, Manifest, missing="no corpus", make=_HINT)
    for shard in manifest.shards:
        check_shard(folder, shard)
    return Corpus(folder, manifest)


class TokenBlocks:
    """Blocks of `length` tokens, by position.

    Block i of the text is its tokens [i * length, (i + 1) * length): blocks do not overlap, documents follow
    each other with the end-of-text token between them, and the rest at the end is left out. Positions count
    on over epochs: position p is in epoch p // len(self). With a seed each epoch has an order of its own,
    which depends on seed and epoch alone, so that training goes on at any step without replaying the ones
    before it.

    Args:
        parts: pieces of the text's tokens in order (uint16 views of mapped files).
        length: tokens a block.
        seed: of the order; None keeps the text's order in every epoch.
        where: named in errors.

    Raises:
        DataError: where the text is shorter than one block.
    """

    def __init__(
        self, parts: list[NDArray[np.uint16]], length: int, *, seed: int | None = None, where: str = ""
    ) -> None:
        if length < 1:
            raise ValueError(f"a block has at least one token, not {length}")
        self.length = length
        self.seed = seed
        self.where = where
        self._parts = parts
        self._starts = [0]
        for part in parts:
            self._starts.append(self._starts[-1] + len(part))
        self._count = self._starts[-1] // length
        if not self._count:
            raise DataError(
                f"the corpus has {self._starts[-1]} tokens, too few for one block of {length}",
                where=where,
                hint="use more text (params.yaml: corpus) or a shorter length",
            )

    def __len__(self) -> int:
        """Blocks in one epoch."""
        return self._count

    def __getitem__(self, position: int) -> NDArray[np.int64]:
        """The block at a position, which may lie in any epoch: [length] int64."""
        if position < 0:
            raise IndexError(f"position {position} is negative")
        epoch, place = divmod(position, self._count)
        index = place if self.seed is None else int(_order(self.seed, epoch, self._count)[place])
        return self._read(index * self.length)

    def batch(self, first: int, size: int) -> NDArray[np.int64]:
        """The blocks at positions `first` to `first` + `size` - 1: [size, length] int64."""
        import numpy as np

        return np.stack([self[position] for position in range(first, first + size)])

    def need(self, size: int) -> None:
        """Check that one epoch fills a batch.

        Raises:
            DataError: where it does not.
        """
        if self._count < size:
            raise DataError(
                f"the corpus has {self._starts[-1]} tokens, too few for one batch of {size} x {self.length}",
                where=self.where,
                hint="use more text (params.yaml: corpus), a smaller batch or a shorter length",
            )

    def _read(self, start: int) -> NDArray[np.int64]:
        import numpy as np

        block = np.empty(self.length, dtype=np.int64)
        filled = 0
        part = bisect_right(self._starts, start) - 1
        while filled < self.length:
            offset = start + filled - self._starts[part]
            piece = self._parts[part][offset : offset + self.length - filled]
            block[filled : filled + len(piece)] = piece
            filled += len(piece)
            part += 1
        return block


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """The order of one epoch. RandomState's streams never change between numpy versions, Generator's may."""
    import numpy as np

    state = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([seed, epoch])))
    order: NDArray[np.int64] = state.permutation(count)
    return order
