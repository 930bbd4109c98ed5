"""State: does a forward in eval mode change the module, and does that change later outputs?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from asi_repro.verify.compare import difference, error_text, finite, scale_of
from asi_repro.verify.probes import is_random
from asi_repro.verify.results import CheckResult, at_most, not_run
from asi_repro.verify.subject import INITIAL, Subject

LENGTH = 70
CALLS = 3
TOLERANCE = 0.0
ROWS = ("eval_state", "eval_history")
METHODS = {
    "eval_state": (
        f"Parameters, buffers and numbers held by the module before and after {CALLS} forwards in eval "
        "mode; how many changed."
    ),
    "eval_history": (
        f"Output in eval mode of a fresh copy and of one that has run {CALLS} forwards, fp64, relative to "
        "the largest output."
    ),
}


def check(subject: Subject) -> list[CheckResult]:
    """Rows `eval_state` and `eval_history`."""
    module = subject.fresh(INITIAL)
    before = snapshot(module)
    try:
        with torch.no_grad():
            for call in range(CALLS):
                subject.call(module, subject.inputs(2, LENGTH, seed=call + 20))
            after = snapshot(module)
            x = subject.inputs(2, LENGTH)
            used, unused = subject.call(module, x), subject.run(x)
    except Exception as error:
        return [not_run(name, error_text(error), threshold=0, method=METHODS[name]) for name in ROWS]
    changed = sorted(name for name in before if not same(before[name], after.get(name)))
    kinds = {name: "tensor" if isinstance(before[name], Tensor) else "attribute" for name in changed}
    state = at_most(
        "eval_state",
        len(changed),
        0,
        unit="changed entries",
        method=METHODS["eval_state"],
        detail={"changed": kinds, "entries": len(before)},
    )
    return [state, _history(subject, used, unused)]


def snapshot(module: nn.Module) -> dict[str, Any]:
    """Every parameter, buffer, and plain number or tensor attribute of the module and its parts."""
    state: dict[str, Any] = {name: value.detach().clone() for name, value in module.named_parameters()}
    state |= {name: value.detach().clone() for name, value in module.named_buffers()}
    for prefix, part in module.named_modules():
        for name, value in vars(part).items():
            if name in ("training", "_parameters", "_buffers", "_modules"):
                continue
            key = f"{prefix}.{name}" if prefix else name
            if isinstance(value, bool | int | float):
                state[key] = value
            elif isinstance(value, Tensor):
                state[key] = value.detach().clone()
    return state


def same(before: Any, after: Any) -> bool:
    """Whether an entry of a snapshot is unchanged."""
    if isinstance(before, Tensor):
        return isinstance(after, Tensor) and before.shape == after.shape and torch.equal(before, after)
    return bool(before == after) or (before != before and after != after)


def _history(subject: Subject, used: Tensor, unused: Tensor) -> CheckResult:
    method = METHODS["eval_history"]
    if is_random(subject):
        return not_run("eval_history", "the output is random in eval mode", threshold=0, method=method)
    if not finite(unused):
        return not_run("eval_history", "output not finite", threshold=0, method=method)
    value = difference(used, unused, scale_of(unused))
    return at_most("eval_history", value, TOLERANCE, unit="relative change", method=method, detail={})
