"""Training: do further steps run, and is all that was learned and counted in a checkpoint?"""

from __future__ import annotations

import contextlib
import copy

import torch
from torch import Tensor, nn

from asi_repro.verify.closeness import RELATIVE, Worst, difference, error_text, finite, scale_of
from asi_repro.verify.probes import is_random
from asi_repro.verify.results import CheckResult, at_most, not_run
from asi_repro.verify.subject import EXTREMES, INITIAL, MOVED, Parameters, Subject

STEPS = 3
# Another length at every step, as a last batch has.
LENGTHS = (70, 33, 128)
STEP_SIZE = 1e-2
TOLERANCE = 1e-9
METHODS = {
    "training_steps": (
        f"{STEPS} steps of gradient descent on one module, fp64, the batch's length changing: steps that "
        "fail, or end with a number that is not finite."
    ),
    "checkpoint": (
        f"Outputs in eval and in training mode of a module that has trained for {STEPS} steps, and of a new "
        "one that loads its state_dict, fp64, same seed, relative to the largest output."
    ),
}


def check(subject: Subject) -> list[CheckResult]:
    """Rows `training_steps` and `checkpoint`."""
    failed: list[dict[str, str]] = []
    worst = Worst()
    for place in (INITIAL, MOVED):
        module = subject.fresh(place, train=True)
        problem = _train(subject, module)
        if problem:
            failed.append({"parameters": place.name, "error": problem})
            continue
        try:
            _restore(subject, worst, module, place)
        except Exception as error:
            worst.skip(error_text(error), parameters=place.name)
    for place in EXTREMES[2:4]:  # what a schedule limits may only show with a gate beyond the limit
        if worst.value is not None and worst.value <= TOLERANCE:
            with contextlib.suppress(Exception):
                module = subject.fresh(place, train=True)
                if _train(subject, module) is None:
                    _restore(subject, worst, module, place)
    tried = {"length": list(LENGTHS), "parameters": [INITIAL.name, MOVED.name]}
    steps = at_most(
        "training_steps",
        len(failed),
        0,
        unit="failed runs of 2",
        method=METHODS["training_steps"],
        detail={"failed": failed, "tried": tried},
    )
    method, reason = METHODS["checkpoint"], "training fails"
    if failed and worst.value is None:
        return [steps, not_run("checkpoint", reason, threshold=TOLERANCE, unit=RELATIVE, method=method)]
    return [steps, worst.row("checkpoint", TOLERANCE, method, "mode", "parameters")]


def _train(subject: Subject, module: nn.Module) -> str | None:
    """Train `module` for some steps; what went wrong, or None."""
    for step, length in enumerate(LENGTHS):
        try:
            output = subject.call_full(module, subject.inputs(2, length, seed=step), seed=step)[0]
            loss = (output - subject.inputs(2, length, seed=step + 50)).square().mean()
            module.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
        except Exception as error:
            return f"step {step + 1}: {error_text(error)}"
        named = [(name, p) for name, p in module.named_parameters() if p.grad is not None]
        if not finite(output) or not finite(*(p.grad for _, p in named if p.grad is not None)):
            return f"step {step + 1}: not finite"
        with torch.no_grad():
            size = torch.stack([p.grad.square().sum() for _, p in named if p.grad is not None]).sum().sqrt()
            for _, parameter in named:
                assert parameter.grad is not None
                parameter.sub_(STEP_SIZE * parameter.grad / max(float(size), 1e-3))
    return None


def _restore(subject: Subject, worst: Worst, trained: nn.Module, place: Parameters) -> None:
    """Compare a trained module with a new one that loads its checkpoint."""
    for train in (False, True):
        if not train and is_random(subject):
            continue
        where = {"mode": "train" if train else "eval", "parameters": place.name}
        fresh = subject.fresh(INITIAL, train=train)
        # Saved anew for each mode: the comparison before may have moved a counter that is saved.
        fresh.load_state_dict(copy.deepcopy(trained.state_dict()))
        x = subject.inputs(2, LENGTHS[0], seed=8)
        before = _output(subject, trained.train(train), x)
        if not finite(before):
            worst.skip("output not finite", **where)
            continue
        worst.add(difference(_output(subject, fresh, x), before, scale_of(before)), **where)


def _output(subject: Subject, module: nn.Module, x: Tensor) -> Tensor:
    with torch.no_grad():
        return subject.call(module, x)
