"""Prefix consistency: is the output at t the one that the sequence cut after t gives?

A program can be causal at every fixed length and still fail here, for instance where it divides by the
length: training on long sequences and generating token by token then compute different functions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from asi_repro.verify.closeness import RELATIVE, Worst, difference, scale_of
from asi_repro.verify.probes import above_rounding, is_random
from asi_repro.verify.program_text import LONGEST, TRAINING_LENGTH, around_constants
from asi_repro.verify.results import CheckResult, not_run
from asi_repro.verify.subject import MOVED, OPPOSITE, Parameters, Subject

# A cut changes shapes, so kernels may sum in another order: looser than where shapes stay.
TOLERANCE = 1e-8
PROBES = (
    (70, MOVED, (1, 2, 8, 17, 31, 32, 33, 48, 63, 64, 65, 69)),
    (129, OPPOSITE, (1, 5, 32, 64, 96, 100, 128)),
    (600, MOVED, (512,)),
)
IN_TRAINING = ((129, MOVED, (1, 17, 32, 64, 100)),)
ENOUGH = 4
METHOD = (
    "The sequence cut after t, fp64, both modes: largest difference from the outputs of the full sequence "
    "up to t, relative to the largest output."
)
Probe = tuple[int, Parameters, Sequence[int]]


def check(subject: Subject) -> list[CheckResult]:
    """Row `prefix_consistency`."""
    name, reason = "prefix_consistency", "the output is random in eval mode"
    if is_random(subject):
        return [not_run(name, reason, threshold=TOLERANCE, unit=RELATIVE, method=METHOD)]
    worst = Worst()
    for length, place, cuts in _plan(subject):
        _probe(subject, worst, length, place, cuts, train=False)
    if subject.trains[-1] and not is_random(subject, train=True):
        for length, place, cuts in IN_TRAINING:
            _probe(subject, worst, length, place, cuts, train=True)
    above = sorted({case["cut"] for case in worst.cases if not case["value"] <= TOLERANCE})
    tried = ("length", "cut", "parameters", "mode")
    return [worst.row(name, TOLERANCE, METHOD, *tried, cuts_above_threshold=above)]


def _plan(subject: Subject) -> Iterator[Probe]:
    """The probes; the longest is cut at the training length and around every constant of the text."""
    yield from PROBES
    cuts = sorted({1024, TRAINING_LENGTH, *(c for c in around_constants(subject.text) if c > 2)})
    short = [cut for cut in cuts if cut <= TRAINING_LENGTH]
    yield TRAINING_LENGTH + 1, MOVED, short
    if len(cuts) > len(short):
        yield LONGEST, MOVED, cuts[len(short) :: 3]


def _probe(
    subject: Subject, worst: Worst, length: int, place: Parameters, cuts: Sequence[int], *, train: bool
) -> None:
    where = {"length": length, "parameters": place.name, "mode": "train" if train else "eval"}
    x = subject.inputs(1, length)
    full = worst.output(lambda: subject.run(x, place=place, train=train), **where)
    if full is None:
        return
    failed = 0
    for cut in cuts:
        if failed >= ENOUGH and length > 600:
            return
        start = x[:, :cut].contiguous()
        part = worst.output(partial(subject.run, start, place=place, train=train), cut=cut, **where)
        if part is None:
            continue
        value = difference(full[:, :cut], part, scale_of(full))
        value = above_rounding(subject, value, x, place=place, train=train, tolerance=TOLERANCE, where=where)
        last = difference(full[:, cut - 1], part[:, -1], scale_of(full))
        worst.add(value, cut=cut, at_last=last, **where)
        failed += value > TOLERANCE
