"""Does the program run, and with finite numbers, at odd batch sizes and lengths in every precision?"""

from __future__ import annotations

from typing import Any

import torch

from asi_repro.verify.compare import error_text, finite
from asi_repro.verify.results import CheckResult, at_most, not_run
from asi_repro.verify.subject import INITIAL, Subject

LENGTHS = (1, 2, 31, 64, 65, 100, 128, 257)
BATCHES = (1, 2, 3, 5)
SHAPES: dict[str, tuple[tuple[int, int], ...]] = {
    "fp32": (*((2, length) for length in LENGTHS), *((batch, 65) for batch in BATCHES if batch != 2)),
    "bf16": ((2, 1), (3, 65), (1, 100)),
    "fp64": ((2, 1), (3, 65), (1, 100)),
}
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp64": torch.float64}
ROWS = ("runs_fp32", "runs_bf16", "runs_fp64", "finite_fp32", "finite_bf16", "finite_fp64")


def check(subject: Subject) -> list[CheckResult]:
    """Rows `runs_*` and `finite_*` for fp32, bf16 and fp64."""
    pairs = [_rows(subject, name) for name in DTYPES]
    return [runs for runs, _ in pairs] + [numbers for _, numbers in pairs]


def _rows(subject: Subject, name: str) -> tuple[CheckResult, CheckResult]:
    shapes = SHAPES[name]
    failed: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    total = 0
    for batch, length in shapes:
        for train in (False, True):
            total += 1
            where = {"batch": batch, "length": length, "mode": "train" if train else "eval"}
            try:
                what = not_finite(subject, batch, length, DTYPES[name], train)
            except Exception as error:
                failed.append({"error": error_text(error), **where})
                continue
            if what:
                bad.append({"not_finite": what, **where})
    lengths = sorted({length for _, length in shapes})
    method = (
        f"{name}, (batch, length) of {', '.join(f'({b}, {n})' for b, n in shapes)}: forward in eval mode, "
        "forward and backward in training mode"
    )
    detail = {"runs": total, "lengths": lengths, "failed": failed[:8]}
    runs = at_most(
        f"runs_{name}",
        len(failed),
        0,
        unit="failed runs",
        method=f"{method}; runs that failed.",
        detail=detail,
    )
    finite_name, unit = f"finite_{name}", "runs not finite"
    if len(failed) == total:
        return runs, not_run(finite_name, "no run succeeded", threshold=0, unit=unit, method=method)
    detail = {"runs": total - len(failed), "bad": bad[:8]}
    text = f"{method}; runs with a NaN or an infinity in output or gradients."
    return runs, at_most(finite_name, len(bad), 0, unit=unit, method=text, detail=detail)


def not_finite(subject: Subject, batch: int, length: int, dtype: torch.dtype, train: bool) -> list[str]:
    """What holds a NaN or an infinity after one run: "output", "input gradient", parameter names."""
    x = subject.inputs(batch, length, dtype=dtype)
    if not train:
        return [] if finite(subject.run(x)) else ["output"]
    x.requires_grad_(True)
    module = subject.fresh(INITIAL, dtype=dtype, train=True)
    output = subject.call(module, x)
    torch.autograd.backward(output.float().sum())
    gradients = {"input gradient": x.grad, **{name: p.grad for name, p in module.named_parameters()}}
    found = [] if finite(output) else ["output"]
    return found + [name for name, grad in gradients.items() if grad is not None and not finite(grad)]
