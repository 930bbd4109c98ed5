"""Facts about a program that decide how other checks may probe it; each found once per subject."""

from __future__ import annotations

import torch

from asi_repro.verify.compare import difference, finite, scale_of
from asi_repro.verify.subject import INITIAL, MOVED, Parameters, Subject

# fp64 rounding through a whole program stays near 1e-13; a dependence that is there shows far above this.
TOLERANCE = 1e-9


def is_random(subject: Subject) -> bool:
    """Whether two fresh copies in eval mode differ when only the random seed does."""
    if "random" not in subject.facts:
        x = subject.inputs(2, 48)
        first, second = subject.run(x, seed=1), subject.run(x, seed=2)
        subject.facts["random"] = not torch.equal(torch.nan_to_num(first), torch.nan_to_num(second))
    return subject.facts["random"]


def mixes_batch(subject: Subject) -> bool:
    """Whether a sequence's output changes with its neighbours (if so, probes must not share a batch)."""
    if "mixes" not in subject.facts:
        subject.facts["mixes"] = any(
            _neighbours_matter(subject, length, place)
            for length, place in ((40, INITIAL), (64, MOVED), (70, MOVED))
        )
    return subject.facts["mixes"]


def _neighbours_matter(subject: Subject, length: int, place: Parameters) -> bool:
    x = subject.inputs(4, length)
    other = x.clone()
    other[1:] = subject.inputs(3, length, seed=9)
    try:
        before = subject.run(x, place=place)[0]
        after = subject.run(other, place=place)[0]
    except Exception:  # a program that cannot take a batch of four is probed one sequence at a time
        return True
    if not finite(before, after):
        return False
    return difference(before, after, scale_of(before)) > TOLERANCE
