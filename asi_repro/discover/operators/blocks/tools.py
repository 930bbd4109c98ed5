"""Helpers that several blocks share."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F


def widen(x: Tensor) -> Tensor:
    """At least float32: a state that sums over a sequence needs it."""
    return x if x.dtype == torch.float64 else x.to(torch.float32)


def unit_length(x: Tensor) -> Tensor:
    """The last dimension divided by its L2 norm; zero stays zero."""
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + 1e-6)


def chunked(x: Tensor, chunk: int) -> Tensor:
    """(b, h, l, d) as (b, h, n, chunk, d), with zeros after the end."""
    missing = -x.shape[2] % chunk
    return rearrange(F.pad(x, (0, 0, 0, missing)), "b h (n c) d -> b h n c d", c=chunk)


def causal_filter(x: Tensor, weight: Tensor) -> Tensor:
    """Depthwise FIR filter of x (b, l, d) with weight (d, taps); the last tap is the present."""
    past = F.pad(rearrange(x, "b l d -> b d l"), (weight.shape[1] - 1, 0))
    return rearrange(
        F.conv1d(past, rearrange(weight, "d k -> d 1 k"), groups=weight.shape[0]), "b d l -> b l d"
    )


def decayed_products(q: Tensor, k: Tensor, total: Tensor) -> Tensor:
    """Sum over channels of q_i k_j exp(total_i - total_j) for j <= i, else 0.

    q, k: (..., c, d). total: (..., c, 1) or (..., c, d), log decay summed from the start of the chunk.
    """
    future = torch.ones(q.shape[-2], q.shape[-2], dtype=torch.bool, device=q.device).triu(1)
    if total.shape[-1] == 1:
        between = total - rearrange(total, "... c 1 -> ... 1 c")
        return (q @ rearrange(k, "... c d -> ... d c")) * between.masked_fill(future, -torch.inf).exp()
    # Centred, so that neither factor overflows; what may overflow is in the future and masked.
    centred = total - total[..., q.shape[-2] // 2, None, :]
    products = (q * centred.exp()) @ rearrange(k * (-centred).exp(), "... c d -> ... d c")
    return products.masked_fill(future, 0.0)


class ShortConvolution(nn.Module):
    """Depthwise causal convolution over a few tokens."""

    def __init__(self, width: int, kernel_size: int) -> None:
        super().__init__()
        bound = kernel_size**-0.5
        self.weight = nn.Parameter(torch.empty(width, kernel_size).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        return causal_filter(x, self.weight.to(x.dtype))
