"""Outputs of whole programs and baselines, for comparing two sets of fla modules."""

from __future__ import annotations

from contextlib import nullcontext
from unittest import mock

import torch
from torch import Tensor, nn

from asi_repro.models.baselines import load_baseline
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


BASELINES_IN_FLA = ("delta_net", "gated_delta_net", "mamba2")


def run_baseline(name: str, layer: nn.Module | None = None) -> dict[str, Tensor]:
    """Eval-mode output of a baseline in float32, or of fla's `layer` given the baseline's weights.

    40 tokens without gradients: fla's layers then take their recurrent kernels, which run in float32.
    """
    baseline = load_baseline(name, backend="cpu").build(64, 2, seed=1).eval()
    if layer is not None:
        # transformers' Mamba2 sits one level down in ours.
        layer.load_state_dict(
            {key.removeprefix("mixer."): value for key, value in baseline.state_dict().items()}
        )
    with torch.no_grad():
        x = torch.randn(2, 40, 64, generator=torch.Generator().manual_seed(5))
        result = (layer or baseline)(x)
    return {f"baseline_{name}/output": result[0] if isinstance(result, tuple) else result}
