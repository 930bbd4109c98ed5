"""Determinism: do the same input, parameters and seed give the same bits?"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

from asi_repro.models.program import LoadedProgram, load_program
from asi_repro.verify.closeness import Worst, error_text
from asi_repro.verify.probes import ELSEWHERE
from asi_repro.verify.results import CheckResult
from asi_repro.verify.subject import MOVED, Subject

LENGTH = 70
METHOD = (
    "fp32, bit for bit, two fresh copies each: in eval mode with different random seeds (outputs), in "
    "training mode with one seed (outputs and gradients); with the program's text executed again; and, where "
    "its text has a set, a hash or an id, in another process with another hash seed; elements that differ."
)


def check(subject: Subject) -> list[CheckResult]:
    """Row `determinism`."""
    worst = Worst()
    x = subject.inputs(2, LENGTH, dtype=torch.float32)
    try:
        first, second = (subject.run(x, place=MOVED, seed=seed) for seed in (1, 2))
        worst.add(different(first, second), mode="eval", what="output")
    except Exception as error:
        worst.skip(error_text(error), mode="eval")
    try:
        runs = [_train(subject, x, seed=1), _train(subject, x, seed=1)]
        for what in ("output", "gradient"):
            worst.add(different(runs[0][what], runs[1][what]), mode="train", what=what)
        again = _train(subject, x, seed=2)["output"]
        random_in_training: bool | None = different(runs[0]["output"], again) > 0
    except Exception as error:
        worst.skip(error_text(error), mode="train")
        random_in_training = None
    for what, compare in (("loaded again", _loaded_again), ("another process", _other_process)):
        try:
            found = compare(subject, x)
        except Exception as error:
            worst.skip(error_text(error), mode="eval", what=what)
            continue
        if found is not None:
            worst.add(found, mode="eval", what=what)
    more = {"random_in_training": random_in_training}
    return [worst.row("determinism", 0, METHOD, "mode", "what", unit="elements", **more)]


def digest(subject: Subject) -> str:
    """SHA-256 of the outputs in both modes, to be compared between processes."""
    x = subject.inputs(2, LENGTH, dtype=torch.float32)
    outputs = [subject.run(x, place=MOVED, train=train).contiguous() for train in (False, True)]
    return hashlib.sha256(b"".join(output.numpy().tobytes() for output in outputs)).hexdigest()


def _loaded_again(subject: Subject, x: Tensor) -> int | None:
    """Elements that differ when the program's text is executed a second time."""
    if not isinstance(subject.source, LoadedProgram):
        return None
    again = load_program(subject.text, backend="cpu", class_name=subject.source.name)
    other = Subject(again, hidden_size=subject.hidden_size, num_heads=subject.num_heads, seed=subject.seed)
    return different(subject.run(x, place=MOVED), other.run(x, place=MOVED))


def _other_process(subject: Subject, x: Tensor) -> int | None:
    """1 where the digest that another process found is another; None where there was none."""
    elsewhere = subject.facts.get(ELSEWHERE)
    return None if elsewhere is None else int(elsewhere != digest(subject))


def different(a: Tensor, b: Tensor) -> int:
    """How many elements differ, a NaN being equal to a NaN."""
    both_nan = torch.isnan(a) & torch.isnan(b)
    return int(((a != b) & ~both_nan).sum())


def _train(subject: Subject, x: Tensor, *, seed: int) -> dict[str, Tensor]:
    x = x.clone().requires_grad_(True)
    module = subject.fresh(MOVED, dtype=x.dtype, train=True)
    output = subject.call_full(module, x, seed=seed)[0]
    (gradient,) = torch.autograd.grad(output.sum(), x, allow_unused=True)
    return {"output": output.detach(), "gradient": gradient if gradient is not None else torch.zeros_like(x)}
