"""Generation: does a decoding step with the program's cache give what the whole sequence gives?"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from asi_repro.models.fla_cpu.cache import Cache
from asi_repro.verify.compare import difference, error_text, finite, scale_of
from asi_repro.verify.probes import is_random
from asi_repro.verify.results import CheckResult, at_most, measurement, not_run
from asi_repro.verify.subject import MOVED, Subject

PREFILLS = (64, 256)
STEPS = 4
TOLERANCE = 1e-6
ROWS = ("cache_decoding", "state_size")
METHODS = {
    "cache_decoding": (
        f"fp64, eval mode: {PREFILLS[0]} tokens with use_cache, then {STEPS} tokens one at a time with the "
        "cache, against the outputs of the whole sequence, relative to the largest output."
    ),
    "state_size": (
        f"Numbers that one layer keeps for each sequence to decode after {PREFILLS[1]} tokens, at the "
        "probe's width: its cache where decoding with it is right, else all inputs so far (it recomputes)."
    ),
}


def check(subject: Subject) -> list[CheckResult]:
    """Rows `cache_decoding` and `state_size`."""
    random = is_random(subject)
    decoding = _not_decoded("the output is random in eval mode") if random else _decoding(subject)
    return [decoding, _state_size(subject, works=decoding.verdict == "pass")]


def _not_decoded(reason: str) -> CheckResult:
    return not_run(
        "cache_decoding",
        reason,
        threshold=TOLERANCE,
        unit="relative change",
        method=METHODS["cache_decoding"],
    )


def _decoding(subject: Subject) -> CheckResult:
    prefill = PREFILLS[0]
    x = subject.inputs(1, prefill + STEPS)
    try:
        full = subject.run(x, place=MOVED)
    except Exception as error:
        return _not_decoded(error_text(error))
    if not finite(full):
        return _not_decoded("output not finite")
    try:
        module, cache = _prefilled(subject, x[:, :prefill])
    except Exception as error:
        return _not_decoded(error_text(error))
    held = elements(list(cache))
    if not held:
        return _not_decoded("the program keeps no cache, so generation recomputes")
    found: dict[str, Any] = {"cache_layers": len(cache), "cache_elements": held}
    try:
        steps = _decode(subject, module, cache, x[:, prefill:])
    except Exception as error:
        # It kept a state and cannot go on from it: that is an answer.
        found |= {"error": error_text(error), "reason": "a decoding step with the cache fails"}
        return replace(_row(math.inf, found), value=None)
    found["by_step"] = [
        difference(full[:, prefill + i], step[:, -1], scale_of(full)) for i, step in enumerate(steps)
    ]
    return _row(max(found["by_step"]), found)


def _row(value: float, detail: dict[str, Any]) -> CheckResult:
    return at_most(
        "cache_decoding",
        value,
        TOLERANCE,
        unit="relative change",
        method=METHODS["cache_decoding"],
        detail=detail,
    )


def _prefilled(subject: Subject, x: Tensor) -> tuple[nn.Module, Cache]:
    """A module that has run `x` (1, length, D) with a cache, and that cache."""
    module, cache = subject.fresh(MOVED), Cache()
    with torch.no_grad():
        _, _, third = subject.call_full(module, x, past_key_values=cache, use_cache=True)
    return module, third if isinstance(third, Cache) else cache


def _decode(subject: Subject, module: nn.Module, cache: Cache, x: Tensor) -> list[Tensor]:
    """Outputs (1, 1, D) for the tokens of `x`, given one at a time."""
    steps = []
    with torch.no_grad():
        for at in range(x.shape[1]):
            step, _, third = subject.call_full(
                module, x[:, at : at + 1], past_key_values=cache, use_cache=True
            )
            cache = third if isinstance(third, Cache) else cache
            steps.append(step)
    return steps


def _state_size(subject: Subject, *, works: bool) -> CheckResult:
    method, unit = METHODS["state_size"], "numbers a layer and sequence"
    sizes: dict[str, int] = {}
    for prefill in PREFILLS:
        if not works:
            sizes[str(prefill)] = prefill * subject.hidden_size
            continue
        _, cache = _prefilled(subject, subject.inputs(1, prefill))
        sizes[str(prefill)] = elements(list(cache))
    short, long = sizes[str(PREFILLS[0])], sizes[str(PREFILLS[1])]
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
