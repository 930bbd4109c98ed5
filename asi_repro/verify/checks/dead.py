"""Dead parameters: which never get a gradient, wherever the parameters stand and whatever the input?"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from asi_repro.verify.closeness import difference, error_text, finite, scale_of
from asi_repro.verify.program_text import TRAINING_LENGTH
from asi_repro.verify.results import CheckResult, at_most, not_run
from asi_repro.verify.subject import EXTREMES, INITIAL, MOVED, OPPOSITE, Parameters, Subject

# Relative to the largest gradient: what is zero by algebra (a shift before a softmax) rounds to 1e-17.
ZERO = 1e-13
LENGTH = 130
PROBES = ((INITIAL, True, 1), (MOVED, True, 2), (MOVED, False, 3), (OPPOSITE, True, 4), (OPPOSITE, False, 5))
# (standard deviation, mean) of the values put in a parameter's place.
REPLACEMENTS = ((0.05, 0.1), (1.0, 0.0), (1.0, 5.0), (1.0, -5.0))
METHOD = (
    "Gradient in fp64 of a random projection of the output, initial and moved parameters, eval and "
    "training mode, five inputs, and for what has none there under a mask, at extremes and at 2,049 tokens; "
    "parameters whose gradient is missing in all of them, or zero at other values too."
)


@dataclass
class Seen:
    """The largest gradient, relative to the largest of all parameters, that any probe gave a parameter."""

    numel: int
    anywhere: float = 0.0
    at_start: float = 0.0
    auxiliary: float = 0.0
    missing: bool = True
    notes: dict[str, Any] = field(default_factory=dict)


def check(subject: Subject) -> list[CheckResult]:
    """Row `dead_parameters`."""
    named = dict(subject.fresh().named_parameters())
    seen = {name: Seen(p.numel()) for name, p in named.items() if p.requires_grad}
    ran, errors = 0, []
    for place, train, seed in PROBES:
        try:
            ran += _probe(subject, seen, place, train, seed)
        except Exception as error:
            errors.append(error_text(error))
    if not ran:
        reason = "; ".join(sorted(set(errors))[:2]) or "no finite output"
        return [not_run("dead_parameters", reason, threshold=0, unit="parameters", method=METHOD)]
    _look_further(subject, seen)
    silent = {
        name: _describe(subject, name, seen[name]) for name in sorted(seen) if seen[name].anywhere <= ZERO
    }
    # A gradient of zero that other values of the parameter have too is a rounding; one that they have not is
    # a clamp or a floor that no probe met.
    dead = {
        name: one
        for name, one in silent.items()
        if one["gradient"] == "none" or one["gradient_where_output_depends"] is not True
    }
    detail: dict[str, Any] = {
        "dead": dead,
        "dead_elements": sum(one["elements"] for one in dead.values()),
        "zero_where_probed": sorted(set(silent) - set(dead)),
        "frozen": sorted(set(named) - set(seen)),
        "parameters": len(seen),
        "elements": sum(one.numel for one in seen.values()),
        "zero_only_at_start": sorted(n for n, s in seen.items() if n not in silent and s.at_start <= ZERO),
    }
    if errors:
        detail["errors"] = sorted(set(errors))
    return [at_most("dead_parameters", len(dead), 0, unit="parameters", method=METHOD, detail=detail)]


def _look_further(subject: Subject, seen: dict[str, Seen]) -> None:
    """Probe where a parameter without a gradient so far may act: late, under a mask, at an extreme."""
    mask = torch.ones(2, LENGTH, dtype=torch.long)
    mask[0, : LENGTH // 3] = 0
    further: list[tuple[Parameters, int, Tensor | None]] = [
        *((place, LENGTH, None) for place in EXTREMES),
        (MOVED, LENGTH, mask),
        (MOVED, TRAINING_LENGTH + 1, None),
    ]
    for place, length, masked in further:
        for train in subject.trains:
            if all(one.anywhere > ZERO for one in seen.values()):
                return
            with contextlib.suppress(Exception):  # `runs` and `masking` say what fails
                _probe(subject, seen, place, train, 6, length=length, mask=masked)


def _probe(
    subject: Subject,
    seen: dict[str, Seen],
    place: Parameters,
    train: bool,
    seed: int,
    *,
    length: int = LENGTH,
    mask: Tensor | None = None,
) -> int:
    module = subject.fresh(place, train=train)
    batch = 2 if length == LENGTH else 1
    output, second, _ = subject.call_full(module, subject.inputs(batch, length, seed=seed), mask)
    if not finite(output):
        return 0
    named = {name: p for name, p in module.named_parameters() if name in seen}
    projection = subject.inputs(batch, length, seed=seed + 50)
    for name, size in _gradients((output * projection).sum(), named).items():
        seen[name].missing &= size is None
        seen[name].anywhere = max(seen[name].anywhere, size or 0.0)
        if place is INITIAL:
            seen[name].at_start = max(seen[name].at_start, size or 0.0)
    if isinstance(second, Tensor) and second.numel() == 1 and second.requires_grad:
        for name, size in _gradients(second.sum(), named).items():
            seen[name].auxiliary = max(seen[name].auxiliary, size or 0.0)
    return 1


def _gradients(loss: Tensor, named: dict[str, torch.nn.Parameter]) -> dict[str, float | None]:
    """The largest absolute gradient of each parameter over the largest of all; None where there is none."""
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True, retain_graph=True)
    sizes = {
        name: None if gradient is None else float(torch.nan_to_num(gradient).abs().max())
        for name, gradient in zip(named, found, strict=True)
        if gradient is None or gradient.numel()
    }
    largest = max((size for size in sizes.values() if size), default=0.0) or 1.0
    return {name: None if size is None else size / largest for name, size in sizes.items()}


def _describe(subject: Subject, name: str, one: Seen) -> dict[str, Any]:
    depends, gradient = output_depends_on(subject, name)
    return {
        "elements": one.numel,
        "gradient": "none" if one.missing else "zero",
        "only_through_second_value": one.auxiliary > ZERO,
        "output_depends_on_it": depends,
        "gradient_where_output_depends": gradient,
    }


def output_depends_on(subject: Subject, name: str) -> tuple[bool | None, bool | None]:
    """Whether other values of the parameter change the output, and whether it has a gradient at one of them.

    Small, ordinary and large values of both signs are tried, since a clamp passes only some.
    """
    generator = torch.Generator().manual_seed(3)
    depends = False
    try:
        for length in (LENGTH, TRAINING_LENGTH + 1):
            for place in (INITIAL, MOVED, OPPOSITE) if length == LENGTH else (MOVED,):
                for train in (False, True) if length == LENGTH else (False,):
                    found = _replaced(subject, name, place, train, length, generator)
                    if True in found:
                        return True, True
                    depends = depends or False in found
    except Exception:
        return None, None
    return depends, False if depends else None


def _replaced(
    subject: Subject, name: str, place: Parameters, train: bool, length: int, generator: torch.Generator
) -> set[bool]:
    """Of each value that changes the output: whether the parameter has a gradient there."""
    x = subject.inputs(2 if length == LENGTH else 1, length, seed=1)
    before = subject.run(x, place=place, train=train)
    found = set()
    for scale, shift in REPLACEMENTS:
        module = subject.fresh(place, train=train)
        named = dict(module.named_parameters())
        with torch.no_grad():
            noise = torch.randn(named[name].shape, generator=generator, dtype=named[name].dtype)
            named[name].copy_(scale * noise + shift)
        after = subject.call(module, x)
        if difference(before, after.detach(), scale_of(before)) > 1e-12:
            size = _gradients((after * x).sum(), named)[name] if after.requires_grad else None
            found.add((size or 0.0) > ZERO)
            if True in found:
                break
    return found
