"""Cost against length: exponents of FLOPs, elements touched and peak memory, from real forwards."""

from __future__ import annotations

import gc
import math
import time
from dataclasses import replace
from typing import Any

import torch

from asi_repro.verify.closeness import error_text
from asi_repro.verify.operation_counts import Meter, measure
from asi_repro.verify.results import CheckResult, at_most, not_run
from asi_repro.verify.subject import INITIAL, Subject

LENGTHS = (128, 512, 2048, 8192)
TIMED = (512, 2048, 8192)
# Between linear (1; n log n is 1.1 at these lengths) and quadratic (2). At the probe's small width the
# quadratic part of a program outweighs the rest long before the longest length.
THRESHOLD = 1.5
# A longer length is left out where the one before foretells more than this. Counts, never clocks, decide,
# so that a certificate does not depend on how busy the machine was.
MOST_BYTES = 800_000_000
MOST_OPERATIONS = 60_000
ROWS = ("flops_exponent", "elements_exponent", "memory_exponent")
WHAT = {
    "flops_exponent": ("flops", "FLOPs by torch's formulas (products and convolutions only)"),
    "elements_exponent": ("elements", "elements touched by all operations"),
    "memory_exponent": ("peak_bytes", "peak bytes in tensors made by the forward"),
}


def check(subject: Subject) -> list[CheckResult]:
    """Rows `flops_exponent`, `elements_exponent`, `memory_exponent`."""
    modes = {"train" if train else "eval": _meters(subject, train) for train in subject.trains}
    return [_worst([_row(name, mode, *measured) for mode, measured in modes.items()]) for name in ROWS]


def _meters(subject: Subject, train: bool) -> tuple[dict[int, Meter], str | None]:
    """What was measured by length, and why no longer one was."""
    meters: dict[int, Meter] = {}
    for length in LENGTHS:
        stopped = _too_much(meters, length)
        if stopped:
            return meters, stopped
        try:
            meters[length] = _measure(subject, length, train)
        except Exception as error:
            return meters, f"length {length}: {error_text(error)}"
    return meters, None


def _worst(rows: list[CheckResult]) -> CheckResult:
    """The row of the mode that grows fastest, with all modes' exponents."""
    measured = [row for row in rows if row.value is not None]
    worst = max(measured, key=lambda row: row.value or 0.0) if measured else rows[0]
    exponents = {row.detail["mode"]: row.value for row in measured}
    return replace(worst, detail={**worst.detail, "exponent_by_mode": exponents})


def _row(name: str, mode: str, meters: dict[int, Meter], stopped: str | None) -> CheckResult:
    attribute, what = WHAT[name]
    method = (
        f"One sequence forward in fp32 at the probe's width, {what}: exponent (slope in log-log) between "
        "the two longest lengths measured, in the mode where it is larger."
    )
    if len(meters) < 2:
        reason = stopped or "too few lengths ran"
        return not_run(name, reason, threshold=THRESHOLD, unit="exponent of length", method=method)
    measured = {length: int(getattr(meter, attribute)) for length, meter in meters.items()}
    detail: dict[str, Any] = {
        "mode": mode,
        "measured": {str(length): value for length, value in measured.items()},
        "quadratic_share": quadratic_share(measured),
    }
    if stopped:
        detail["stopped"] = stopped
    if name == "flops_exponent":
        last = meters[max(meters)]
        detail["elements_without_formula"] = dict(last.without_formula.most_common(6))
    value = exponent(measured)
    return at_most(name, value, THRESHOLD, unit="exponent of length", method=method, detail=detail)


def exponent(measured: dict[int, int]) -> float | None:
    """The log-log slope between the two largest keys; None where a value is zero."""
    short, long = sorted(measured)[-2:]
    if not measured[short] or not measured[long]:
        return None
    return math.log(measured[long] / measured[short]) / math.log(long / short)


def quadratic_share(measured: dict[int, int]) -> float | None:
    """Share of c L^2 in the value at the longest length, from a + b L + c L^2 through the last three."""
    if len(measured) < 3:
        return None
    (x0, y0), (x1, y1), (x2, y2) = sorted(measured.items())[-3:]
    if not y2:
        return None
    curvature = ((y2 - y1) / (x2 - x1) - (y1 - y0) / (x1 - x0)) / (x2 - x0)
    return curvature * x2 * x2 / y2


def wall_times(subject: Subject) -> dict[str, float]:
    """Seconds of one forward without a graph at each of `TIMED`: never part of a certificate's bytes."""
    seconds: dict[str, float] = {}
    for length in TIMED:
        x = subject.inputs(1, length, dtype=torch.float32)
        module = subject.fresh(INITIAL, dtype=torch.float32)
        with torch.no_grad():
            start = time.perf_counter()
            subject.call(module, x)
            seconds[str(length)] = time.perf_counter() - start
    return seconds


def _measure(subject: Subject, length: int, train: bool) -> Meter:
    x = subject.inputs(1, length, dtype=torch.float32)
    module = subject.fresh(INITIAL, dtype=torch.float32, train=train)
    held = (x, *module.parameters(), *module.buffers())
    gc.collect()  # what waits in reference cycles must not be freed at a moment of its own
    gc.freeze()  # so that the next collection need not walk through all that the imports made
    gc.disable()
    try:
        return measure(lambda: subject.call(module, x), ignore=held)
    finally:
        gc.enable()


def _too_much(meters: dict[int, Meter], length: int) -> str | None:
    """Why `length` is not measured, foretold from the longest one so far at a quadratic's growth."""
    if not meters:
        return None
    last = max(meters)
    growth = length / last
    if meters[last].operations * growth > MOST_OPERATIONS:
        return f"length {length} would take more than {MOST_OPERATIONS} operations"
    foretold = float(meters[last].peak_bytes)
    if len(meters) > 1:
        before = sorted(meters)[-2]
        foretold *= growth ** math.log(meters[last].peak_bytes / meters[before].peak_bytes, last / before)
    else:
        foretold *= growth
    if foretold > MOST_BYTES:
        return f"length {length} would take more than {MOST_BYTES // 10**6} MB"
    return None
