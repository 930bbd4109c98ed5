"""Facts about a program that decide how other checks may probe it; each found once per subject."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from asi_repro.verify.closeness import difference, finite, scale_of
from asi_repro.verify.subject import INITIAL, MOVED, Parameters, Subject

# fp64 rounding through a whole program stays near 1e-13; a dependence that is there shows far above this.
TOLERANCE = 1e-9
# A change this many times what rounding the input does to the output is more than rounding.
ABOVE_ROUNDING = 100.0
# The fact of a subject that holds what another process found.
ELSEWHERE = "digest of another process"


def is_random(subject: Subject, *, train: bool = False) -> bool:
    """Whether two fresh copies differ when only the random seed does; in eval mode unless `train`."""
    name = f"random {train}"
    if name not in subject.facts:
        x = subject.inputs(2, 48)
        first, second = (
            subject.run(x, seed=seed, train=train, place=MOVED if train else INITIAL) for seed in (1, 2)
        )
        subject.facts[name] = not torch.equal(torch.nan_to_num(first), torch.nan_to_num(second))
    return bool(subject.facts[name])


def mixes_batch(subject: Subject) -> bool:
    """Whether a sequence's output changes with its neighbours (if so, probes must not share a batch)."""
    if "mixes" not in subject.facts:
        subject.facts["mixes"] = any(
            _neighbours_matter(subject, length, place)
            for length, place in ((40, INITIAL), (64, MOVED), (70, MOVED))
        )
    return bool(subject.facts["mixes"])


def above_rounding(
    subject: Subject,
    value: float,
    x: Tensor,
    *,
    place: Parameters,
    train: bool = False,
    tolerance: float = TOLERANCE,
    where: dict[str, Any] | None = None,
) -> float:
    """`value`, or 0 where it is above `tolerance` and yet no more than rounding.

    A program that computes in fp32 or complex64 although its input is fp64, or whose parameters stand where
    it amplifies rounding, changes everywhere by a little when anything changes. How much is measured: the
    input is changed in its last bits of the narrowest dtype that the forward makes.

    Args:
        where: takes a note of what was set aside.
    """
    if not tolerance < value < 1.0:
        return value
    key = (
        "rounding",
        subject.hidden_size,
        x.shape[1],
        place,
        train,
        where.get("input_scale") if where else 1,
    )
    if key not in subject.facts:
        subject.facts[key] = rounding(subject, x, place=place, train=train)
    noise = subject.facts[key]
    if value > ABOVE_ROUNDING * noise:
        return value
    if where is not None:
        where["rounding"] = value
    return 0.0


def rounding(subject: Subject, x: Tensor, *, place: Parameters, train: bool = False) -> float:
    """The largest change of the output, relative to the largest output, when `x` is rounded differently."""
    unit = _narrowest(subject)
    generator = torch.Generator().manual_seed(17)
    sign = torch.randint(2, x.shape, generator=generator).to(x.dtype) * 2 - 1
    try:
        before = subject.run(x, place=place, train=train)
        after = subject.run(x * (1 + unit * sign), place=place, train=train)
    except Exception:
        return 0.0
    change = difference(before, after, scale_of(before))
    # What is rounded after the input was read differs by as much as the dtype can hold.
    return max(change, unit) if change < 1e-2 else 0.0


class _Narrow(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the widest rounding unit among the floating tensors that operations make."""

    unit = torch.finfo(torch.float64).eps

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        out = func(*args, **dict(kwargs or {}))
        for tensor in out if isinstance(out, list | tuple) else (out,):
            if isinstance(tensor, Tensor) and (tensor.is_floating_point() or tensor.is_complex()):
                self.unit = max(self.unit, torch.finfo(tensor.dtype).eps)
        return out

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False


def _narrowest(subject: Subject) -> float:
    if "unit" not in subject.facts:
        seen = _Narrow()  # type: ignore[no-untyped-call]
        module = subject.fresh()
        try:
            with seen, torch.no_grad():
                subject.call(module, subject.inputs(1, 70))
        except Exception:
            return seen.unit
        subject.facts["unit"] = seen.unit
    return float(subject.facts["unit"])


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
    value = difference(before, after, scale_of(before))
    return above_rounding(subject, value, x, place=place) > TOLERANCE
