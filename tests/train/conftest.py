"""Made-up texts, and a corpus built from them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

WORDS = ["ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "rowan", "willow"]


def made_up_text(number: int, words: int = 60) -> str:
    """A text of random words; the same for the same number."""
    draw = random.Random(number)
    return f"Text {number}. " + " ".join(draw.choice(WORDS) for _ in range(words)) + "."


@pytest.fixture(scope="session")
def gpt2():
    from asi_repro.data.packages import GPT2_BPE
    from asi_repro.data.tokenizer import load_tokenizer

    if not GPT2_BPE.installed():
        pytest.skip(f"not run: {GPT2_BPE.command}")
    return load_tokenizer("package")


@pytest.fixture(scope="session")
def texts_dir(tmp_path_factory) -> Path:
    """120 made-up text files."""
    folder = tmp_path_factory.mktemp("texts")
    for number in range(120):
        (folder / f"{number:03d}.txt").write_text(made_up_text(number))
    return folder


@pytest.fixture(scope="session")
def small_corpus(gpt2, texts_dir, tmp_path_factory):
    """A corpus of the made-up texts, opened."""
    from asi_repro.config.corpus import CorpusSettings
    from asi_repro.data.blocks import open_corpus
    from asi_repro.data.corpus import build_corpus

    folder = tmp_path_factory.mktemp("built") / "corpus"
    build_corpus(CorpusSettings(source=str(texts_dir)), 1, folder, tokenizer=gpt2)
    return open_corpus(folder)
