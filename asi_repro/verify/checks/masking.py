"""attention_mask: does it keep padding, and the other sequences of the batch, out of a sequence's output?

The release's programs take a mask of shape (B, L) and strip padding by laying all kept tokens end to end
as one sequence. What runs over that one sequence and does not know where samples end carries state from
one sample into the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from asi_repro.verify.closeness import RELATIVE, Worst, difference, error_text, finite, scale_of
from asi_repro.verify.probes import TOLERANCE, above_rounding, is_random, mixes_batch
from asi_repro.verify.results import CheckResult, at_most, not_run
from asi_repro.verify.subject import EXTREMES, MOVED, Parameters, Subject

LENGTH = 70
KEPT = (70, 41, 64)
# At the paper's width, where a token costs most.
WIDE_KEPT = (33, 20)
# Kept tokens by batch; no batch is sorted by length, so that one that is sorted and left so shows.
BATCHES = (KEPT, (20, 70), (50, 7, 64, 70), (41, 70, 5, 33, 64, 1, 66, 32))
PLACES = (MOVED, EXTREMES[2], EXTREMES[3])
SIDES = ("left", "right")


@dataclass(frozen=True)
class Spot:
    """Where a probe stands: the program at a width, the side padded, parameters, mode, tokens kept."""

    subject: Subject
    side: str
    place: Parameters
    train: bool
    kept: tuple[int, ...] = KEPT

    def where(self) -> dict[str, Any]:
        """What a result says of it."""
        mode = "train" if self.train else "eval"
        width = self.subject.hidden_size
        return {"padding": self.side, "parameters": self.place.name, "mode": mode, "width": width}

    @cached_property
    def before(self) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs, mask and output of the padded batch that the probes change."""
        x = self.subject.inputs(len(self.kept), self.kept[0])
        mask = mask_for(self.side, self.kept, self.kept[0])
        return x, mask, self.run(x, mask)

    def run(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """The output of a fresh module."""
        return self.subject.run(x, mask, place=self.place, train=self.train)


Probe = Callable[[Spot, Worst], None]
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
        "Batches of 2, 3, 4 and 8 with a mask, fp64: largest change of a sequence's kept outputs when "
        "another is replaced, and largest difference of each from itself alone under its mask, relative to "
        "the largest output."
    ),
    "mask_equivalence": (
        "One sequence, fp64: with an all-ones mask, and padded left or right under its mask, against the "
        "same sequence without mask and padding, relative to the largest output."
    ),
}


def check(subject: Subject) -> list[CheckResult]:
    """Rows `mask_runs`, `padding_isolation`, `mask_sample_isolation`, `mask_equivalence`."""
    padding, samples, equivalence = Worst(), Worst(), Worst()
    probes = ((padding, _padding), (samples, _samples), (samples, _alone), (equivalence, _equivalence))
    for train in subject.trains:
        for place in PLACES:
            for side in SIDES:
                spot = Spot(subject, side, place, train)
                for worst, probe in probes:
                    _try(worst, probe, spot)
            _try(equivalence, _all_ones, Spot(subject, "none", place, train))
    if subject.wide is not None:
        spot = Spot(subject.wide, "left", MOVED, False, WIDE_KEPT)
        for worst, probe in probes[:3]:
            _try(worst, probe, spot)
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


def _try(worst: Worst, probe: Probe, spot: Spot) -> None:
    """One probe, unless the row's verdict is settled."""
    if worst.value is not None and not worst.value <= TOLERANCE:
        return
    try:
        probe(spot, worst)
    except Exception as error:
        worst.skip(error_text(error), **spot.where())


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
    tried = ("padding", "batch", "parameters", "mode", "width")
    return worst.row(name, TOLERANCE, METHODS[name], *tried)


def _skipped(name: str, reason: str) -> CheckResult:
    return not_run(name, reason, threshold=TOLERANCE, unit=RELATIVE, method=METHODS[name])


def _runs(subject: Subject) -> CheckResult:
    errors = []
    for kept in (KEPT, KEPT[1:2]):
        for side in ("none", *SIDES):
            mask = mask_for(side, kept)
            if side == "none":
                mask = torch.ones_like(mask)
            try:
                subject.run(subject.inputs(len(kept), LENGTH), mask)
            except NotImplementedError as error:  # it says itself that it takes no mask
                return _skipped("mask_runs", error_text(error))
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


def _compare(spot: Spot, worst: Worst, before: Tensor, after: Tensor, at: Tensor, **where: Any) -> None:
    """Add the difference at the positions `at`."""
    where = {**spot.where(), **where}
    if not finite(before[at]):
        worst.skip("output not finite", **where)
        return
    value = difference(before[at], after[at], scale_of(before[at]))
    x = spot.subject.inputs(1, at.shape[1])
    worst.add(above_rounding(spot.subject, value, x, place=spot.place, train=spot.train), **where)


def _padding(spot: Spot, worst: Worst) -> None:
    x, mask, before = spot.before
    kept = mask.bool()
    other = torch.where(kept[..., None], x, spot.subject.inputs(*mask.shape, seed=9, scale=3.0))
    _compare(spot, worst, before, spot.run(other, mask), kept)


def _samples(spot: Spot, worst: Worst) -> None:
    x, mask, before = spot.before
    other = x.clone()
    other[0] = spot.subject.inputs(1, mask.shape[1], seed=9, scale=3.0)[0]
    where = {"how": "another replaced", "batch": len(x)}
    _compare(spot, worst, before[1:], spot.run(other, mask)[1:], mask[1:].bool(), **where)


def _alone(spot: Spot, worst: Worst) -> None:
    """Each sequence of each batch against itself alone; noise is drawn for the whole batch, so not then."""
    if is_random(spot.subject, train=spot.train):
        return
    several = spot.place is MOVED and spot.kept is KEPT
    for kept in BATCHES if several else (spot.kept,):
        x, mask, together = spot.before
        if kept is not spot.kept:
            x, mask = spot.subject.inputs(len(kept), LENGTH), mask_for(spot.side, kept)
            together = spot.run(x, mask)
        for row in range(len(kept)):
            alone = spot.run(x[row : row + 1].contiguous(), mask[row : row + 1])
            where = {"how": "alone", "batch": len(kept), "sequence": row, "kept": kept[row]}
            _compare(spot, worst, together[row : row + 1], alone, mask[row : row + 1].bool(), **where)
            if worst.value is not None and worst.value > TOLERANCE:
                return


def _equivalence(spot: Spot, worst: Worst) -> None:
    if is_random(spot.subject, train=spot.train):
        return
    for count in (41, 64):
        mask = mask_for(spot.side, (count,))
        kept = mask.bool()
        x = spot.subject.inputs(1, LENGTH)
        alone = spot.run(x[:, kept[0]].contiguous())
        padded = spot.run(x, mask)[:, kept[0]]
        _compare(spot, worst, alone, padded, torch.ones(alone.shape[:2], dtype=torch.bool), kept=count)


def _all_ones(spot: Spot, worst: Worst) -> None:
    if is_random(spot.subject, train=spot.train):
        return
    x = spot.subject.inputs(1, LENGTH)
    mask = torch.ones(1, LENGTH, dtype=torch.long)
    _compare(spot, worst, spot.run(x), spot.run(x, mask), mask.bool())
