"""Scores of a task that do not jump: how many bits a model needs for the right answer, and how many fewer.

The accuracy of a small model stays at chance long after its probabilities have begun to differ. Two numbers
say more, and are made from the log-likelihoods that the accuracy is made from:

- `answer_bits_per_byte`: bits that the model needs for the right answer after its context, over the answer's
  bytes of UTF-8; lower is better, and 8 is what needs no model;
- `answer_margin`: the mean of that over the wrong answers, minus that of the right one; higher is better, and
  0 is what a model comes to that does not use the question. A task without wrong answers has none.

Bits per byte compare models with different tokenizers (Gao et al., The Pile, arXiv 2101.00027, section 3.1).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean, stdev
from typing import Any

from asi_repro.evaluate.hooks import winogrande_text
from asi_repro.results.evaluation import BITS, MARGIN, MetricRecord

Scores = dict[str, list[float]]


def continuous_scores(samples: Sequence[Mapping[str, Any]]) -> Scores:
    """Both scores of each item, in the order given; only the first for a task without wrong answers.

    Args:
        samples: what lm-eval logs of each item: its arguments (context, continuation), its filtered responses
            (log-likelihood in nats, whether it is the greedy one), its document and its target.
    """
    found: Scores = {BITS: [], MARGIN: []}
    for sample in samples:
        bits = _answers(sample)
        right = bits.pop(right_answer(sample)) if len(bits) > 1 else bits.pop()
        found[BITS].append(right)
        if bits:
            found[MARGIN].append(fmean(bits) - right)
    return {name: values for name, values in found.items() if values}


def _answers(sample: Mapping[str, Any]) -> list[float]:
    """Bits per byte of each answer."""
    return [
        -likelihood / math.log(2) / max(len(answer.encode("utf-8")), 1)
        for (_, answer), (likelihood, _) in zip(sample["arguments"], sample["filtered_resps"], strict=True)
    ]


def right_answer(sample: Mapping[str, Any]) -> int:
    """The position of the right answer of an item with several."""
    target = sample["target"]
    # WinoGrande scores one ending after two contexts: its target is that ending.
    return target if isinstance(target, int) else winogrande_text(sample["doc"])


def majority_rate(samples: Sequence[Mapping[str, Any]]) -> float | None:
    """The accuracy of always giving the most common position; None where an item has a single answer."""
    if not samples or any(len(sample["arguments"]) < 2 for sample in samples):
        return None
    return Counter(map(right_answer, samples)).most_common(1)[0][1] / len(samples)


def metric_record(name: str, values: Sequence[float]) -> MetricRecord:
    """The mean over the items, with its standard error."""
    error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return MetricRecord(value=fmean(values), stderr=error, higher_is_better=name == MARGIN)
