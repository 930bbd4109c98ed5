"""The search for near motivations: exact, ordered, the same whatever stands beside a text."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asi_repro.discover.novelty.embedding import WordLlamaEmbedder
from asi_repro.discover.novelty.index import MotivationIndex

TEXTS = [
    "A decay per head lets the state forget what is old.",
    "Short convolutions on queries and keys line up neighbouring tokens.",
    "A gate on the output closes where nothing was found.",
    "Convolutions that are short line up tokens beside each other.",
    "Routing weights with a floor keep every branch alive.",
]


class Letters:
    """An embedder for properties: how often each letter stands in a text, so that ties are common."""

    name = "letters"
    dimension = 8

    def embed(self, texts):
        rows = np.array([[text.count(letter) for letter in "abcdefgh"] for text in texts], dtype=np.float64)
        rows = rows.reshape(-1, 8)
        lengths = np.sqrt((rows**2).sum(axis=1, keepdims=True))
        return (rows / np.where(lengths, lengths, 1)).astype(np.float32)


def test_the_nearest_is_the_one_that_means_the_same(embedder: WordLlamaEmbedder) -> None:
    index = MotivationIndex(embedder)
    index.sync(list(enumerate(TEXTS, 10)))
    near = index.nearest("Tokens beside each other are lined up by a short convolution.", 2)
    assert {found.index for found in near} == {11, 13}
    assert near[0].similarity > near[1].similarity > 0.4


def test_vectors_are_wordllamas_own(embedder: WordLlamaEmbedder) -> None:
    wordllama = pytest.importorskip("wordllama")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    model = wordllama.WordLlama.load(cache_dir=Path(wordllama.__file__).parent, disable_download=True)
    root.handlers[:], root.level = handlers, level
    theirs = model.embed(TEXTS, norm=True)
    assert np.abs(theirs - embedder.embed(TEXTS)).max() < 1e-5


def test_a_vector_does_not_depend_on_what_stands_beside_it(embedder: WordLlamaEmbedder) -> None:
    together = embedder.embed([*TEXTS, "a longer text " * 400])
    alone = [embedder.embed([text])[0] for text in TEXTS]
    assert all((together[place] == row).all() for place, row in enumerate(alone))
    assert not embedder.embed([""]).any()
    assert embedder.embed([]).shape == (0, 256)


def test_using_it_leaves_the_root_logger_alone() -> None:
    import subprocess
    import sys

    code = (
        "import logging, sys\n"
        "from asi_repro.discover.novelty.embedding import shared_embedder\n"
        "shared_embedder().embed(['text'])\n"
        "assert not logging.getLogger().handlers\n"
        "print(sorted({'torch', 'requests', 'wordllama', 'anthropic'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.text("abcdefgh", max_size=6), max_size=40),
    st.text("abcdefgh", min_size=1, max_size=6),
    st.integers(1, 8),
    st.randoms(use_true_random=False),
)
def test_it_is_the_exact_order_whatever_the_order_of_adding(texts, query, count, random) -> None:
    known = list(enumerate(texts))
    vectors = Letters().embed(texts).astype(np.float64)
    asked = Letters().embed([query])[0].astype(np.float64)
    wanted = sorted(known, key=lambda pair: (-round(float(vectors[pair[0]] @ asked), 6), pair[0]))
    random.shuffle(known)
    index = MotivationIndex(Letters())
    index.sync(known)
    assert [(found.index, found.motivation) for found in index.nearest(query, count)] == wanted[:count]


def test_sync_embeds_only_what_is_new() -> None:
    class Counting(Letters):
        embedded = 0

        def embed(self, texts):
            listed = list(texts)
            self.embedded += len(listed)
            return super().embed(listed)

    embedder = Counting()
    index = MotivationIndex(embedder)
    known = [(place, "abc" * place) for place in range(300)]
    index.sync(known[:100])
    index.sync(known)
    assert embedder.embedded == 300
    assert len(index) == 300
    index.sync([(0, "another text"), *known[1:]])
    assert index.nearest("abc", 1)[0].index == 1
    index.sync(known[:5])
    assert len(index) == 5
    with pytest.raises(ValueError, match="twice"):
        index.sync([*known[:5], known[0]])


def test_the_releases_motivations_find_themselves(release_archive: Path, embedder: WordLlamaEmbedder) -> None:
    from asi_repro.archive.reader import Archive

    known = [(p.index, p.motivation) for p in Archive(release_archive).programs() if p.motivation][:40]
    index = MotivationIndex(embedder)
    index.sync(known)
    for key, text in known[::8]:
        found = index.nearest(text)
        assert (found[0].index, found[0].similarity) == (key, 1.0)
        assert len(found) == 5
        assert found[1].similarity < 0.95
