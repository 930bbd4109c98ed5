"""State: does a forward in eval mode change the module, and does that change later outputs?"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from asi_repro.verify.closeness import Worst, difference, error_text, finite, scale_of
from asi_repro.verify.probes import is_random
from asi_repro.verify.program_text import TRAINING_LENGTH
from asi_repro.verify.results import CheckResult, at_most, not_run
from asi_repro.verify.subject import EXTREMES, INITIAL, MOVED, NotTried, Parameters, Subject

LENGTH = 70
LENGTHS = (70, 1, 130, TRAINING_LENGTH + 1, 5)
CALLS = 3
TOLERANCE = 0.0
PLACES = {
    # A schedule may set a floor or a limit that only gates on one side of it meet.
    "eval_history": (INITIAL, MOVED, *EXTREMES[2:4]),
    "instance_independence": (INITIAL, MOVED),
}
METHODS = {
    "eval_state": (
        "Parameters, buffers and numbers held by the module before and after three forwards in eval mode, "
        "after one that may fill tables; how many changed."
    ),
    "eval_history": (
        "Output in eval mode of a fresh copy and of one that has run forwards of other lengths, shorter and "
        "longer, fp64, relative to the largest output."
    ),
    "instance_independence": (
        "Output in eval mode of a fresh copy before and after other instances of the class, of other width, "
        "seed and dtype, were built and run, fp64, relative to the largest output."
    ),
}


def check(subject: Subject) -> list[CheckResult]:
    """Rows `eval_state`, `eval_history` and `instance_independence`."""
    random = "the output is random in eval mode" if _random(subject) else None
    rows = [_state(subject)]
    for name, probe in (("eval_history", _history), ("instance_independence", _instances)):
        worst = Worst()
        for place in PLACES[name]:
            if random or (worst.value or 0.0) > TOLERANCE:
                break
            try:
                probe(subject, worst, place)
            except Exception as error:
                worst.skip(error_text(error), parameters=place.name)
        if random:
            rows.append(not_run(name, random, threshold=0, method=METHODS[name]))
        else:
            rows.append(worst.row(name, TOLERANCE, METHODS[name], "length", "parameters"))
    return rows


def _random(subject: Subject) -> bool:
    try:
        return is_random(subject)
    except Exception:  # the rows say what it raises
        return False


def _state(subject: Subject) -> CheckResult:
    module = subject.fresh(INITIAL)
    try:
        with torch.no_grad():
            subject.call(module, subject.inputs(2, LENGTH, seed=19))
            before = snapshot(module)
            for call in range(CALLS):
                subject.call(module, subject.inputs(2, LENGTH, seed=call + 20))
            after = snapshot(module)
            x = subject.inputs(2, LENGTH)
            read = torch.equal(subject.call(module, x), subject.run(x))
    except Exception as error:
        return not_run("eval_state", error_text(error), threshold=0, method=METHODS["eval_state"])
    changed = sorted(name for name in before if not same(before[name], after.get(name)))
    registered = {*dict(module.named_parameters()), *dict(module.named_buffers())}
    # What a forward leaves for others to read, such as its auxiliary loss, and never reads itself.
    left = {n for n in changed if read and n not in registered and isinstance(before[n], Tensor)}
    changed = [name for name in changed if name not in left]
    kinds = {name: "tensor" if isinstance(before[name], Tensor) else "attribute" for name in changed}
    return at_most(
        "eval_state",
        len(changed),
        0,
        unit="changed entries",
        method=METHODS["eval_state"],
        detail={"changed": kinds, "left_to_read": sorted(left), "entries": len(before)},
    )


def snapshot(module: nn.Module) -> dict[str, Any]:
    """Every parameter, buffer, and number or tensor that the module and its parts hold, in containers too."""
    state: dict[str, Any] = {name: value.detach().clone() for name, value in module.named_parameters()}
    state |= {name: value.detach().clone() for name, value in module.named_buffers()}
    for prefix, part in module.named_modules():
        for name, value in vars(part).items():
            if name in ("training", "casts", "program") or name.startswith("_"):
                continue
            state |= dict(_leaves(f"{prefix}.{name}" if prefix else name, value, 2))
    return state


def _leaves(name: str, value: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Numbers and tensors in `value`, with a name each."""
    if isinstance(value, bool | int | float):
        yield name, value
    elif isinstance(value, Tensor):
        yield name, value.detach().clone()
    elif depth and isinstance(value, dict | list | tuple):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _leaves(f"{name}[{key}]", item, depth - 1)


def same(before: Any, after: Any) -> bool:
    """Whether an entry of a snapshot is unchanged."""
    if isinstance(before, Tensor):
        return isinstance(after, Tensor) and before.shape == after.shape and torch.equal(before, after)
    return bool(before == after) or (before != before and after != after)


def _history(subject: Subject, worst: Worst, place: Parameters) -> None:
    """One module runs all lengths, then each again but the longest; fresh copies say what is right."""
    module = subject.fresh(place)
    with torch.no_grad():
        for call, length in enumerate((*LENGTHS, LENGTH)):
            with contextlib.suppress(NotTried):
                subject.call(module, subject.inputs(2 if length < 999 else 1, length, seed=call + 20))
        for length in (LENGTH, 1, 130):
            x = subject.inputs(2, length)
            _add(worst, subject.call(module, x), subject.run(x, place=place), length, place)


def _instances(subject: Subject, worst: Worst, place: Parameters) -> None:
    """Fresh copies only, so that what one instance remembers of its own calls does not count here."""
    x = subject.inputs(2, LENGTH)
    before = subject.run(x, place=place)
    for width, seed, dtype in ((2, 5, torch.float32), (1, 6, torch.float64)):
        size, heads = subject.hidden_size * width, subject.num_heads * width
        other = Subject(subject.source, hidden_size=size, num_heads=heads, seed=seed)
        for length in (LENGTH, 130):
            other.run(other.inputs(1, length, dtype=dtype), place=place)
    _add(worst, subject.run(x, place=place), before, LENGTH, place)


def _add(worst: Worst, used: Tensor, unused: Tensor, length: int, place: Parameters) -> None:
    where = {"length": length, "parameters": place.name}
    if finite(unused):
        worst.add(difference(used, unused, scale_of(unused)), **where)
    else:
        worst.skip("output not finite", **where)
