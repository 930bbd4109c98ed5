# mypy: disable-error-code="no-any-return"
"""What comes before the paths (stems), after their fusion (stages), and last (norms)."""

from __future__ import annotations

import math

import torch
from einops import einsum, rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from asi_repro.discover.operators.blocks.tools import causal_filter, widen


class NoStem(nn.Module):
    """The input as it is."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class TokenShift(nn.Module):
    """A learned mixture, channel by channel, of each token with the one before; starts at `previous`."""

    def __init__(self, hidden_size: int, num_heads: int, previous: float = 0.25) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.full((hidden_size,), math.log(previous / (1.0 - previous))))

    def forward(self, x: Tensor) -> Tensor:
        before = F.pad(x[:, :-1], (0, 0, 1, 0))
        return x + torch.sigmoid(self.logit).to(x.dtype) * (before - x)


class StemConvolution(nn.Module):
    """The input plus a short causal convolution of it that starts small."""

    def __init__(self, hidden_size: int, num_heads: int, kernel_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(hidden_size, kernel_size))

    def forward(self, x: Tensor) -> Tensor:
        return x + causal_filter(x, self.weight.to(x.dtype))


class HeadMix(nn.Module):
    """A learned mixture of the heads that starts as the identity plus noise of `noise`."""

    def __init__(self, hidden_size: int, num_heads: int, noise: float = 0.02) -> None:
        super().__init__()
        self.mixing = nn.Parameter(torch.eye(num_heads) + noise * torch.randn(num_heads, num_heads))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return einsum(self.mixing.to(y.dtype), y, "g h, b l h d -> b l g d")


class InputSkip(nn.Module):
    """Adds the layer's input, scaled by a learned number a head that starts at `start`."""

    def __init__(self, hidden_size: int, num_heads: int, start: float = 0.1) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((num_heads, 1), start))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return y + self.scale.to(y.dtype) * rearrange(x, "b l (h d) -> b l h d", h=y.shape[2])


class HeadGate(nn.Module):
    """A sigmoid gate for each token and head, from the token; starts at `start`."""

    def __init__(self, hidden_size: int, num_heads: int, start: float = 0.9) -> None:
        super().__init__()
        self.gate = nn.Linear(hidden_size, num_heads, bias=True)
        nn.init.constant_(self.gate.bias, math.log(start / (1.0 - start)))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return y * rearrange(torch.sigmoid(self.gate(x)), "b l h -> b l h 1")


class OutputFilter(nn.Module):
    """Adds a short causal convolution of the mixed output that starts small."""

    def __init__(self, hidden_size: int, num_heads: int, kernel_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(0.1 * torch.randn(hidden_size, kernel_size))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        filtered = causal_filter(rearrange(y, "b l h d -> b l (h d)"), self.weight.to(y.dtype))
        return y + rearrange(filtered, "b l (h d) -> b l h d", h=y.shape[2])


class HeadRMSNorm(nn.Module):
    """Root mean square normalisation of each head's output, with learned gains."""

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size // num_heads))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        wide = widen(y)
        normal = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-5)
        return normal.to(y.dtype) * self.weight.to(y.dtype)


class GatedRMSNorm(nn.Module):
    """RMS normalisation of each head's output, times a SiLU gate from the token."""

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.norm = HeadRMSNorm(hidden_size, num_heads)
        self.g_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        gate = rearrange(F.silu(self.g_proj(x)), "b l (h d) -> b l h d", h=y.shape[2])
        return self.norm(x, y) * gate


class SigmoidGatedNorm(nn.Module):
    """RMS normalisation of each head's output, times a sigmoid gate by a low-rank projection of the token."""

    def __init__(self, hidden_size: int, num_heads: int, rank: int) -> None:
        super().__init__()
        self.norm = HeadRMSNorm(hidden_size, num_heads)
        self.g_down = nn.Linear(hidden_size, rank, bias=False)
        self.g_up = nn.Linear(rank, hidden_size, bias=True)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        gate = rearrange(torch.sigmoid(self.g_up(self.g_down(x))), "b l (h d) -> b l h d", h=y.shape[2])
        return self.norm(x, y) * gate


class NormOfGated(nn.Module):
    """A SiLU gate from the token first, then RMS normalisation of each head, as in Mamba2."""

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.norm = HeadRMSNorm(hidden_size, num_heads)
        self.g_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        gate = rearrange(F.silu(self.g_proj(x)), "b l (h d) -> b l h d", h=y.shape[2])
        return self.norm(x, y * gate)


class HeadLayerNorm(nn.Module):
    """Layer normalisation of each head's output, with learned gains."""

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(hidden_size // num_heads))

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        wide = widen(y)
        centred = wide - wide.mean(-1, keepdim=True)
        normal = centred * torch.rsqrt(centred.square().mean(-1, keepdim=True) + 1e-5)
        return normal.to(y.dtype) * self.weight.to(y.dtype)
