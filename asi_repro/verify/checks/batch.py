"""Batch independence: is a sequence's output its own, whatever else is in the batch?"""

from __future__ import annotations

import torch
from torch import Tensor

from asi_repro.verify.closeness import Worst, difference, error_text, finite, scale_of
from asi_repro.verify.probes import TOLERANCE, above_rounding, is_random
from asi_repro.verify.results import CheckResult
from asi_repro.verify.subject import EXTREMES, INITIAL, MOVED, OPPOSITE, Parameters, Subject

PROBES = ((1, MOVED), (33, INITIAL), (64, MOVED), (100, OPPOSITE), (70, EXTREMES[2]), (70, EXTREMES[3]))
TRAINING = ((64, MOVED), (70, INITIAL), (33, OPPOSITE), (70, EXTREMES[2]), (70, EXTREMES[3]))
BATCHES = (2, 3, 4, 8)
BATCH = 3
WIDE_LENGTH = 33
ROWS = ("batch_independence", "batch_independence_train")
METHOD = (
    "Batches of 2, 3, 4 and 8, fp64: change of sequence 0 when the others are replaced, gradient to the "
    "others, and difference of each sequence from itself alone; the largest, relative to the largest output."
)
METHOD_TRAIN = (
    "As in eval mode, in training mode with the same seed; alone only where training is not random. Where "
    "the text cannot tell the modes apart, the probes in eval mode and one in training mode."
)


def check(subject: Subject) -> list[CheckResult]:
    """Rows `batch_independence` (eval mode) and `batch_independence_train`."""
    rows = []
    done: Worst | None = None
    for name, train, method in ((ROWS[0], False, METHOD), (ROWS[1], True, METHOD_TRAIN)):
        worst = Worst()
        if done is not None and train not in subject.trains:
            worst.join(done)
        try:
            _probe(subject, worst, train)
        except Exception as error:
            worst.skip(error_text(error))
        done = worst
        rows.append(worst.row(name, TOLERANCE, method, "length", "batch", "parameters", "width"))
    return rows


def _probe(subject: Subject, worst: Worst, train: bool) -> None:
    random = is_random(subject, train=train)  # noise is drawn for the whole batch, so alone it is other noise
    probes = TRAINING if train else PROBES
    # Where the text cannot tell the modes apart, one probe of training is enough beside those of eval mode.
    for number, (length, place) in enumerate(probes if train in subject.trains else probes[:1]):
        batch = BATCHES[number % len(BATCHES)]
        together = _neighbours(subject, worst, batch, length, place, train=train)
        if not train or number == 0:
            _gradient(subject, worst, length, place, train=train)
        if not random and together is not None:
            _alone(subject, worst, together, length, place, train=train)
        if worst.value is not None and worst.value > TOLERANCE:
            return
    wide = subject.wide if not random and subject.trains[-1] == train else None
    if wide is not None:
        together = wide.run(wide.inputs(2, WIDE_LENGTH), place=MOVED, train=train)
        if finite(together):
            _alone(wide, worst, together, WIDE_LENGTH, MOVED, train=train)


def _neighbours(
    subject: Subject, worst: Worst, batch: int, length: int, place: Parameters, *, train: bool
) -> Tensor | None:
    """Replace all but the first; the output before, of shape (batch, length, D), or None."""
    where = {"how": "others replaced", "length": length, "parameters": place.name, "batch": batch}
    x = subject.inputs(batch, length)
    other = x.clone()
    other[1:] = subject.inputs(batch - 1, length, seed=9, scale=3.0)
    try:
        before = subject.run(x, place=place, train=train)
        after = subject.run(other, place=place, train=train)
    except Exception as error:
        worst.skip(error_text(error), **where)
        return None
    if not finite(before):
        worst.skip("output not finite", **where)
        return None
    value = difference(before[0], after[0], scale_of(before))
    worst.add(above_rounding(subject, value, x, place=place, train=train), **where)
    return before


def _gradient(subject: Subject, worst: Worst, length: int, place: Parameters, *, train: bool) -> None:
    where = {"how": "gradient to others", "length": length, "parameters": place.name, "batch": BATCH}
    x = subject.inputs(BATCH, length).requires_grad_(True)
    try:
        output = subject.call(subject.fresh(place, train=train), x)
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


def _alone(
    subject: Subject, worst: Worst, together: Tensor, length: int, place: Parameters, *, train: bool
) -> None:
    batch = len(together)
    where = {"how": "alone", "length": length, "parameters": place.name, "batch": batch}
    where["width"] = subject.hidden_size
    x = subject.inputs(batch, length)
    try:
        for row in sorted({0, 1, batch - 1}):
            alone = subject.run(x[row : row + 1].contiguous(), place=place, train=train)
            value = difference(together[row], alone[0], scale_of(together))
            worst.add(above_rounding(subject, value, x, place=place, train=train), sequence=row, **where)
    except Exception as error:
        worst.skip(error_text(error), **where)
