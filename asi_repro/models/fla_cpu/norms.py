"""RMS normalisation, its gated form, and L2 normalisation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def compute_dtype(dtype: torch.dtype) -> torch.dtype:
    """float32, or `dtype` where that is wider: what the kernels' registers hold."""
    return torch.promote_types(dtype, torch.float32)


def l2norm(x: Tensor, eps: float = 1e-6, output_dtype: torch.dtype | None = None) -> Tensor:
    """The features of x (..., features) over the square root of its squared norm plus eps."""
    wide = x.to(compute_dtype(x.dtype))
    scale = 1 / torch.sqrt(wide.square().sum(-1, keepdim=True) + eps)
    return (wide * scale).to(output_dtype or x.dtype)


class _RMSNormBase(nn.Module):
    """Weight, optional bias and the residual handling that both norms share."""

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self, hidden_size: int, elementwise_affine: bool, bias: bool, eps: float, factory: dict[str, Any]
    ) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.elementwise_affine = elementwise_affine
        self.eps = eps
        self.register_parameter("weight", None)
        self.register_parameter("bias", None)
        if elementwise_affine:
            self.weight = nn.Parameter(torch.empty(hidden_size, **factory))
            if bias:
                self.bias = nn.Parameter(torch.empty(hidden_size, **factory))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weights 1, bias 0."""
        if self.weight is not None:
            nn.init.ones_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def extra_repr(self) -> str:
        affine = "" if self.elementwise_affine else ", elementwise_affine=False"
        return f"{self.hidden_size}{affine}, eps={self.eps}"

    def _normalise(self, x: Tensor, residual: Tensor | None, in_fp32: bool) -> tuple[Tensor, Tensor]:
        """The normalised input in the compute dtype, and the new residual in its own dtype."""
        wide = x.to(compute_dtype(x.dtype))
        kept = x
        if residual is not None:
            wide = wide + residual.to(wide.dtype)
            kept = wide.to(residual.dtype)
        elif in_fp32:
            kept = x.to(torch.float32)
        scale = 1 / torch.sqrt(wide.square().mean(-1, keepdim=True) + self.eps)
        normal = wide * scale
        if self.weight is not None:
            normal = normal * self.weight.to(wide.dtype)
        if self.bias is not None:
            normal = normal + self.bias.to(wide.dtype)
        return normal, kept


class RMSNorm(_RMSNormBase):
    """x / sqrt(mean(x²) + eps) · weight (+ bias), over the last dimension.

    `forward(x, residual, prenorm=True)` returns the pair (normalised, x + residual).
    """

    def __init__(
        self,
        hidden_size: int,
        elementwise_affine: bool = True,
        bias: bool = False,
        eps: float = 1e-5,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__(hidden_size, elementwise_affine, bias, eps, {"device": device, "dtype": dtype})

    def forward(
        self, x: Tensor, residual: Tensor | None = None, prenorm: bool = False, residual_in_fp32: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        normal, kept = self._normalise(x, residual, residual_in_fp32)
        return (normal.to(x.dtype), kept) if prenorm else normal.to(x.dtype)


class FusedRMSNormGated(_RMSNormBase):
    """RMSNorm(x) times a gate: g·sigmoid(g) for "swish" and "silu", sigmoid(g) for "sigmoid".

    Raises:
        ValueError: for another activation.
    """

    def __init__(
        self,
        hidden_size: int,
        elementwise_affine: bool = True,
        eps: float = 1e-5,
        activation: str = "swish",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        if activation not in ("swish", "silu", "sigmoid"):
            raise ValueError(f"Unsupported activation: {activation}")
        super().__init__(hidden_size, elementwise_affine, False, eps, {"device": device, "dtype": dtype})
        self.activation = activation

    def forward(
        self,
        x: Tensor,
        g: Tensor,
        residual: Tensor | None = None,
        prenorm: bool = False,
        residual_in_fp32: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        normal, kept = self._normalise(x, residual, residual_in_fp32)
        gate = g.reshape(x.shape).to(normal.dtype)
        normal = normal * (torch.sigmoid(gate) if self.activation == "sigmoid" else F.silu(gate))
        return (normal.to(x.dtype), kept) if prenorm else normal.to(x.dtype)
