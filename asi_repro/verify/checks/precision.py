"""Precision: does bf16 hold late in a sequence as it does early?

Positions counted in bf16 are whole numbers up to 256 only; a cumulative sum in bf16 stops growing. Both are
right at the start of a sequence and wrong at its end.
"""

from __future__ import annotations

import torch

from asi_repro.verify.closeness import Worst, error_text, finite
from asi_repro.verify.probes import is_random
from asi_repro.verify.program_text import TRAINING_LENGTH
from asi_repro.verify.results import CheckResult, not_run
from asi_repro.verify.subject import INITIAL, MOVED, Subject

EARLY = 128
# Error of the late outputs relative to their size: 0.03 is usual, 1.4 that of an unrelated output.
THRESHOLD = 0.35
# No fault of the position where the early outputs are as far off.
GROWTH = 4.0
METHOD = (
    f"One sequence of {TRAINING_LENGTH} tokens with bf16 weights against the same weights in fp64, eval "
    f"mode: error of the last {EARLY} outputs relative to their size, where it is more than {GROWTH:g} times "
    f"that of the first {EARLY}."
)


def check(subject: Subject) -> list[CheckResult]:
    """Row `bf16_positions`."""
    unit = "relative error"
    if is_random(subject):
        reason = "the output is random in eval mode"
        return [not_run("bf16_positions", reason, threshold=THRESHOLD, unit=unit, method=METHOD)]
    worst = Worst()
    for place in (INITIAL, MOVED):
        where = {"parameters": place.name, "length": TRAINING_LENGTH}
        try:
            narrow = subject.fresh(place, dtype=torch.bfloat16)
            wide = subject.fresh(place)
            wide.load_state_dict(narrow.state_dict(), strict=False)  # the same rounded weights
            x = subject.inputs(1, TRAINING_LENGTH, dtype=torch.bfloat16)
            with torch.no_grad():
                got, right = subject.call(narrow, x).double(), subject.call(wide, x.double())
        except Exception as error:
            worst.skip(error_text(error), **where)
            continue
        if not finite(got, right):
            worst.skip("output not finite", **where)
            continue
        error_by_token = (got - right).norm(dim=-1)[0]
        size = right.norm(dim=-1)[0]
        early, late = (
            float(error_by_token[part].norm() / size[part].norm().clamp_min(1e-12))
            for part in (slice(8, EARLY), slice(-EARLY, None))
        )
        worst.add(late if late > GROWTH * early else 0.0, early=early, late=late, **where)
    return [worst.row("bf16_positions", THRESHOLD, METHOD, "length", "parameters", unit=unit)]
