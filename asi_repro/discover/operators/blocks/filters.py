# mypy: disable-error-code="no-any-return"
"""Paths without a state: filters of the last tokens, attention in a window, the token itself."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from asi_repro.discover.operators.blocks.tools import causal_filter, chunked


class CausalFilter(nn.Module):
    """A depthwise causal FIR filter of values; at the start the present token passes, the past hardly."""

    def __init__(self, hidden_size: int, num_heads: int, kernel_size: int, past: float = 0.02) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        taps = past * torch.randn(hidden_size, kernel_size)
        self.taps = nn.Parameter(F.pad(taps[:, 1:], (0, 1), value=1.0))

    def forward(self, x: Tensor) -> Tensor:
        y = causal_filter(self.v_proj(x), self.taps.to(x.dtype))
        return rearrange(y, "b l (h d) -> b l h d", h=self.num_heads)


class AveragingFilter(nn.Module):
    """A depthwise causal FIR filter of values that starts as a mean over its taps."""

    def __init__(self, hidden_size: int, num_heads: int, kernel_size: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.taps = nn.Parameter(torch.full((hidden_size, kernel_size), 1.0 / kernel_size))

    def forward(self, x: Tensor) -> Tensor:
        y = causal_filter(self.v_proj(x), self.taps.to(x.dtype))
        return rearrange(y, "b l (h d) -> b l h d", h=self.num_heads)


class MultiScaleFilter(nn.Module):
    """Causal FIR filters of several lengths on the same values, mixed by learned weights a head."""

    def __init__(self, hidden_size: int, num_heads: int, kernel_sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.taps = nn.ParameterList(torch.randn(hidden_size, size) / size for size in kernel_sizes)
        self.scale_logits = nn.Parameter(torch.zeros(len(kernel_sizes), num_heads))

    def forward(self, x: Tensor) -> Tensor:
        v = self.v_proj(x)
        scales = torch.stack([causal_filter(v, taps.to(x.dtype)) for taps in self.taps])
        scales = rearrange(scales, "s b l (h d) -> s b l h d", h=self.num_heads)
        weights = rearrange(F.softmax(self.scale_logits, dim=0).to(x.dtype), "s h -> s 1 1 h 1")
        return (weights * scales).sum(0)


class GatedFilter(nn.Module):
    """A causal FIR filter of values, times a sigmoid gate from the token."""

    def __init__(self, hidden_size: int, num_heads: int, kernel_size: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.g_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.taps = nn.Parameter(torch.randn(hidden_size, kernel_size) * kernel_size**-0.5)

    def forward(self, x: Tensor) -> Tensor:
        y = causal_filter(self.v_proj(x), self.taps.to(x.dtype)) * torch.sigmoid(self.g_proj(x))
        return rearrange(y, "b l (h d) -> b l h d", h=self.num_heads)


class WindowAttention(nn.Module):
    """Softmax attention to the last `window` tokens, in blocks of that length."""

    def __init__(self, hidden_size: int, num_heads: int, window: int) -> None:
        super().__init__()
        self.num_heads, self.window = num_heads, window
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        projections = (self.q_proj, self.k_proj, self.v_proj)
        split = (rearrange(proj(x), "b l (h d) -> b h l d", h=self.num_heads) for proj in projections)
        q, k, v = (chunked(t, self.window) for t in split)
        # A block sees itself and the block before; the first one's is empty.
        k, v = (torch.cat((F.pad(t[:, :, :-1], (0, 0, 0, 0, 1, 0)), t), dim=3) for t in (k, v))
        place = torch.arange(self.window, device=x.device)
        age = rearrange(place + self.window, "i -> i 1") - torch.arange(2 * self.window, device=x.device)
        seen = (age >= 0) & (age < self.window)
        block = torch.arange(q.shape[2], device=x.device)
        real = (block > 0)[:, None, None] | (torch.arange(2 * self.window, device=x.device) >= self.window)
        scores = q @ rearrange(k, "... c d -> ... d c") * q.shape[-1] ** -0.5
        weights = F.softmax(scores.masked_fill(~(seen & real), -torch.inf), dim=-1)
        y = rearrange(weights @ v, "b h n c d -> b (n c) h d")
        return y[:, : x.shape[1]]


class ValuePath(nn.Module):
    """The token's own value: nothing from other tokens."""

    def __init__(self, hidden_size: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return rearrange(self.v_proj(x), "b l (h d) -> b l h d", h=self.num_heads)


class AdoptedPath(nn.Module):
    """Another program's mixer as a path; what it returns beside its output is dropped."""

    def __init__(self, hidden_size: int, num_heads: int, mixer: nn.Module) -> None:
        super().__init__()
        self.num_heads, self.mixer = num_heads, mixer

    def forward(self, x: Tensor) -> Tensor:
        return rearrange(self.mixer(x)[0], "b l (h d) -> b l h d", h=self.num_heads)
