"""Causality: does the output at t depend on inputs after t? Two methods that share no code path.

Perturbation replaces all inputs after t and looks at outputs up to t. The Jacobian is read row by row
with vector-Jacobian products: the gradient of a random projection of the output at t, at inputs s > t.
Both run in fp64, with parameters at and off their initial values, at lengths that are and are not
multiples of the usual chunk sizes. At `FULL_LENGTH` every t is probed, so that a leak at a single chunk
boundary is met; at the longer lengths, positions around chunk boundaries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from asi_repro.verify.compare import Worst, difference, error_text, finite, scale_of
from asi_repro.verify.probes import TOLERANCE, mixes_batch
from asi_repro.verify.results import CheckResult, at_most
from asi_repro.verify.subject import INITIAL, MOVED, OPPOSITE, Parameters, Subject

FULL_LENGTH = 70
POSITIONS = (0, 15, 31, 63, 64, 95, 126, 127, 128, 159, 190)
# A multiple of 32 and 64, and long enough for a block of 512 to be met.
LONGER = ((192, OPPOSITE, POSITIONS), (600, MOVED, (255, 511, 550)))
BOUNDARIES = (15, 31, 32, 47, 63, 64)
SINGLE_POSITIONS = (0, 31, 40, 63)

ROWS = ("causality_perturbation", "causality_jacobian")
METHODS = {
    "causality_perturbation": (
        "Inputs after t replaced by others, fp64: largest change of any output up to t, relative to the "
        "largest output."
    ),
    "causality_jacobian": (
        "Gradient in fp64 of a random projection of the output at t to every input: largest at s > t, "
        "relative to the largest at s <= t."
    ),
}

Probe = Callable[[Subject, Worst, int, Sequence[int], Parameters, bool, bool], None]


def check(subject: Subject) -> list[CheckResult]:
    """Rows `causality_perturbation` and `causality_jacobian`."""
    return [
        _row("causality_perturbation", subject, perturb, OPPOSITE),
        _row("causality_jacobian", subject, jacobian, MOVED),
    ]


def plan(*, alone: bool, full: Parameters) -> list[tuple[int, Sequence[int], Parameters, bool]]:
    """(length, positions, parameters, training mode) of each probe.

    Args:
        alone: one sequence at a time, which is slower: fewer positions.
        full: where in parameter space every position is probed; the two methods differ in it, so that
            between them every position is probed at both moved places.
    """
    last = FULL_LENGTH - 1
    every = sorted({*range(0, last, 3 if alone else 1), *BOUNDARIES})
    some = sorted({*range(0, last, 5), *BOUNDARIES})
    few = every[::7]
    probes: list[tuple[int, Sequence[int], Parameters, bool]] = [
        (FULL_LENGTH, few, INITIAL, False),
        (FULL_LENGTH, every if full is MOVED else some, MOVED, False),
        (FULL_LENGTH, every if full is OPPOSITE else some, OPPOSITE, False),
        (FULL_LENGTH, few, MOVED, True),
    ]
    for length, place, positions in LONGER:
        probes.append((length, [t for t in positions if t < length - 1], place, False))
    return probes


def _row(name: str, subject: Subject, probe: Probe, full: Parameters) -> CheckResult:
    worst = Worst()
    alone = mixes_batch(subject)
    for length, positions, place, train in plan(alone=alone, full=full):
        probe(subject, worst, length, positions, place, train, not alone)
    # One sequence at a time as well: a program may branch on the batch size.
    probe(subject, worst, FULL_LENGTH, SINGLE_POSITIONS[:2], INITIAL, False, False)
    probe(subject, worst, FULL_LENGTH, SINGLE_POSITIONS[2:], MOVED, False, False)
    detail = worst.detail(TOLERANCE)
    detail["one_sequence_at_a_time"] = alone
    detail["leaks_in"] = sorted({case["mode"] for case in worst.cases if not case["value"] <= TOLERANCE})
    return at_most(name, worst.value, TOLERANCE, unit="relative change", method=METHODS[name], detail=detail)


def perturb(
    subject: Subject,
    worst: Worst,
    length: int,
    positions: Sequence[int],
    place: Parameters,
    train: bool,
    together: bool,
) -> None:
    """Replace what comes after each of `positions`; one row of a batch each if `together`."""
    groups = [list(positions)] if together else [[t] for t in positions]
    for group in groups:
        where = {"length": length, "parameters": place.name, "mode": "train" if train else "eval"}
        x = subject.inputs(1, length)
        changed = x.expand(len(group), -1, -1).clone()
        for row, t in enumerate(group):
            changed[row, t + 1 :] = subject.inputs(1, length, seed=t + 2, scale=3.0)[0, t + 1 :]
        try:
            before, after = _before_and_after(subject, x, changed, place, train)
        except Exception as error:
            worst.skip(error_text(error), **where)
            continue
        if not finite(before):
            worst.skip("output not finite", **where)
            continue
        for row, t in enumerate(group):
            old, new = before[row, : t + 1], after[row, : t + 1]
            value = difference(old, new, scale_of(before[row]))
            worst.add(value, t=t, first_changed_output=_first_changed(old, new), batch=len(group), **where)


def _before_and_after(
    subject: Subject, x: Tensor, changed: Tensor, place: Parameters, train: bool
) -> tuple[Tensor, Tensor]:
    """Outputs (rows, length, D) for the unchanged input and for each row of `changed`.

    In eval mode the unchanged input is one more row of the same batch. In training mode dropout draws
    other masks for other rows, and one sequence alone must not meet a larger batch: two calls, one seed.
    """
    if train or len(changed) == 1:
        before = subject.run(x.expand_as(changed).contiguous(), place=place, train=train)
        return before, subject.run(changed, place=place, train=train)
    output = subject.run(torch.cat([x, changed]), place=place)
    return output[:1].expand_as(output[1:]), output[1:]


def jacobian(
    subject: Subject,
    worst: Worst,
    length: int,
    positions: Sequence[int],
    place: Parameters,
    train: bool,
    together: bool,
) -> None:
    """Gradients of the outputs at `positions`; one row of a batch each if `together`."""
    groups = [list(positions)] if together else [[t] for t in positions]
    for group in groups:
        where = {"length": length, "parameters": place.name, "mode": "train" if train else "eval"}
        try:
            gradient = output_gradient(subject, length, group, place, train)
        except Exception as error:
            worst.skip(error_text(error), **where)
            continue
        if not finite(gradient):
            worst.skip("gradient not finite", **where)
            continue
        size = gradient.abs().amax(-1)
        for row, t in enumerate(group):
            past, future = size[row, : t + 1], size[row, t + 1 :]
            value = float(future.max()) / scale_of(past)
            source = t + 1 + int(future.argmax())
            worst.add(value, t=t, input=source, batch=len(group), **where)


def output_gradient(
    subject: Subject, length: int, positions: Sequence[int], place: Parameters, train: bool
) -> Tensor:
    """Gradient to the input, (rows, length, D): row i is that of the output at positions[i] of row i."""
    x = subject.inputs(1, length).expand(len(positions), -1, -1).clone().requires_grad_(True)
    module = subject.fresh(place, dtype=x.dtype, train=train)
    output = subject.call(module, x)
    projection = subject.inputs(1, length, seed=5)[0]
    at = torch.tensor(list(positions))
    picked = output[torch.arange(len(positions)), at]
    (gradient,) = torch.autograd.grad((picked * projection[at]).sum(), x, allow_unused=True)
    return gradient if gradient is not None else torch.zeros_like(x)


def _first_changed(old: Tensor, new: Tensor) -> int | None:
    """The first position whose output changed, or None."""
    changed = ((old - new).abs().amax(-1) > TOLERANCE * scale_of(old)).nonzero()
    return int(changed[0]) if changed.numel() else None
