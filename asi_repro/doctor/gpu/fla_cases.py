"""Inputs on which fla's kernels and this project's torch modules are compared, and how one case runs.

Every case takes an object that has the fla names, so the same code runs both sides. Numbers are drawn in
float32 on the CPU and only then moved, so both sides get the same.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor

from asi_repro.models import fla_cpu

Case = Callable[[Any, torch.Generator], dict[str, Tensor]]
CASES: dict[str, Case] = {}
NAMES = {
    "Cache": "fla.models.utils",
    "FusedRMSNormGated": "fla.modules",
    "RMSNorm": "fla.modules",
    "ShortConvolution": "fla.modules",
    "get_unpad_data": "fla.layers.utils",
    "index_first_axis": "fla.layers.utils",
    "l2norm": "fla.modules.l2norm",
    "pad_input": "fla.layers.utils",
}


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def run(name: str, fla: Any, *, device: str = "cpu", dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    """The named tensors that one case gives, on the CPU; inputs depend on the name only.

    Args:
        fla: what has the names of fla's modules (`ours` or `theirs`).
        device: where it runs.
        dtype: of parameters and inputs for which the case names none.
    """
    generator = torch.Generator().manual_seed(sum(name.encode()))
    usual = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            found = CASES[name](fla, generator)
    finally:
        torch.set_default_dtype(usual)
    return {f"{name}/{key}": value.detach().clone().cpu() for key, value in found.items()}


def ours() -> Any:
    """This project's torch modules."""
    return fla_cpu


def theirs() -> Any:
    """The modules of fla itself, on Triton's kernels.

    Raises:
        ImportError: where fla or triton is not installed.
    """
    return SimpleNamespace(**{name: getattr(import_module(module), name) for name, module in NAMES.items()})


def _random(generator: torch.Generator, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
    drawn = torch.randn(*shape, generator=generator, dtype=torch.float32, device="cpu")
    return drawn.to(torch.get_default_device(), dtype or torch.get_default_dtype())


def _randomised(module: Any, generator: torch.Generator) -> Any:
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(_random(generator, *parameter.shape))
    return module


def _backward(
    outputs: dict[str, Tensor], leaves: dict[str, Tensor], generator: torch.Generator
) -> dict[str, Tensor]:
    """The outputs, and the leaves' gradients of a random weighting of all outputs."""
    loss = sum((y.float() * _random(generator, *y.shape).float()).sum() for y in outputs.values())
    assert isinstance(loss, Tensor)
    loss.backward()  # type: ignore[no-untyped-call]
    grads = {f"grad_{name}": leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
    assert len(grads) == len(leaves), set(leaves) - {name[5:] for name in grads}
    return {**outputs, **grads}


def _parameters(module: torch.nn.Module) -> dict[str, Tensor]:
    return dict(module.named_parameters())


@case
def l2norm_plain(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    x = _random(generator, 2, 3, 37, 16)
    x[0, 0, 0] = 0
    x[0, 1] *= 1e-4
    x.requires_grad_()
    return _backward({"y": fla.l2norm(x)}, {"x": x}, generator)


@case
def l2norm_wide_row_bf16(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    x = _random(generator, 2, 5, 520, dtype=torch.bfloat16)
    return {"y": fla.l2norm(x), "y32": fla.l2norm(x, eps=1e-3, output_dtype=torch.float32)}


@case
def rms_norm(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    norm = _randomised(fla.RMSNorm(24, eps=1e-5), generator)
    x = _random(generator, 2, 33, 4, 24).requires_grad_()
    return _backward({"y": norm(x)}, {"x": x, **_parameters(norm)}, generator)


@case
def rms_norm_bias_residual_prenorm(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    norm = _randomised(fla.RMSNorm(24, bias=True, eps=1e-6), generator)
    x, residual = (_random(generator, 3, 7, 24).requires_grad_() for _ in range(2))
    y, kept = norm(x, residual, prenorm=True)
    return _backward({"y": y, "kept": kept}, {"x": x, "residual": residual, **_parameters(norm)}, generator)


@case
def rms_norm_bare_bf16_residual_in_fp32(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    norm = fla.RMSNorm(16, elementwise_affine=False)
    y, kept = norm(_random(generator, 2, 5, 16, dtype=torch.bfloat16), prenorm=True, residual_in_fp32=True)
    return {"y": y, "kept": kept}


@case
def gated_norm_swish(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    norm = _randomised(fla.FusedRMSNormGated(24), generator)
    x, g = (_random(generator, 2, 33, 4, 24).requires_grad_() for _ in range(2))
    return _backward({"y": norm(x, g)}, {"x": x, "g": g, **_parameters(norm)}, generator)


@case
def gated_norm_sigmoid_residual(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    norm = _randomised(fla.FusedRMSNormGated(24, eps=1e-3, activation="sigmoid"), generator)
    x, g, residual = (_random(generator, 2, 9, 24).requires_grad_() for _ in range(3))
    y, kept = norm(x, g, residual=residual, prenorm=True)
    leaves = {"x": x, "g": g, "residual": residual, **_parameters(norm)}
    return _backward({"y": y, "kept": kept}, leaves, generator)


@case
def convolution(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    conv = _randomised(fla.ShortConvolution(12, 4), generator)
    x = _random(generator, 2, 71, 12).requires_grad_()
    y, state = conv(x)
    assert state is None
    return _backward({"y": y}, {"x": x, **_parameters(conv)}, generator)


@case
def convolution_bias_residual_no_activation(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    conv = _randomised(fla.ShortConvolution(12, 3, bias=True, activation=None), generator)
    x, residual = (_random(generator, 2, 13, 12).requires_grad_() for _ in range(2))
    y, state = conv(x, residual=residual, output_final_state=True)
    leaves = {"x": x, "residual": residual, **_parameters(conv)}
    return {**_backward({"y": y}, leaves, generator), "state": state}


@case
def convolution_mask(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    conv = _randomised(fla.ShortConvolution(8, 4, bias=True), generator)
    mask = torch.ones(3, 10, dtype=torch.long)
    mask[0, :4] = 0
    mask[2, :9] = 0
    x = _random(generator, 3, 10, 8)
    y, _ = conv(x, mask=mask)
    return {"y": y, "x": x}


@case
def convolution_from_state(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    conv = _randomised(fla.ShortConvolution(8, 4, bias=True), generator)
    x = _random(generator, 2, 7, 8).requires_grad_()
    start = _random(generator, 2, 8, 4).requires_grad_()
    y, state = conv(x, cache=start, output_final_state=True)
    leaves = {"x": x, "start": start, **_parameters(conv)}
    return {**_backward({"y": y}, leaves, generator), "state": state}


@case
def convolution_shorter_than_state(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    conv = _randomised(fla.ShortConvolution(8, 4), generator)
    x = _random(generator, 2, 2, 8).requires_grad_()
    start = _random(generator, 2, 8, 4).requires_grad_()
    y, state = conv(x, cache=start, output_final_state=True)
    return {**_backward({"y": y, "state": state}, {"x": x, "start": start}, generator)}


@case
def convolution_packed(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    conv = _randomised(fla.ShortConvolution(8, 4, bias=True), generator)
    starts = torch.tensor([0, 2, 3, 70, 75], dtype=torch.int32)
    x = _random(generator, 1, 75, 8).requires_grad_()
    y, state = conv(x, cu_seqlens=starts, output_final_state=True)
    return {**_backward({"y": y}, {"x": x, **_parameters(conv)}, generator), "state": state}


@case
def convolution_packed_from_state(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    conv = _randomised(fla.ShortConvolution(8, 4), generator)
    starts = torch.tensor([0, 2, 9], dtype=torch.int32)
    x = _random(generator, 1, 9, 8).requires_grad_()
    start = _random(generator, 2, 8, 4).requires_grad_()
    y, state = conv(x, cache=start, cu_seqlens=starts, output_final_state=True)
    return {**_backward({"y": y}, {"x": x, "start": start}, generator), "state": state}


@case
def convolution_steps(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    conv = _randomised(fla.ShortConvolution(8, 4, bias=True), generator)
    x = _random(generator, 2, 9, 8)
    with torch.no_grad():
        whole, _ = conv(x.clone())
        y, state = conv(x[:, :3].contiguous(), output_final_state=True)
        pieces = [y]
        for t in range(3, 9):
            y, state = conv(x[:, t : t + 1].contiguous(), cache=state, output_final_state=True)
            pieces.append(y)
    stepped = torch.cat(pieces, dim=1)
    torch.testing.assert_close(stepped, whole)
    return {"y": stepped, "state": state}


@case
def convolution_steps_packed(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    conv = _randomised(fla.ShortConvolution(8, 4, bias=True), generator)
    starts = torch.arange(4, dtype=torch.int32)
    state = _random(generator, 3, 8, 4)
    with torch.no_grad():
        x = _random(generator, 1, 3, 8)
        residual = _random(generator, 1, 3, 8)
        y, after = conv(x, cache=state, residual=residual, cu_seqlens=starts, output_final_state=True)
        first, _ = conv(_random(generator, 1, 3, 8), cu_seqlens=starts)
    return {"y": y, "after": after, "state_changed_in_place": state, "first": first}


@case
def convolution_bf16(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    conv = _randomised(fla.ShortConvolution(8, 4, bias=True), generator)
    y, state = conv.to(torch.bfloat16)(
        _random(generator, 2, 9, 8, dtype=torch.bfloat16), output_final_state=True
    )
    return {"y": y, "state": state}


@case
def padding(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    mask = torch.tensor([[0, 0, 1, 1, 1], [1, 1, 1, 1, 1], [1, 1, 0, 0, 0]])
    indices, starts, longest = fla.get_unpad_data(mask)
    x = _random(generator, 15, 6).requires_grad_()
    packed = fla.index_first_axis(x, indices)
    padded = fla.pad_input(packed * 2, indices, 3, 5)
    result = _backward({"packed": packed, "padded": padded}, {"x": x}, generator)
    return {**result, "indices": indices, "starts": starts, "longest": torch.tensor(longest)}


@case
def cache(fla: Any, generator: torch.Generator) -> dict[str, Tensor]:
    kept = fla.Cache()
    keys = [_random(generator, 2, n, 3) for n in (4, 1, 3)]
    kept.update(recurrent_state=_random(generator, 2, 3), layer_idx=0, offset=4)
    kept.update(attn_state=(keys[0],), layer_idx=1, cache_kwargs={"window_size": 5})
    kept.update(attn_state=(keys[1],), layer_idx=1, cache_kwargs={"window_size": 5})
    kept.update(attn_state=(keys[2],), layer_idx=1, cache_kwargs={"window_size": 5})
    kept.update(conv_state=(_random(generator, 2, 3),), layer_idx=0, offset=1)
    lengths = [len(kept), kept.get_seq_length(0), kept.get_seq_length(1), kept.get_seq_length(7)]
    kept.reorder_cache(torch.tensor([1, 0]))
    return {
        "lengths": torch.tensor(lengths),
        "recurrent": kept[0]["recurrent_state"],
        "conv": kept[0]["conv_state"][0],
        "attn": kept[1]["attn_state"][0],
    }
