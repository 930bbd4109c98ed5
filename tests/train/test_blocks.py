"""Blocks of tokens by position."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asi_repro.config.corpus import CorpusSettings
from asi_repro.data.blocks import TokenBlocks, open_corpus
from asi_repro.data.corpus import build_corpus
from asi_repro.errors import DataError, NotFound


def parts_of(lengths: list[int]) -> list[np.ndarray]:
    """Pieces of the text 0, 1, 2, …"""
    text = np.arange(sum(lengths), dtype=np.uint16)
    return np.split(text, np.cumsum(lengths)[:-1])


lengths = st.lists(st.integers(0, 40), min_size=1, max_size=8).filter(lambda found: sum(found) > 0)


@given(lengths, st.integers(1, 50), st.one_of(st.none(), st.integers(0, 2**32)), st.integers(0, 3))
def test_an_epoch_is_every_block_once(sizes, length, seed, epoch):
    total = sum(sizes)
    if total < length:
        with pytest.raises(DataError, match="too few for one block"):
            TokenBlocks(parts_of(sizes), length, seed=seed)
        return
    blocks = TokenBlocks(parts_of(sizes), length, seed=seed)
    assert len(blocks) == total // length
    rows = blocks.batch(epoch * len(blocks), len(blocks))
    assert rows.dtype == np.int64
    assert rows.shape == (len(blocks), length)
    ordered = rows[np.argsort(rows[:, 0])]
    assert np.array_equal(ordered.ravel(), np.arange(len(blocks) * length))
    if seed is None:
        assert np.array_equal(rows, ordered)


@given(st.integers(0, 2**32), st.integers(0, 500), st.integers(1, 30))
def test_any_step_can_be_the_first(seed, first, size):
    whole = TokenBlocks(parts_of([64, 64]), 4, seed=seed).batch(0, first + size)
    assert np.array_equal(TokenBlocks(parts_of([64, 64]), 4, seed=seed).batch(first, size), whole[first:])


def test_orders_differ_between_epochs_and_seeds():
    blocks = TokenBlocks(parts_of([400]), 4, seed=1)
    count = len(blocks)
    first, second = blocks.batch(0, count), blocks.batch(count, count)
    other = TokenBlocks(parts_of([400]), 4, seed=2).batch(0, count)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_the_order_is_the_same_on_every_machine_and_version():
    assert TokenBlocks(parts_of([40]), 4, seed=20250724).batch(0, 10)[:, 0].tolist() == [
        28,
        0,
        36,
        4,
        20,
        16,
        8,
        24,
        12,
        32,
    ]


def test_a_batch_needs_enough_blocks():
    blocks = TokenBlocks(parts_of([40]), 4, where="here")
    blocks.need(10)
    with pytest.raises(DataError, match="too few for one batch of 11 x 4") as caught:
        blocks.need(11)
    assert "here" in str(caught.value)


def test_a_built_corpus_reads_back_as_its_texts(texts_dir, tmp_path, gpt2):
    settings = CorpusSettings(source=str(texts_dir), validation_fraction=0.2, shard_tokens=2000)
    build_corpus(settings, 3, tmp_path / "c", tokenizer=gpt2)
    corpus = open_corpus(tmp_path / "c")
    assert "stand-in" in corpus.title
    for split in ("train", "validation"):
        blocks = corpus.blocks(split, 1)
        assert len(blocks) == corpus.tokens(split)
        text = gpt2.hf.decode(blocks.batch(0, len(blocks)).ravel())
        for document in text.split("<|endoftext|>")[:-1]:
            number = int(document.split()[1].rstrip("."))
            assert document == (texts_dir / f"{number:03d}.txt").read_text()
    with pytest.raises(NotFound, match="unknown split 'test'"):
        corpus.blocks("test", 8)
    with pytest.raises(DataError, match="too few for one block"):
        corpus.blocks("validation", 10**7)


def test_tokens_are_a_map_of_the_file_not_a_copy(small_corpus):
    from asi_repro.data.shards import map_tokens

    for part in map_tokens(small_corpus.folder, small_corpus.shards[0]):
        assert not part.flags.owndata
        assert not part.flags.writeable
