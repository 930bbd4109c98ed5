"""Prefix consistency: is the output at t the one that the sequence cut after t gives?

A program can be causal at every fixed length and still fail here, for instance where it divides by the
length: training on long sequences and generating token by token then compute different functions.
"""

from __future__ import annotations

from asi_repro.verify.compare import Worst, difference, error_text, finite, scale_of
from asi_repro.verify.probes import is_random
from asi_repro.verify.results import CheckResult, at_most, not_run
from asi_repro.verify.subject import MOVED, OPPOSITE, Subject

# A cut changes shapes, so kernels may sum in another order: looser than where shapes stay.
TOLERANCE = 1e-8
PROBES = (
    (70, MOVED, (1, 2, 8, 17, 31, 32, 33, 48, 63, 64, 65, 69)),
    (129, OPPOSITE, (1, 5, 32, 64, 96, 100, 128)),
    (600, MOVED, (512,)),
)
ROWS = ("prefix_consistency",)
METHOD = (
    "The sequence cut after t, fp64, eval mode: largest difference from the outputs of the full sequence "
    "up to t, relative to the largest output."
)


def check(subject: Subject) -> list[CheckResult]:
    """Row `prefix_consistency`."""
    if is_random(subject):
        return [
            not_run(
                "prefix_consistency",
                "the output is random in eval mode",
                threshold=TOLERANCE,
                unit="relative change",
                method=METHOD,
            )
        ]
    worst = Worst()
    for length, place, cuts in PROBES:
        where = {"length": length, "parameters": place.name}
        x = subject.inputs(1, length)
        try:
            full = subject.run(x, place=place)
        except Exception as error:
            worst.skip(error_text(error), **where)
            continue
        if not finite(full):
            worst.skip("output not finite", **where)
            continue
        for cut in cuts:
            try:
                part = subject.run(x[:, :cut].contiguous(), place=place)
            except Exception as error:
                worst.skip(error_text(error), cut=cut, **where)
                continue
            if not finite(part):
                worst.skip("output not finite", cut=cut, **where)
                continue
            value = difference(full[:, :cut], part, scale_of(full))
            last = difference(full[:, cut - 1], part[:, -1], scale_of(full))
            worst.add(value, cut=cut, at_last=last, **where)
    detail = worst.detail(TOLERANCE)
    detail["cuts_above_threshold"] = sorted({c["cut"] for c in worst.cases if not c["value"] <= TOLERANCE})
    return [
        at_most(
            "prefix_consistency",
            worst.value,
            TOLERANCE,
            unit="relative change",
            method=METHOD,
            detail=detail,
        )
    ]
