"""Outputs and gradients of programs and baselines, to compare two sets of fla modules or two devices."""

from __future__ import annotations

import dataclasses

import torch
from torch import Tensor, nn

from asi_repro.models.baselines import load_baseline
from asi_repro.models.program import load_program, mixer_output

BASELINES_IN_FLA = ("delta_net", "gated_delta_net", "mamba2")


def run_program(
    source: str,
    *,
    gated: bool = False,
    backend: str = "auto",
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    width: int = 32,
    length: int = 70,
) -> dict[str, Tensor]:
    """Outputs without and with padding, and gradients, of one mixer, on the CPU, from fixed seeds.

    Args:
        source: the program's text; it is executed.
        gated: turn on the gated norm of programs that have one.
        backend: "cpu" for this project's torch modules, "fla" for fla's kernels.
    """
    module = load_program(source, backend=backend).build(width, 2, seed=3, use_gate=gated, dtype=dtype)
    module.to(device)
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, length, width, generator=generator).to(device, dtype).requires_grad_()
    mask = torch.ones(2, length, dtype=torch.long, device=device)
    mask[0, :9] = 0
    outputs = {
        "output": mixer_output(module(x)).hidden_states,
        "masked": mixer_output(module(x, attention_mask=mask)).hidden_states,
    }
    return {**outputs_of(outputs), **_gradients(outputs, x, module, generator)}


def run_baseline(
    name: str,
    layer: nn.Module | None = None,
    *,
    device: str = "cpu",
    dtype: torch.dtype = torch.float32,
    length: int = 40,
    train: bool = False,
) -> dict[str, Tensor]:
    """Output of a baseline, or of fla's `layer` given the baseline's weights; its gradients too with `train`.

    In eval mode up to 64 tokens take fla's recurrent kernels, which run in float32. Those of a training take
    16 bit only.
    """
    baseline = load_baseline(name, backend="cpu").build(64, 2, seed=1, dtype=dtype)
    if layer is not None:
        # transformers' Mamba2 sits one level down in ours.
        weights = {key.removeprefix("mixer."): value for key, value in baseline.state_dict().items()}
        layer.to(dtype=dtype).load_state_dict(weights)
    module = (layer or baseline).to(device).train(train)
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(2, length, 64, generator=generator).to(device, dtype).requires_grad_(train)
    with torch.set_grad_enabled(train):
        result = module(x)
    output = {f"baseline_{name}/output": result[0] if isinstance(result, tuple) else result}
    # Parameters have other names in transformers' Mamba2; the input's gradient goes through all of them.
    gradient = {"grad_input": _gradients(output, x, nn.Identity(), generator)["grad_input"]} if train else {}
    return {**outputs_of(output), **gradient}


def fla_layer(name: str) -> nn.Module:
    """The layer of fla itself for a baseline, of the size that `run_baseline` uses."""
    return dataclasses.replace(load_baseline(name, backend="cpu"), backend="fla").build(64, 2)


def outputs_of(outputs: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: y.detach().cpu() for name, y in outputs.items()}


def _gradients(
    outputs: dict[str, Tensor], x: Tensor, module: nn.Module, generator: torch.Generator
) -> dict[str, Tensor]:
    """Gradients of a random weighting of all outputs."""
    loss = sum(
        (y * torch.randn(y.shape, generator=generator).to(y.device, y.dtype)).sum() for y in outputs.values()
    )
    assert isinstance(loss, Tensor)
    loss.backward()  # type: ignore[no-untyped-call]
    leaves = {"input": x, **dict(module.named_parameters())}
    return outputs_of({f"grad_{name}": leaf.grad for name, leaf in leaves.items() if leaf.grad is not None})
