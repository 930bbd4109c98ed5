"""Texts as vectors, on this machine: WordLlama's static token embeddings, averaged over a text.

WordLlama (19 MB, no torch) averages one vector per token. It knows which words a text uses, not their order
or a negation: good enough to find candidates, which is why a judgement follows the search.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from asi_repro.errors import MissingInput

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_MODEL = "l2_supercat"
_HINT = "install the package with its discovery parts: pip install 'asi-repro[discover]'"
# Beyond this a text adds nothing to its mean that a person would notice, and an enormous one costs memory.
LONGEST_TEXT = 40_000


class Embedder(Protocol):
    """Maps texts to unit vectors.

    Attributes:
        name: what made the vectors, with its version; stands in records.
        dimension: numbers a vector.
    """

    name: str
    dimension: int

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """One row a text, shape (texts, dimension); rows have length 1, or 0 for a text without words."""
        ...


class WordLlamaEmbedder:
    """WordLlama's weights and tokenizer, read from the installed package. Nothing is downloaded.

    The same text has the same vector whatever stands beside it and, up to one rounding to single precision,
    on every machine: the mean is taken in double precision. The package is read, not imported: importing it
    sets up the root logger, which would then print every HTTP request.

    Raises:
        MissingInput: where wordllama is not installed, or without its weights.
    """

    def __init__(self) -> None:
        self._weights, self._tokenizer = _load()
        self.dimension = int(self._weights.shape[1])
        self.name = f"wordllama {version('wordllama')} {_MODEL} {self.dimension}"

    def embed(self, texts: Iterable[str]) -> NDArray[np.float32]:
        rows = [self._row(text) for text in texts]
        if not rows:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack(rows)

    def _row(self, text: str) -> NDArray[np.float32]:
        ids = self._tokenizer.encode(text[:LONGEST_TEXT], add_special_tokens=False).ids
        total = self._weights[np.minimum(ids, len(self._weights) - 1).astype(np.intp)].sum(
            axis=0, dtype=np.float64
        )
        length = float(np.sqrt(np.dot(total, total)))
        row: NDArray[np.float32] = (total / length if length else total).astype(np.float32)
        return row


@cache
def shared_embedder() -> WordLlamaEmbedder:
    """The process's one embedder; loading takes a tenth of a second.

    Raises:
        MissingInput: as `WordLlamaEmbedder`.
    """
    return WordLlamaEmbedder()


def similarities(vectors: NDArray[np.float32], query: NDArray[np.float32]) -> list[float]:
    """Cosine of each row of `vectors` (n, d) with `query` (d,), to six decimals.

    Each row is summed by itself in double precision, so that equal texts have equal numbers wherever they
    stand; six decimals are what single-precision vectors carry.
    """
    wide = query.astype(np.float64)
    return [round(float(np.dot(row.astype(np.float64), wide)), 6) for row in vectors]


def ranked(keys: Sequence[Any], scores: Sequence[float], count: int) -> list[tuple[Any, float]]:
    """The `count` best (key, score), best first; of equal scores the smaller key first."""
    return sorted(zip(keys, scores, strict=True), key=lambda pair: (-pair[1], pair[0]))[:count]


def _load() -> tuple[NDArray[np.float16], Tokenizer]:
    found = find_spec("wordllama")
    if found is None or not found.submodule_search_locations:
        raise MissingInput("texts cannot be embedded: wordllama is not installed", hint=_HINT)
    folder = Path(found.submodule_search_locations[0])
    try:
        from safetensors import safe_open
        from tokenizers import Tokenizer

        with safe_open(folder / "weights" / f"{_MODEL}_256.safetensors", framework="np") as weights:
            matrix: NDArray[np.float16] = weights.get_tensor("embedding.weight")
        return matrix, Tokenizer.from_file(str(folder / "tokenizers" / f"{_MODEL}_tokenizer_config.json"))
    except Exception as error:  # tokenizers raises plain exceptions
        raise MissingInput(f"texts cannot be embedded: {error}", where=str(folder), hint=_HINT) from error
