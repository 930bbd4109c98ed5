"""The nearest known motivations: exact search by a matrix product.

Why no approximate index: docs/explanation/decisions (benchmarks/bench_novelty.py has the numbers).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from asi_repro.discover.novelty.embedding import Embedder, ranked, similarities

# Scores of the fast single-precision product that could still be among the best once summed exactly.
_SLACK = 1e-5
_FIRST_ROWS = 256


@dataclass(frozen=True)
class Neighbour:
    """A known motivation near the one asked about.

    Attributes:
        index: its experiment.
        similarity: cosine of the two embeddings, to six decimals.
        motivation: its text.
    """

    index: int
    similarity: float
    motivation: str


class MotivationIndex:
    """Motivations by experiment index, embedded once each. Not for several threads at a time.

    Args:
        embedder: makes the vectors.
    """

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._matrix: NDArray[np.float32] = np.zeros((_FIRST_ROWS, embedder.dimension), dtype=np.float32)
        self._keys: list[int] = []
        self._texts: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def embedder_name(self) -> str:
        """What made the vectors."""
        return self._embedder.name

    @property
    def bytes(self) -> int:
        """Memory of the vectors, spare rows included."""
        return int(self._matrix.nbytes)

    def sync(self, known: Sequence[tuple[int, str]]) -> None:
        """Make the index hold exactly `known` (experiment index, motivation); only new texts are embedded.

        Raises:
            ValueError: where an experiment stands twice in `known`.
        """
        same = len(known) >= len(self._keys) and all(
            key == have and self._texts[key] == text
            for have, (key, text) in zip(self._keys, known, strict=False)
        )
        if not same:
            self._keys.clear()
            self._texts.clear()
        new = known[len(self._keys) :]
        self.add(new, self._embedder.embed(text for _, text in new))

    def add(self, known: Sequence[tuple[int, str]], vectors: NDArray[np.float32]) -> None:
        """Add motivations whose vectors, shape (len(known), dimension), are there already.

        Raises:
            ValueError: where an experiment is there already.
        """
        start = len(self._keys)
        self._reserve(start + len(known))
        self._matrix[start : start + len(known)] = vectors
        for key, text in known:
            if key in self._texts:
                raise ValueError(f"experiment {key} stands twice among the known motivations")
            self._keys.append(key)
            self._texts[key] = text

    def nearest(self, motivation: str, count: int = 5) -> list[Neighbour]:
        """The `count` nearest, nearest first; of equally near ones the smaller index first."""
        return self.nearest_to(self._embedder.embed([motivation])[0], count)

    def nearest_to(self, query: NDArray[np.float32], count: int = 5) -> list[Neighbour]:
        """As `nearest`, for a vector of shape (dimension,)."""
        size = len(self._keys)
        if not size or count < 1:
            return []
        rough = self._matrix[:size] @ query
        cut = size - min(count, size)
        places = np.flatnonzero(rough >= np.partition(rough, cut)[cut] - _SLACK)
        keys = [self._keys[place] for place in places]
        best = ranked(keys, similarities(self._matrix[places], query), count)
        return [Neighbour(key, score, self._texts[key]) for key, score in best]

    def _reserve(self, rows: int) -> None:
        if rows > len(self._matrix):
            wider = np.zeros((max(rows, len(self._matrix) * 3 // 2), self._matrix.shape[1]), dtype=np.float32)
            wider[: len(self._keys)] = self._matrix[: len(self._keys)]
            self._matrix = wider
