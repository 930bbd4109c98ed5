"""Log-likelihoods of continuations: which sequences to run, and what to read from the logits.

The same numbers as lm-evaluation-harness's own `HFLM`, from less work: only the continuations' positions go
through the softmax. That is equal to the last bit. Where `exact` is off, only a batch's last positions go
through the output projection too (`logits_to_keep`): less time, but the matrix product of fewer rows may
round its last bit differently. Needs torch only, so that it runs in a sandbox as it is.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Tokens = list[int]
Request = tuple[Tokens, Tokens]
Score = tuple[float, bool]


@dataclass(frozen=True)
class Row:
    """One sequence of a batch.

    Attributes:
        tokens: what the model reads.
        continuations: the requests that it answers: their number and their continuation, whose last token
            is not among `tokens`.
    """

    tokens: Tokens
    continuations: list[tuple[int, Tokens]]

    @property
    def kept(self) -> int:
        """Positions at the end whose logits are needed."""
        return max(len(tokens) for _, tokens in self.continuations)


def plan(requests: Sequence[Request], batch_size: int, max_length: int) -> Iterator[list[Row]]:
    """Batches for (context, continuation) pairs, longest sequences first.

    Requests that differ in their last token only (such as yes and no) share a sequence. Sequences longer
    than `max_length` lose their beginning. Batches are composed as HFLM composes them: that, with the
    padding on the right, is what makes the numbers equal to the last bit.

    Raises:
        ValueError: for an empty context or continuation, or a continuation over `max_length`.
    """
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, (context, continuation) in enumerate(requests):
        if not context or not continuation or len(continuation) > max_length:
            raise ValueError(
                f"request {number} has {len(context)} and {len(continuation)} tokens, at most {max_length}"
            )
        groups.setdefault(tuple(context + continuation[:-1]), []).append(number)

    def whole(numbers: list[int]) -> Tokens:
        context, continuation = max((requests[number] for number in numbers), key=lambda pair: len(pair[1]))
        return context + continuation

    ordered = sorted(groups.values(), key=lambda numbers: (-len(whole(numbers)), whole(numbers)))
    rows = [
        Row(
            whole(numbers)[-(max_length + 1) :][:-1],
            [(number, requests[number][1]) for number in numbers],
        )
        for numbers in ordered
    ]
    for start in range(0, len(rows), batch_size):
        yield rows[start : start + batch_size]


def score_batch(model: Any, batch: Sequence[Row], *, exact: bool) -> list[tuple[int, float, bool]]:
    """Run one batch: the number, log-likelihood and greedy match of each request it answers.

    The log-likelihood is the sum over the continuation's tokens, in nats; it is NaN where the model's is.

    Args:
        model: a causal language model: token ids [batch, length] to an object with `logits`
            [batch, length, vocabulary].
        exact: whether every position goes through the output projection, as in HFLM.
    """
    import torch

    width = max(len(row.tokens) for row in batch)
    ids = torch.zeros(len(batch), width, dtype=torch.long)
    for index, row in enumerate(batch):
        ids[index, : len(row.tokens)] = torch.tensor(row.tokens)
    # Rows of one batch have different lengths, and what is kept counts from the end of the longest.
    kept = max(width - len(row.tokens) + row.kept for row in batch)
    with torch.no_grad():
        logits = _logits(model, ids.to(model.device), 0 if exact else kept)
    offset = width - logits.shape[1]
    found = []
    for index, row in enumerate(batch):
        end = len(row.tokens) - offset
        log_probabilities = torch.log_softmax(logits[index, end - row.kept : end], dim=-1)
        greedy = log_probabilities.argmax(dim=-1)
        for number, continuation in row.continuations:
            target = torch.tensor(continuation, device=greedy.device)
            part = log_probabilities[-len(continuation) :]
            total = part.gather(1, target[:, None]).squeeze(1).sum()
            matches = bool((greedy[-len(continuation) :] == target).all())
            found.append((number, float(total), matches))
    return found


def _logits(model: Any, ids: torch.Tensor, kept: int) -> torch.Tensor:
    keep = {}
    if kept and "logits_to_keep" in inspect.signature(model.forward).parameters:
        keep["logits_to_keep"] = kept
    logits: torch.Tensor = model(ids, **keep).logits
    return logits
