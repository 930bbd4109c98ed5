"""Batch independence: is a sequence's output its own, whatever else is in the batch?"""

from __future__ import annotations

import torch

from asi_repro.verify.compare import Worst, difference, error_text, finite, scale_of
from asi_repro.verify.probes import TOLERANCE, is_random
from asi_repro.verify.results import CheckResult, at_most
from asi_repro.verify.subject import INITIAL, MOVED, OPPOSITE, Parameters, Subject

PROBES = ((1, MOVED), (33, INITIAL), (64, MOVED), (100, OPPOSITE))
BATCH = 3
ROWS = ("batch_independence", "batch_independence_train")
METHOD = (
    "Sequence 0 of 3, fp64: change when the others are replaced, gradient to the others, and difference "
    "from the same sequence alone; the largest, relative to the largest output."
)
METHOD_TRAIN = (
    "Sequence 0 of 3 in training mode, fp64, same seed: change when the others are replaced, relative to "
    "the largest output."
)


def check(subject: Subject) -> list[CheckResult]:
    """Rows `batch_independence` (eval mode) and `batch_independence_train`."""
    worst, training = Worst(), Worst()
    for length, place in PROBES:
        _neighbours(subject, worst, length, place, train=False)
        _gradient(subject, worst, length, place)
        if not is_random(subject):  # noise is drawn for the whole batch, so alone it is other noise
            _alone(subject, worst, length, place)
    for length, place in ((64, MOVED), (70, INITIAL)):
        _neighbours(subject, training, length, place, train=True)
    return [
        at_most(
            name,
            found.value,
            TOLERANCE,
            unit="relative change",
            method=method,
            detail=found.detail(TOLERANCE),
        )
        for name, found, method in (
            ("batch_independence", worst, METHOD),
            ("batch_independence_train", training, METHOD_TRAIN),
        )
    ]


def _neighbours(subject: Subject, worst: Worst, length: int, place: Parameters, *, train: bool) -> None:
    where = {"how": "others replaced", "length": length, "parameters": place.name}
    x = subject.inputs(BATCH, length)
    other = x.clone()
    other[1:] = subject.inputs(BATCH - 1, length, seed=9, scale=3.0)
    try:
        before = subject.run(x, place=place, train=train)
        after = subject.run(other, place=place, train=train)
    except Exception as error:
        worst.skip(error_text(error), **where)
        return
    if not finite(before):
        worst.skip("output not finite", **where)
        return
    worst.add(difference(before[0], after[0], scale_of(before)), **where)


def _gradient(subject: Subject, worst: Worst, length: int, place: Parameters) -> None:
    where = {"how": "gradient to others", "length": length, "parameters": place.name}
    x = subject.inputs(BATCH, length).requires_grad_(True)
    try:
        output = subject.call(subject.fresh(place), x)
        projected = (output[0] * subject.inputs(1, length, seed=5)[0]).sum()
        (gradient,) = torch.autograd.grad(projected, x, allow_unused=True)
    except Exception as error:
        worst.skip(error_text(error), **where)
        return
    if gradient is None:
        worst.add(0.0, **where)
    elif not finite(gradient):
        worst.skip("gradient not finite", **where)
    else:
        worst.add(float(gradient[1:].abs().max()) / scale_of(gradient[0]), **where)


def _alone(subject: Subject, worst: Worst, length: int, place: Parameters) -> None:
    where = {"how": "alone", "length": length, "parameters": place.name}
    x = subject.inputs(BATCH, length)
    try:
        together = subject.run(x, place=place)
        alone = subject.run(x[:1].contiguous(), place=place)
    except Exception as error:
        worst.skip(error_text(error), **where)
        return
    if not finite(together, alone):
        worst.skip("output not finite", **where)
        return
    worst.add(difference(together[0], alone[0], scale_of(together)), **where)
