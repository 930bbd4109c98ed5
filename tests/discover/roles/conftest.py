"""What the tests of the roles share: one embedder, and small results."""

from __future__ import annotations

import pytest

from asi_repro.discover.novelty.embedding import WordLlamaEmbedder, shared_embedder


@pytest.fixture(scope="session")
def embedder() -> WordLlamaEmbedder:
    return shared_embedder()
