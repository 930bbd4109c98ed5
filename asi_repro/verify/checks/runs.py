"""Does the program run, and with finite numbers, at odd batch sizes and lengths in every precision?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from asi_repro.verify.closeness import error_text, finite
from asi_repro.verify.program_text import TRAINING_LENGTH, around_constants
from asi_repro.verify.results import CheckResult, at_most, not_run
from asi_repro.verify.subject import INITIAL, NotTried, Subject

LENGTHS = (1, 2, 31, 64, 65, 100, 128, 257)
BATCHES = (1, 2, 3, 4, 8)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp64": torch.float64}
# fla's ShortConvolution and l2norm are made for such inputs; a language model's padding is a zero token.
Input = Literal["normal", "zero tokens", "all zero", "outlier feature"]
OUTLIER = 100.0


@dataclass(frozen=True)
class Run:
    """One run: its batch, length and mode, what kind of input, and whether at the paper's width."""

    batch: int
    length: int
    train: bool
    inputs: Input = "normal"
    wide: bool = False

    def where(self) -> dict[str, Any]:
        """What a result says of it."""
        mode = "train" if self.train else "eval"
        found: dict[str, Any] = {"batch": self.batch, "length": self.length, "mode": mode}
        found |= {"width": "the paper's"} if self.wide else {}
        return found | ({"input": self.inputs} if self.inputs != "normal" else {})


def plan(subject: Subject, name: str) -> list[Run]:
    """The runs in one precision."""
    shapes = {(2, 1), (3, 65), (1, 100)}
    if name == "fp32":
        shapes = {*((2, length) for length in LENGTHS), *((batch, 65) for batch in BATCHES)}
    # Training mode runs forward too: where the text cannot tell the modes apart, eval mode adds nothing.
    modes = (False, True) if subject.trains[-1] else (True,)
    runs = [Run(batch, length, train) for batch, length in sorted(shapes) for train in modes]
    if name == "fp64":
        return runs
    runs += [Run(1, TRAINING_LENGTH, False)]
    runs += [Run(2, 65, True, kind) for kind in ("zero tokens", "all zero", "outlier feature")]
    if name == "fp32":
        met = {run.length for run in runs}
        runs += [Run(1, length, False) for length in around_constants(subject.text) if length not in met]
        runs += [Run(1, TRAINING_LENGTH, True), Run(2, 65, False, wide=True)]
    return runs


def check(subject: Subject) -> list[CheckResult]:
    """Rows `runs_*` and `finite_*` for fp32, bf16 and fp64."""
    pairs = [_rows(subject, name) for name in DTYPES]
    return [runs for runs, _ in pairs] + [numbers for _, numbers in pairs]


def _rows(subject: Subject, name: str) -> tuple[CheckResult, CheckResult]:
    failed: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    planned = plan(subject, name)
    for run in planned:
        at = (subject.wide or subject.at_paper_width()) if run.wide else subject
        try:
            what = not_finite(at, run, DTYPES[name])
        except NotTried:
            planned = [other for other in planned if other is not run]
            continue
        except Exception as error:
            failed.append({"error": error_text(error), **run.where()})
            continue
        if what:
            bad.append({"not_finite": what, **run.where()})
    tried = {
        "length": sorted({run.length for run in planned}),
        "batch": sorted({run.batch for run in planned}),
        "input": sorted({run.inputs for run in planned}),
    }
    method = f"{name}: forward in eval mode, forward and backward in training mode"
    runs = at_most(
        f"runs_{name}",
        len(failed),
        0,
        unit="failed runs",
        method=f"{method}; runs that failed.",
        detail={"runs": len(planned), "tried": tried, "failed": failed[:8]},
    )
    finite_name, unit = f"finite_{name}", "runs not finite"
    if not planned:
        reason = "no run was one that the module is made for"
        return not_run(runs.check, reason, method=method), not_run(finite_name, reason, method=method)
    if len(failed) == len(planned):
        return runs, not_run(finite_name, "no run succeeded", threshold=0, unit=unit, method=method)
    detail = {"runs": len(planned) - len(failed), "tried": tried, "bad": bad[:8]}
    text = f"{method}; runs with a NaN or an infinity in output or gradients."
    return runs, at_most(finite_name, len(bad), 0, unit=unit, method=text, detail=detail)


def not_finite(subject: Subject, run: Run, dtype: torch.dtype) -> list[str]:
    """What holds a NaN or an infinity after one run: "output", "input gradient", parameter names."""
    x = input_of(subject, run, dtype)
    if not run.train:
        return [] if finite(subject.run(x)) else ["output"]
    x.requires_grad_(True)
    module = subject.fresh(INITIAL, dtype=dtype, train=True)
    output = subject.call(module, x)
    torch.autograd.backward(output.float().sum())
    gradients = {"input gradient": x.grad, **{name: p.grad for name, p in module.named_parameters()}}
    found = [] if finite(output) else ["output"]
    return found + [name for name, grad in gradients.items() if grad is not None and not finite(grad)]


def input_of(subject: Subject, run: Run, dtype: torch.dtype) -> Tensor:
    """The input of shape (batch, length, D) of a run."""
    x = subject.inputs(run.batch, run.length, dtype=dtype)
    if run.inputs == "zero tokens":
        x[:, run.length // 4 : run.length // 2] = 0
    elif run.inputs == "all zero":
        x.zero_()
    elif run.inputs == "outlier feature":
        x[..., 0] *= OUTLIER
    return x
