"""Generation: does going on with the program's cache give what the whole sequence gives?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from asi_repro.models.fla_cpu.cache import Cache
from asi_repro.verify.closeness import RELATIVE, Worst, difference, error_text, finite, scale_of
from asi_repro.verify.probes import is_random
from asi_repro.verify.results import CheckResult, measurement, not_run
from asi_repro.verify.subject import MOVED, NotTried, Subject

# (sequences, tokens of the prompt): at and off the usual chunk sizes, short prompts, several sequences.
PROMPTS = ((1, 64), (1, 1), (2, 3), (1, 17), (3, 70), (1, 130))
SIZES = (64, 256)
# New tokens by call: one at a time, and several at once.
SINGLY = (1, 1, 1, 1)
SEVERAL = ((5, 3), (2, 1, 4), (33,), (64, 1))
TOLERANCE = 1e-6
METHODS = {
    "cache_decoding": (
        "fp64, eval mode: a prompt with use_cache, then four tokens one at a time with the cache, against "
        "the outputs of the whole sequence, relative to the largest output."
    ),
    "cache_continuation": (
        "fp64, eval mode: a prompt with use_cache, then several tokens at once with the cache, against the "
        "outputs of the whole sequence, relative to the largest output."
    ),
    "state_size": (
        f"Numbers that one layer keeps for each sequence to decode after {SIZES[1]} tokens, at the "
        "probe's width: its cache where decoding with it is right, else all inputs so far (it recomputes)."
    ),
}


def check(subject: Subject) -> list[CheckResult]:
    """Rows `cache_decoding`, `cache_continuation` and `state_size`."""
    reason = _no_cache(subject)
    decoding = _row(subject, "cache_decoding", [(prompt, SINGLY) for prompt in PROMPTS], reason)
    if decoding.verdict == "fail":
        reason = "decoding one token at a time with the cache is wrong already"
    pairs = [(prompt, SEVERAL[n % len(SEVERAL)]) for n, prompt in enumerate(PROMPTS)]
    several = _row(subject, "cache_continuation", pairs, reason)
    return [decoding, several, _state_size(subject, works=decoding.verdict == "pass")]


def _no_cache(subject: Subject) -> str | None:
    """Why nothing can be decoded with a cache, or None."""
    try:
        if is_random(subject):
            return "the output is random in eval mode"
        cache = _prefilled(subject, subject.inputs(1, PROMPTS[0][1]))[1]
    except Exception as error:
        return error_text(error)
    return None if elements(list(cache)) else "the program keeps no cache, so generation recomputes"


def _row(
    subject: Subject, name: str, cases: Iterable[tuple[tuple[int, int], tuple[int, ...]]], reason: str | None
) -> CheckResult:
    method = METHODS[name]
    if reason:
        return not_run(name, reason, threshold=TOLERANCE, unit=RELATIVE, method=method)
    worst = Worst()
    for (batch, prompt), pieces in cases:
        if worst.value is not None and not worst.value <= TOLERANCE:
            break  # settled
        where = {"batch": batch, "prompt": prompt, "new_tokens": list(pieces)}
        x = subject.inputs(batch, prompt + sum(pieces))
        try:
            full = subject.run(x, place=MOVED)
        except NotTried as error:
            worst.skip(error_text(error), **where)
            continue
        if not finite(full):
            worst.skip("output not finite", **where)
            continue
        try:
            value = _difference(subject, x, full, prompt, pieces)
        except Exception as error:
            # It kept a state and cannot go on from it: that is an answer.
            worst.add(float("inf"), error=error_text(error), **where)
            continue
        worst.add(value, **where)
    return worst.row(name, TOLERANCE, method, "batch", "prompt", "new_tokens")


def _difference(subject: Subject, x: Tensor, full: Tensor, prompt: int, pieces: tuple[int, ...]) -> float:
    """The largest difference of what comes after the prompt, the new tokens given in `pieces`."""
    module, cache = _prefilled(subject, x[:, :prompt])
    at, worst = prompt, 0.0
    with torch.no_grad():
        for count in pieces:
            step, _, third = subject.call_full(
                module, x[:, at : at + count], past_key_values=cache, use_cache=True
            )
            cache = third if isinstance(third, Cache) else cache
            worst = max(worst, difference(full[:, at : at + count], step, scale_of(full)))
            at += count
    return worst


def _prefilled(subject: Subject, x: Tensor) -> tuple[nn.Module, Cache]:
    """A module that has run `x` (B, length, D) with a cache, and that cache."""
    module, cache = subject.fresh(MOVED), Cache()
    with torch.no_grad():
        _, _, third = subject.call_full(module, x, past_key_values=cache, use_cache=True)
    return module, third if isinstance(third, Cache) else cache


def _state_size(subject: Subject, *, works: bool) -> CheckResult:
    method, unit = METHODS["state_size"], "numbers a layer and sequence"
    sizes: dict[str, int] = {}
    for prompt in SIZES:
        if not works:
            sizes[str(prompt)] = prompt * subject.hidden_size
            continue
        try:
            _, cache = _prefilled(subject, subject.inputs(1, prompt))
        except NotTried as error:
            return not_run("state_size", error_text(error), unit=unit, method=method)
        sizes[str(prompt)] = elements(list(cache))
    short, long = sizes[str(SIZES[0])], sizes[str(SIZES[1])]
    detail = {
        "recomputes": not works,
        "by_length": sizes,
        "grows_with_length": long > short,
        "hidden_size": subject.hidden_size,
        "num_heads": subject.num_heads,
    }
    return measurement("state_size", long, unit=unit, method=method, detail=detail)


def elements(value: Any) -> int:
    """Numbers in all tensors of nested lists, tuples and dictionaries."""
    if isinstance(value, Tensor):
        return value.numel()
    if isinstance(value, dict):
        return sum(elements(item) for item in value.values())
    if isinstance(value, list | tuple):
        return sum(elements(item) for item in value)
    return 0
