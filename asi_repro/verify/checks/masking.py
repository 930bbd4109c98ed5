"""attention_mask: does it keep padding, and the other sequences of the batch, out of a sequence's output?

The release's programs take a mask of shape (B, L) and strip padding by laying all kept tokens end to end
as one sequence. What runs over that one sequence and does not know where samples end carries state from
one sample into the next.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from asi_repro.verify.compare import Worst, difference, error_text, finite, scale_of
from asi_repro.verify.probes import TOLERANCE, is_random, mixes_batch
from asi_repro.verify.results import CheckResult, at_most, not_run
from asi_repro.verify.subject import MOVED, Parameters, Subject

LENGTH = 70
KEPT = (70, 41, 64)
PLACES = (MOVED,)
SIDES = ("left", "right")
Probe = Callable[[Subject, Worst, str, Parameters], None]
ROWS = ("mask_runs", "padding_isolation", "mask_sample_isolation", "mask_equivalence")
METHODS = {
    "mask_runs": (
        "Forward with a (B, L) attention_mask, left, right and no padding, batches of 3 and 1; runs that "
        "failed."
    ),
    "padding_isolation": (
        "Padded positions replaced, fp64, left and right padding: largest change at kept positions, "
        "relative to the largest output."
    ),
    "mask_sample_isolation": (
        "Another sequence of the batch replaced while a mask is passed, fp64: largest change of a "
        "sequence's kept outputs, relative to the largest output."
    ),
    "mask_equivalence": (
        "One sequence, fp64: with an all-ones mask, and padded left or right under its mask, against the "
        "same sequence without mask and padding, relative to the largest output."
    ),
}


def check(subject: Subject) -> list[CheckResult]:
    """Rows `mask_runs`, `padding_isolation`, `mask_sample_isolation`, `mask_equivalence`."""
    padding, samples, equivalence = Worst(), Worst(), Worst()
    for place in PLACES:
        for side in SIDES:
            _try(padding, _padding, subject, side, place)
            _try(samples, _samples, subject, side, place)
            _try(equivalence, _equivalence, subject, side, place)
        _try(equivalence, _all_ones, subject, "none", place)
    rows = [_runs(subject), _row("padding_isolation", padding)]
    if mixes_batch(subject):
        # Without a mask the sequences are already mixed; the mask cannot be to blame.
        rows.append(_skipped("mask_sample_isolation", "sequences are mixed without a mask too"))
    else:
        rows.append(_row("mask_sample_isolation", samples))
    if is_random(subject):
        rows.append(_skipped("mask_equivalence", "the output is random in eval mode"))
    else:
        rows.append(_row("mask_equivalence", equivalence))
    return rows


def _try(worst: Worst, probe: Probe, subject: Subject, side: str, place: Parameters) -> None:
    try:
        probe(subject, worst, side, place)
    except Exception as error:
        worst.skip(error_text(error), padding=side, parameters=place.name)


def mask_for(side: str, kept: tuple[int, ...] = KEPT, length: int = LENGTH) -> Tensor:
    """A mask of shape (len(kept), length), 1 at the kept positions; padding on `side`."""
    mask = torch.zeros(len(kept), length, dtype=torch.long)
    for row, count in enumerate(kept):
        if side == "right":
            mask[row, :count] = 1
        else:
            mask[row, length - count :] = 1
    return mask


def _row(name: str, worst: Worst) -> CheckResult:
    return at_most(
        name,
        worst.value,
        TOLERANCE,
        unit="relative change",
        method=METHODS[name],
        detail=worst.detail(TOLERANCE),
    )


def _skipped(name: str, reason: str) -> CheckResult:
    return not_run(name, reason, threshold=TOLERANCE, unit="relative change", method=METHODS[name])


def _runs(subject: Subject) -> CheckResult:
    errors = []
    for kept in (KEPT, KEPT[1:2]):
        for side in ("none", *SIDES):
            mask = mask_for(side, kept)
            if side == "none":
                mask = torch.ones_like(mask)
            try:
                subject.run(subject.inputs(len(kept), LENGTH), mask)
            except Exception as error:
                errors.append({"batch": len(kept), "padding": side, "error": error_text(error)})
    return at_most(
        "mask_runs",
        len(errors),
        0,
        unit="failed runs of 6",
        method=METHODS["mask_runs"],
        detail={"errors": errors},
    )


def _compare(worst: Worst, before: Tensor, after: Tensor, kept: Tensor, **where: str) -> None:
    """Add the difference at the kept positions."""
    if not finite(before[kept]):
        worst.skip("output not finite", **where)
        return
    worst.add(difference(before[kept], after[kept], scale_of(before[kept])), **where)


def _padding(subject: Subject, worst: Worst, side: str, place: Parameters) -> None:
    x, mask = subject.inputs(3, LENGTH), mask_for(side)
    kept = mask.bool()
    other = torch.where(kept[..., None], x, subject.inputs(3, LENGTH, seed=9, scale=3.0))
    before, after = (subject.run(value, mask, place=place) for value in (x, other))
    _compare(worst, before, after, kept, padding=side, parameters=place.name)


def _samples(subject: Subject, worst: Worst, side: str, place: Parameters) -> None:
    x, mask = subject.inputs(3, LENGTH), mask_for(side)
    other = x.clone()
    other[0] = subject.inputs(1, LENGTH, seed=9, scale=3.0)[0]
    before, after = (subject.run(value, mask, place=place)[1:] for value in (x, other))
    _compare(worst, before, after, mask[1:].bool(), padding=side, parameters=place.name)


def _equivalence(subject: Subject, worst: Worst, side: str, place: Parameters) -> None:
    mask = mask_for(side, (41,))
    kept = mask.bool()
    x = subject.inputs(1, LENGTH)
    alone = subject.run(x[:, kept[0]].contiguous(), place=place)
    padded = subject.run(x, mask, place=place)[:, kept[0]]
    everything = torch.ones(alone.shape[:2], dtype=torch.bool)
    _compare(worst, alone, padded, everything, padding=side, parameters=place.name)


def _all_ones(subject: Subject, worst: Worst, side: str, place: Parameters) -> None:
    x = subject.inputs(1, LENGTH)
    mask = torch.ones(1, LENGTH, dtype=torch.long)
    before, after = subject.run(x, place=place), subject.run(x, mask, place=place)
    _compare(worst, before, after, mask.bool(), padding=side, parameters=place.name)
