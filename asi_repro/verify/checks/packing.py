"""Packed samples: does `cu_seqlens` keep the samples that are laid end to end apart?"""

from __future__ import annotations

from itertools import pairwise

import torch

from asi_repro.verify.closeness import RELATIVE, Worst, difference, error_text, scale_of
from asi_repro.verify.probes import TOLERANCE, above_rounding, is_random
from asi_repro.verify.results import CheckResult, not_run
from asi_repro.verify.subject import MOVED, OPPOSITE, Parameters, Subject

ARGUMENT = "cu_seqlens"
# Samples that end at, before and after the usual chunk boundaries.
PACKS = (((41, 23, 36), MOVED), ((64, 33), OPPOSITE), ((1, 7, 128, 5), MOVED), ((50,), MOVED))
METHOD = (
    "Samples laid end to end as one sequence with cu_seqlens, fp64: largest difference of each from itself "
    "alone, relative to the largest output."
)


def check(subject: Subject) -> list[CheckResult]:
    """Row `packed_samples`; "not run" where the program's text has no `cu_seqlens`."""
    reason = None
    if ARGUMENT not in subject.text:
        reason = f"the program does not take {ARGUMENT}"
    elif is_random(subject):
        reason = "the output is random in eval mode"
    if reason:
        return [not_run("packed_samples", reason, threshold=TOLERANCE, unit=RELATIVE, method=METHOD)]
    worst = Worst()
    for lengths, place in PACKS:
        if worst.value is not None and not worst.value <= TOLERANCE:
            break  # settled
        try:
            _probe(subject, worst, lengths, place)
        except Exception as error:
            worst.skip(error_text(error), samples=list(lengths), parameters=place.name)
    return [worst.row("packed_samples", TOLERANCE, METHOD, "samples")]


def _probe(subject: Subject, worst: Worst, lengths: tuple[int, ...], place: Parameters) -> None:
    ends = torch.tensor([0, *lengths]).cumsum(0)
    x = subject.inputs(1, int(ends[-1]))
    where = {"samples": list(lengths), "parameters": place.name}
    packed = worst.output(lambda: subject.run(x, place=place, cu_seqlens=ends.to(torch.int32)), **where)
    if packed is None:
        return
    for number, (start, end) in enumerate(pairwise(ends.tolist())):
        alone = subject.run(x[:, start:end].contiguous(), place=place)
        value = difference(packed[:, start:end], alone, scale_of(packed))
        worst.add(above_rounding(subject, value, x, place=place), sample=number, **where)
