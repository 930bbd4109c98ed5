"""Synthetic tasks that probe what a token mixer can do, after the literature but at a laptop's size.

Sources: Zoology (arXiv 2312.04927) for multi-query associative recall; MAD (arXiv 2403.17844) for selective
copying, recall among noise, memorisation and compression; Grazzi et al. (arXiv 2411.12537) for parity. The
sizes are ours: vocabularies of at most 64 tokens and sequences of at most 64. No torch here.

Whether a sequence is for training or for the test follows from its own tokens, so none is in both, whatever
the seeds. The test is the same for every model and seed.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from asi_repro.errors import NotFound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NOT_ASKED = -1
_TEST, _TRAIN = 0, 1
_TEST_SHARE = 8  # one sequence of eight can only be in the test
_DRAWN = 256  # at a time: a fixed number, so that more sequences begin with the same ones
_TABLE_SEED = 2403  # of the facts to memorise, which every model learns


class Sequences(NamedTuple):
    """Sequences and what is asked of them.

    Attributes:
        tokens: (count, length) int64, what is read.
        answers: (count, length, slots) int64, the right answers once the token there has been read;
            `NOT_ASKED` where nothing is asked.
    """

    tokens: NDArray[np.int64]
    answers: NDArray[np.int64]


@dataclass(frozen=True)
class ProbeTask:
    """One task.

    Attributes:
        name: what the command line calls it.
        title: what a person calls it.
        vocabulary: tokens that are read, numbered from 0.
        choices: answers that a guess is one of.
        length: tokens of a training sequence.
        test_length: tokens of a test sequence.
        draw: makes (random state, count, length) into sequences.
        slots: answers that are asked at one position.
        asked_from: first position whose answers count in the test.
    """

    name: str
    title: str
    vocabulary: int
    choices: int
    length: int
    test_length: int
    draw: Callable[[np.random.RandomState, int, int], Sequences]
    slots: int = 1
    asked_from: int = 0

    @property
    def chance(self) -> float:
        """Expected accuracy of a guess among the answers that occur."""
        return 1 / self.choices

    @property
    def columns(self) -> int:
        """Columns of the output layer: each slot has its own answers."""
        return max(self.vocabulary, self.slots * self.choices) if self.slots > 1 else self.vocabulary

    def train(self, seed: int, count: int) -> Sequences:
        """The first `count` training sequences of a seed."""
        return self._drawn(count, self.length, _TRAIN, seed)

    def test(self, count: int) -> Sequences:
        """The first `count` test sequences."""
        tokens, answers = self._drawn(count, self.test_length, _TEST, 0)
        answers[:, : self.asked_from] = NOT_ASKED
        return Sequences(tokens, answers)

    def _drawn(self, count: int, length: int, split: int, seed: int) -> Sequences:
        """RandomState's streams never change between numpy versions, Generator's may."""
        import numpy as np

        number = list(PROBES).index(self.name)
        state = np.random.RandomState(np.random.MT19937(np.random.SeedSequence([number, split, seed])))
        kept: list[Sequences] = []
        while sum(len(part.tokens) for part in kept) < count:
            drawn = self.draw(state, _DRAWN, length)
            chosen = np.array([self._split(row) == split for row in drawn.tokens])
            kept.append(Sequences(drawn.tokens[chosen], drawn.answers[chosen]))
        tokens, answers = (np.concatenate(parts)[:count] for parts in zip(*kept, strict=True))
        return Sequences(tokens, answers)

    def _split(self, tokens: NDArray[np.int64]) -> int:
        """The split that a sequence's beginning puts it in, so longer tests repeat no training sequence."""
        number = zlib.crc32(tokens[: self.length].astype("u1").tobytes())
        return _TRAIN if number % _TEST_SHARE else _TEST


def find_probe(name: str) -> ProbeTask:
    """The task of that name.

    Raises:
        NotFound: for an unknown name.
    """
    if name not in PROBES:
        raise NotFound(f"unknown probe {name!r}", hint=f"use one of: {', '.join(PROBES)}")
    return PROBES[name]


def _recall(state: np.random.RandomState, count: int, length: int, *, noise: int = 0) -> Sequences:
    """Pairs of a key and a value, then each key again, in another order, with its value asked after it.

    Keys 0 to 15 (each at most once), values 16 to 31, noise 32 to 47. The value itself follows the key that
    asks for it, as in text.
    """
    pairs = (length - 2 * noise) // 4
    keys = _distinct(state, count, pairs, 16)
    values = state.randint(16, 32, size=(count, pairs))
    order = _distinct(state, count, pairs, pairs)
    again, said = _take(keys, order), _take(values, order)
    first, _ = _among_noise(state, keys, values, noise)
    second, places = _among_noise(state, again, said, noise)
    tokens = _joined(first, second)
    answers = _unasked(tokens)
    _put(answers[..., 0], places + first.shape[1], said)
    return Sequences(tokens, answers)


def _noisy_recall(state: np.random.RandomState, count: int, length: int) -> Sequences:
    """Recall in which a token of three is noise: it stands before, between and after pairs, never in one."""
    return _recall(state, count, length, noise=length // 6)


def _selective_copying(state: np.random.RandomState, count: int, length: int) -> Sequences:
    """A fifth of the tokens carry data (0 to 15) among noise (16); then as many signs (17) ask for them.

    They are asked in their order. Answers are not read, so each must be found by its place in that order.
    """
    data = length // 5
    symbols = state.randint(0, 16, size=(count, data))
    places = _sorted(_distinct(state, count, data, length - data))
    tokens = _filled(count, length, 16)
    tokens[:, length - data :] = 17
    _put(tokens, places, symbols)
    answers = _unasked(tokens)
    answers[:, length - data :, 0] = symbols
    return Sequences(tokens, answers)


def _parity(state: np.random.RandomState, count: int, length: int) -> Sequences:
    """Bits; after each the parity of all bits so far is asked."""
    tokens = _wide(state.randint(0, 2, size=(count, length)))
    return Sequences(tokens, (tokens.cumsum(axis=1) % 2)[..., None])


def _memorisation(state: np.random.RandomState, count: int, length: int) -> Sequences:
    """Facts that no context tells: 256 pairs of tokens (0 to 31 each) with a value each (32 to 63).

    A sequence asks for a third of its length of them, no fact twice. The facts are the same for all models
    and in the test; the test's sequences are others.
    """
    import numpy as np

    table = np.random.RandomState(_TABLE_SEED)
    pairs = table.permutation(32 * 32)[:256]
    values = 32 + table.permutation(256) % 32  # each value of eight facts, so that none is a good guess
    facts = _distinct(state, count, length // 3, 256)
    tokens = np.stack([pairs[facts] // 32, pairs[facts] % 32, values[facts]], axis=-1).reshape(count, -1)
    answers = _unasked(tokens)
    answers[:, 1::3, 0] = values[facts]
    return Sequences(_wide(tokens), answers)


def _compression(state: np.random.RandomState, count: int, length: int) -> Sequences:
    """Tokens (0 to 15), then one sign (16): all tokens are asked there at once, each in a slot of its own.

    So everything has to pass through one position's vector. MAD reads it with a decoder of its own; here
    the output layer is that decoder.
    """
    symbols = state.randint(0, 16, size=(count, length - 1))
    tokens = _joined(symbols, _filled(count, 1, 16))
    answers = _unasked(tokens).repeat(length - 1, axis=-1)
    answers[:, -1] = symbols
    return Sequences(tokens, answers)


def _among_noise(
    state: np.random.RandomState, keys: NDArray[np.int64], values: NDArray[np.int64], noise: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs with noise around them: the tokens, and where the keys are; both (count, ...)."""
    import numpy as np

    count, pairs = keys.shape
    units = _sorted(_distinct(state, count, pairs, pairs + noise))  # which of pairs and noise are pairs
    places = units + np.arange(pairs)
    tokens = _wide(state.randint(32, 48, size=(count, 2 * pairs + noise)))
    _put(tokens, places, keys)
    _put(tokens, places + 1, values)
    return tokens, places


def _distinct(state: np.random.RandomState, count: int, size: int, of: int) -> NDArray[np.int64]:
    """(count, size) numbers below `of`, no two of a row equal."""
    return _wide(state.random_sample((count, of)).argsort(axis=1, kind="stable")[:, :size])


def _take(values: NDArray[np.int64], order: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    return np.take_along_axis(values, order, axis=1)


def _put(target: NDArray[np.int64], places: NDArray[np.int64], values: NDArray[np.int64]) -> None:
    import numpy as np

    np.put_along_axis(target, places, values, axis=1)


def _sorted(values: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    return np.sort(values, axis=1)


def _joined(*parts: NDArray[np.int64]) -> NDArray[np.int64]:
    import numpy as np

    return _wide(np.concatenate(parts, axis=1))


def _filled(count: int, length: int, value: int) -> NDArray[np.int64]:
    import numpy as np

    return np.full((count, length), value, dtype=np.int64)


def _unasked(tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    count, length = tokens.shape
    return _filled(count, length, NOT_ASKED)[..., None]


def _wide(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return values.astype("i8")


PROBES: dict[str, ProbeTask] = {
    task.name: task
    for task in (
        ProbeTask("recall", "associative recall", 32, 16, 32, 32, _recall),
        ProbeTask("noisy_recall", "recall among noise", 48, 16, 48, 48, _noisy_recall),
        ProbeTask("selective_copying", "selective copying", 18, 16, 20, 20, _selective_copying),
        ProbeTask("parity", "parity, twice as long", 2, 2, 32, 64, _parity, asked_from=32),
        ProbeTask("memorisation", "memorisation", 64, 32, 48, 48, _memorisation),
        ProbeTask("compression", "compression", 17, 16, 9, 9, _compression, slots=8),
    )
}
