"""Perplexity on held-out blocks of the training corpus, in place of WikiText where there is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from asi_repro.evaluate.scorers import Progress, Scorer
from asi_repro.results.evaluation import PerplexityRecord

if TYPE_CHECKING:
    from asi_repro.data.blocks import Corpus


def validation_perplexity(
    scorer: Scorer,
    corpus: Corpus,
    *,
    blocks: int,
    length: int,
    batch_size: int,
    end_of_text: int,
    progress: Progress | None = None,
) -> PerplexityRecord:
    """The perplexity on the first `blocks` blocks of the validation split, in the order of the text.

    Every block is scored by itself, after one end-of-text token: all its tokens count, the first ones
    with little context.

    Args:
        length: tokens a block.
        end_of_text: the token before each block.

    Raises:
        DataError: where the split is shorter than one block.
    """
    text = corpus.blocks("validation", length)
    count = min(blocks, len(text))
    requests = [([end_of_text], text[position].tolist()) for position in range(count)]
    scores = scorer.scores(requests, batch_size=batch_size, max_length=length, progress=progress)
    losses = [-total / length for total, _ in scores]
    mean = math.fsum(losses) / count
    stderr = None
    if count > 1:
        stderr = math.sqrt(math.fsum((loss - mean) ** 2 for loss in losses) / (count - 1) / count)
    return PerplexityRecord(
        perplexity=math.exp(mean),
        loss=mean,
        stderr=stderr,
        tokens=count * length,
        block_length=length,
        corpus=corpus.title,
        corpus_stand_in=corpus.manifest.source.stand_in,
        block_losses=losses,
    )
