"""Causality: does the output at t depend on inputs after t? Two methods that share no code path.

Perturbation replaces all inputs after t and looks at outputs up to t. The Jacobian is read row by row
with vector-Jacobian products: the gradient of a random projection of the output at t, at inputs s > t.
Both run in fp64, in eval and in training mode, with parameters at and off their initial values and with
small parameters at both extremes, at the probe's width and at the paper's. At `FULL_LENGTH` every t is
probed, so that a leak at a single chunk boundary is met; at the other lengths (the training length, powers
of two, multiples of 128, both sides of every constant in the program's text) a few.

A mode that is seen to leak is not probed further.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from asi_repro.verify.closeness import Worst, difference, error_text, finite, scale_of
from asi_repro.verify.probes import TOLERANCE, above_rounding, is_random, mixes_batch
from asi_repro.verify.program_text import TRAINING_LENGTH, probe_lengths
from asi_repro.verify.results import CheckResult
from asi_repro.verify.subject import EXTREMES, INITIAL, MOVED, OPPOSITE, Parameters, Subject

FULL_LENGTH = 70
BOUNDARIES = (15, 31, 32, 47, 63, 64)
FEW = (0, 15, 31, 32, 40, 63, 68)
SINGLE_POSITIONS = (0, 31, 40, 63)
# At the paper's width, where a token costs most: t in the middle of chunks, at the end of one.
WIDE_LENGTH = 50
WIDE = (31, 40)
EARLY = 20
LONG = 900
OUTLIERS = 30.0

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


@dataclass(frozen=True)
class Spot:
    """One probe.

    Attributes:
        subject: the program at a width.
        length: of the sequence.
        positions: each t.
        place: where the parameters stand.
        train: training mode.
        together: the positions are rows of one batch, not sequences one at a time.
        scale: of the input.
        copies: of one sequence at a time, of which only the first is changed or read.
    """

    subject: Subject
    length: int
    positions: Sequence[int]
    place: Parameters
    train: bool = False
    together: bool = True
    scale: float = 1.0
    copies: int = 1

    def where(self) -> dict[str, Any]:
        """What a result says of it."""
        found: dict[str, Any] = {
            "length": self.length,
            "parameters": self.place.name,
            "mode": "train" if self.train else "eval",
            "width": self.subject.hidden_size,
        }
        return found | ({"input_scale": self.scale} if self.scale != 1 else {})


def check(subject: Subject) -> list[CheckResult]:
    """Rows `causality_perturbation` and `causality_jacobian`."""
    return [
        _row("causality_perturbation", subject, perturb, perturbations),
        _row("causality_jacobian", subject, jacobian, gradients),
    ]


def perturbations(subject: Subject, *, alone: bool, train: bool) -> Iterator[Spot]:
    """The probes of one mode by perturbation, those that find most first; `alone`: one sequence at a time."""
    together = not alone
    every, some = _positions(alone)
    yield Spot(subject, FULL_LENGTH, every, OPPOSITE, train, together)
    for place in (MOVED, INITIAL, *EXTREMES):
        yield Spot(subject, FULL_LENGTH, some, place, train, together)
    yield Spot(subject, FULL_LENGTH, some, MOVED, train, together, OUTLIERS)
    # One sequence at a time as well: a program may branch on the batch size.
    yield Spot(subject, FULL_LENGTH, SINGLE_POSITIONS[:2], INITIAL, train, False)
    yield Spot(subject, FULL_LENGTH, SINGLE_POSITIONS[2:], MOVED, train, False)
    for number, length in enumerate(probe_lengths(subject.text)):
        if train and length > TRAINING_LENGTH + 1:
            break
        yield Spot(subject, length, positions_of(length), (MOVED, OPPOSITE)[number % 2], train, together)
    if subject.wide is not None:
        yield Spot(subject.wide, WIDE_LENGTH, WIDE, MOVED, train, together)


def gradients(subject: Subject, *, alone: bool, train: bool) -> Iterator[Spot]:
    """The probes of one mode by the Jacobian, which costs several forwards: fewer lengths.

    Every position is probed at the moved place that `perturbations` leaves to this method.
    """
    together = not alone
    every, some = _positions(alone)
    yield Spot(subject, FULL_LENGTH, some if train else every, MOVED, train, together)
    for place in (OPPOSITE, *(EXTREMES[2:] if train else (INITIAL, *EXTREMES))):
        yield Spot(subject, FULL_LENGTH, some, place, train, together)
    yield Spot(subject, FULL_LENGTH, SINGLE_POSITIONS[2:], MOVED, train, False)
    for length in (128, 600) if train else (64, 192, 512):
        yield Spot(subject, length, positions_of(length), OPPOSITE, train, together)
    if train == subject.trains[-1]:
        yield Spot(subject, TRAINING_LENGTH, (EARLY,), MOVED, train, together)
        if subject.wide is not None:
            yield Spot(subject.wide, WIDE_LENGTH, (EARLY,), MOVED, train, together)


def _positions(alone: bool) -> tuple[Sequence[int], Sequence[int]]:
    last = FULL_LENGTH - 1
    every = sorted({*range(0, last, 3 if alone else 1), *BOUNDARIES})
    return every, FEW[::3] if alone else FEW


def positions_of(length: int) -> list[int]:
    """An early t, one at the middle, one at no chunk boundary and the last but one; one if long."""
    late = int(0.371 * length)
    chosen = (late,) if length > LONG else (EARLY, length // 2 - 1, late, length - 2)
    return sorted({t for t in chosen if 0 <= t < length - 1})


def _row(
    name: str, subject: Subject, probe: Callable[[Spot, Worst], None], plan: Callable[..., Iterator[Spot]]
) -> CheckResult:
    worst = Worst()
    alone = mixes_batch(subject)
    leaks: set[str] = set()
    together = True
    for train in subject.trains:
        for spot in plan(subject, alone=alone, train=train):
            found = Worst()
            probe(spot if together else replace(spot, together=False), found)
            high = max(found.cases, key=lambda case: case["value"], default=None)
            if high and not high["value"] <= TOLERANCE and spot.together and together:
                together = _its_own(spot, high["t"], probe)
                if not together:  # it is the batch that is mixed, which other rows say
                    found = Worst()
                    probe(replace(spot, positions=spot.positions[::3], together=False), found)
            worst.join(found)
            if found.value is not None and not found.value <= TOLERANCE:
                leaks.add("train" if train else "eval")
                break
    more: dict[str, Any] = {"one_sequence_at_a_time": alone or not together, "leaks_in": sorted(leaks)}
    return worst.row(name, TOLERANCE, METHODS[name], "length", "width", "parameters", "mode", **more)


def _its_own(spot: Spot, t: int, probe: Callable[[Spot, Worst], None]) -> bool:
    """Whether a leak at `t` is there when no other sequence of the batch is changed or read."""
    found = Worst()
    probe(replace(spot, positions=[t], together=False, copies=len(spot.positions)), found)
    return found.value is None or not found.value <= TOLERANCE


def perturb(spot: Spot, worst: Worst) -> None:
    """Replace what comes after each position; one row of a batch each if together."""
    subject, length = spot.subject, spot.length
    for group in [list(spot.positions)] if spot.together else [[t] for t in spot.positions]:
        where = spot.where()
        x = subject.inputs(1, length, scale=spot.scale)
        changed = x.expand(max(len(group), spot.copies), -1, -1).clone()
        for row, t in enumerate(group):
            other = subject.inputs(1, length, seed=t + 2, scale=3.0 * spot.scale)
            changed[row, t + 1 :] = other[0, t + 1 :]
        try:
            before, after = _before_and_after(spot, x, changed)
        except Exception as error:
            worst.skip(error_text(error), **where)
            continue
        if not finite(before):
            worst.skip("output not finite", **where)
            continue
        for row, t in enumerate(group):
            old, new = before[row, : t + 1], after[row, : t + 1]
            value = difference(old, new, scale_of(before[row]))
            more = {**where, "t": t, "batch": len(group)}
            value = above_rounding(subject, value, changed, place=spot.place, train=spot.train, where=more)
            worst.add(value, first_changed_output=_first_changed(old, new), **more)


def _before_and_after(spot: Spot, x: Tensor, changed: Tensor) -> tuple[Tensor, Tensor]:
    """Outputs (rows, length, D) for the unchanged input and for each row of `changed`.

    The unchanged input is one more row of the same batch, unless one sequence alone must not meet a larger
    batch, or the output is random: other rows then draw other masks, so two calls with one seed.
    """
    subject, place, train = spot.subject, spot.place, spot.train
    if not spot.together or is_random(subject, train=train):
        before = subject.run(x.expand_as(changed).contiguous(), place=place, train=train)
        return before, subject.run(changed, place=place, train=train)
    output = subject.run(torch.cat([x, changed]), place=place, train=train)
    return output[:1].expand_as(output[1:]), output[1:]


def jacobian(spot: Spot, worst: Worst) -> None:
    """Gradients of the outputs at the positions; one row of a batch each if together."""
    for group in [list(spot.positions)] if spot.together else [[t] for t in spot.positions]:
        where = spot.where()
        try:
            gradient = output_gradient(spot, group)
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
            more = {**where, "t": t, "batch": len(group)}
            x = spot.subject.inputs(1, spot.length, scale=spot.scale)
            value = above_rounding(spot.subject, value, x, place=spot.place, train=spot.train, where=more)
            worst.add(value, input=source, **more)


def output_gradient(spot: Spot, positions: Sequence[int]) -> Tensor:
    """Gradient to the input, (rows, length, D): row i is that of the output at positions[i] of row i."""
    subject = spot.subject
    x = subject.inputs(1, spot.length, scale=spot.scale)
    x = x.expand(max(len(positions), spot.copies), -1, -1).clone().requires_grad_(True)
    module = subject.fresh(spot.place, dtype=x.dtype, train=spot.train)
    output = subject.call(module, x)
    projection = subject.inputs(1, spot.length, seed=5)[0]
    at = torch.tensor(list(positions))
    picked = output[torch.arange(len(positions)), at]
    (gradient,) = torch.autograd.grad((picked * projection[at]).sum(), x, allow_unused=True)
    return gradient if gradient is not None else torch.zeros_like(x)


def _first_changed(old: Tensor, new: Tensor) -> int | None:
    """The first position whose output changed, or None."""
    changed = ((old - new).abs().amax(-1) > TOLERANCE * scale_of(old)).nonzero()
    return int(changed[0]) if changed.numel() else None
