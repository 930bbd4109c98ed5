"""The state of a model that its state_dict leaves out: what a resumed training needs to go on bit for bit.

Programs count steps in plain attributes, or keep running values in buffers that are not persistent. Neither
is in `state_dict`, so a checkpoint of parameters alone would start their schedules again.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

_SCALARS = (bool, int, float)
# nn.Module's own attributes, which `train()` and `eval()` set.
_OWN = frozenset({"training", "call_super_init", "dump_patches"})
_SEPARATOR = "::"

Scalars = dict[str, dict[str, bool | int | float]]


def hidden_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Buffers that are not in state_dict, and plain tensor attributes without a graph, by `module::name`."""
    found = {}
    for place, module in model.named_modules():
        for name, buffer in module._buffers.items():
            if buffer is not None and name in module._non_persistent_buffers_set:
                found[f"{place}{_SEPARATOR}{name}"] = buffer.detach().clone().contiguous()
        for name, value in vars(module).items():
            if isinstance(value, Tensor) and value.grad_fn is None and not value.requires_grad:
                found[f"{place}{_SEPARATOR}{name}"] = value.detach().clone().contiguous()
    return found


def hidden_scalars(model: nn.Module) -> Scalars:
    """Plain numbers among the attributes of a program's modules, by module and name."""
    found: Scalars = {}
    for place, module in _mixers(model):
        numbers = {
            name: value
            for name, value in vars(module).items()
            if type(value) in _SCALARS and name not in _OWN and not name.startswith("__")
        }
        if numbers:
            found[place] = numbers
    return found


def restore_hidden(model: nn.Module, tensors: dict[str, Tensor], scalars: Scalars) -> None:
    """Put back what `hidden_tensors` and `hidden_scalars` read."""
    modules = dict(model.named_modules())
    with torch.no_grad():
        for key, value in tensors.items():
            place, _, name = key.partition(_SEPARATOR)
            here: Any = modules[place]
            before = getattr(here, name, None)
            value = value.to(before.device) if isinstance(before, Tensor) else value
            setattr(here, name, value)
    for place, numbers in scalars.items():
        for name, number in numbers.items():
            setattr(modules[place], name, number)


def changed_scalars(before: Scalars, after: Scalars) -> list[str]:
    """Names of plain numbers that training changed: the saved model does not hold them."""
    return sorted(
        f"{place}.{name}"
        for place, numbers in after.items()
        for name, number in numbers.items()
        if before.get(place, {}).get(name, number) != number or name not in before.get(place, {})
    )


def _mixers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules of token mixers: the frame's own attributes are settings, not state."""
    for place, module in model.named_modules():
        if ".mixer" in f".{place}":
            yield place, module
