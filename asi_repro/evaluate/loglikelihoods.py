"""Log-likelihoods of continuations: which sequences to run, and what to read from the logits.

The same numbers as lm-evaluation-harness's own `HFLM`, from less work: only the continuations' positions go
through the softmax. That is equal to the last bit. Where `exact` is off, only these go through the output
projection too: less time, but the matrix product of fewer rows may round its last bit differently. Needs
torch only, so that it runs in a sandbox as it is.
"""

from __future__ import annotations

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
    with torch.no_grad():
        logits = (_every_row if exact else _needed_rows)(model, ids.to(model.device), batch)
    found = []
    for row, kept in zip(batch, logits, strict=True):
        log_probabilities = torch.log_softmax(kept, dim=-1)
        greedy = log_probabilities.argmax(dim=-1)
        for number, continuation in row.continuations:
            target = torch.tensor(continuation, device=greedy.device)
            part = log_probabilities[-len(continuation) :]
            total = part.gather(1, target[:, None]).squeeze(1).sum()
            matches = bool((greedy[-len(continuation) :] == target).all())
            found.append((number, float(total), matches))
    return found


def _every_row(model: Any, ids: torch.Tensor, batch: Sequence[Row]) -> list[torch.Tensor]:
    """The logits [kept, vocabulary] of each sequence, all positions projected."""
    logits = model(ids).logits
    return [logits[index, len(row.tokens) - row.kept : len(row.tokens)] for index, row in enumerate(batch)]


def _needed_rows(model: Any, ids: torch.Tensor, batch: Sequence[Row]) -> list[torch.Tensor]:
    """The same, with only these positions projected: at a small width the projection is most of the work."""
    import torch

    head = model.get_output_embeddings()
    if head is None:
        return _every_row(model, ids, batch)
    rows = torch.cat([torch.full((row.kept,), index) for index, row in enumerate(batch)]).to(ids.device)
    positions = torch.cat([torch.arange(len(row.tokens) - row.kept, len(row.tokens)) for row in batch]).to(
        ids.device
    )

    def choose(module: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return (given[0][rows, positions][None], *given[1:])

    hook = head.register_forward_pre_hook(choose)
    try:
        logits = model(ids).logits[0]
    finally:
        hook.remove()
    return list(logits.split([row.kept for row in batch]))
