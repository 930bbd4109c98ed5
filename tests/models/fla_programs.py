"""One program's output and gradients, for comparing whole programs between two sets of fla modules."""

from __future__ import annotations

from contextlib import nullcontext
from unittest import mock

import torch
from torch import Tensor

from asi_repro.models.program import load_program, mixer_output


def run_program(
    source: str, *, gated: bool, compiled: bool = True, width: int = 32, length: int = 70
) -> dict[str, Tensor]:
    """Outputs without and with padding, and gradients, of one mixer in float32, from fixed seeds."""
    # The interpreter's kernels cannot be traced, so programs must not compile around them.
    with nullcontext() if compiled else mock.patch("torch.compile", lambda f=None, **_: f or (lambda g: g)):
        program = load_program(source)
    module = program.build(width, 2, seed=3, use_gate=gated)
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, length, width, generator=generator).requires_grad_()
    mask = torch.ones(2, length, dtype=torch.long)
    mask[0, :9] = 0
    outputs = {
        "output": mixer_output(module(x)).hidden_states,
        "masked": mixer_output(module(x, attention_mask=mask)).hidden_states,
    }
    loss = sum((y * torch.randn(y.shape, generator=generator)).sum() for y in outputs.values())
    assert isinstance(loss, Tensor)
    loss.backward()
    assert x.grad is not None
    gradients = {
        f"grad_{name}": parameter.grad
        for name, parameter in module.named_parameters()
        if parameter.grad is not None
    }
    return {**{name: y.detach() for name, y in outputs.items()}, "grad_input": x.grad, **gradients}
