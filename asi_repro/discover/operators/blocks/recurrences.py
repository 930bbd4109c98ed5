"""Paths with a state: the delta rule and its relatives, chunk by chunk."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from asi_repro.discover.operators.blocks.tools import (
    ShortConvolution,
    chunked,
    decayed_products,
    unit_length,
    widen,
)


class Projections(nn.Module):
    """Queries, keys and values (b, h, l, d) of a token, each after a short convolution."""

    def __init__(self, hidden_size: int, num_heads: int, kernel_size: int, feature: nn.Module) -> None:
        super().__init__()
        self.num_heads, self.feature = num_heads, feature
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.q_conv1d = ShortConvolution(hidden_size, kernel_size)
        self.k_conv1d = ShortConvolution(hidden_size, kernel_size)
        self.v_conv1d = ShortConvolution(hidden_size, kernel_size)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        q, k = self.q_conv1d(self.q_proj(x)), self.k_conv1d(self.k_proj(x))
        v = F.silu(self.v_conv1d(self.v_proj(x)))
        q, k, v = (rearrange(t, "b l (h d) -> b h l d", h=self.num_heads) for t in (q, k, v))
        return unit_length(widen(self.feature(q))), unit_length(widen(self.feature(k))), widen(v)


def delta_rule(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, chunk: int) -> Tensor:
    """S_t = S_(t-1) + beta_t k_t (v_t - S_(t-1)' k_t)'; o_t = S_t' q_t / sqrt(d). All (b, h, l, d or 1)."""
    length, state = q.shape[2], q.new_zeros(*q.shape[:2], q.shape[-1], v.shape[-1])
    q, k, v, beta = (chunked(t, chunk) for t in (q * q.shape[-1] ** -0.5, k, v, beta))
    keys = rearrange(k, "... c d -> ... d c")
    within = (q @ keys).tril()
    erased = (beta * (k @ keys)).tril(-1)
    right = torch.cat((beta * v, beta * k), dim=-1)
    solved = torch.linalg.solve_triangular(erased, right, upper=False, unitriangular=True)
    fresh, known = solved.split((v.shape[-1], k.shape[-1]), dim=-1)
    outputs = []
    for n in range(q.shape[2]):
        written = fresh[:, :, n] - known[:, :, n] @ state
        outputs.append(q[:, :, n] @ state + within[:, :, n] @ written)
        state = state + keys[:, :, n] @ written
    return torch.cat(outputs, dim=2)[:, :, :length]


def gated_delta_rule(q: Tensor, k: Tensor, v: Tensor, beta: Tensor, log_decay: Tensor, chunk: int) -> Tensor:
    """The delta rule on a state that first decays: S becomes exp(log_decay_t) S before token t is written.

    log_decay is (b, h, l, 1), or (b, h, l, d) for one decay a key channel.
    """
    length, state = q.shape[2], q.new_zeros(*q.shape[:2], q.shape[-1], v.shape[-1])
    scaled = q * q.shape[-1] ** -0.5
    q, k, v, beta, log_decay = (chunked(t, chunk) for t in (scaled, k, v, beta, log_decay))
    total = log_decay.cumsum(-2)
    within = decayed_products(q, k, total)
    erased = (beta * decayed_products(k, k, total)).tril(-1)
    right = torch.cat((beta * v, beta * k * total.exp()), dim=-1)
    solved = torch.linalg.solve_triangular(erased, right, upper=False, unitriangular=True)
    fresh, known = solved.split((v.shape[-1], k.shape[-1]), dim=-1)
    q, last = q * total.exp(), total[..., -1:, :]
    k, last = k * (last - total).exp(), rearrange(last.exp(), "... 1 d -> ... d 1")
    outputs = []
    for n in range(q.shape[2]):
        written = fresh[:, :, n] - known[:, :, n] @ state
        outputs.append(q[:, :, n] @ state + within[:, :, n] @ written)
        state = last[:, :, n] * state + rearrange(k[:, :, n], "... c d -> ... d c") @ written
    return torch.cat(outputs, dim=2)[:, :, :length]


def linear_attention(q: Tensor, k: Tensor, v: Tensor, chunk: int) -> Tensor:
    """S_t = S_(t-1) + k_t v_t'; o_t = S_t' q_t / sqrt(d)."""
    length = q.shape[2]
    q, k, v = (chunked(t, chunk) for t in (q * q.shape[-1] ** -0.5, k, v))
    keys = rearrange(k, "... c d -> ... d c")
    after = (keys @ v).cumsum(2)
    before = F.pad(after[:, :, :-1], (0, 0, 0, 0, 1, 0))
    output = (q @ keys).tril() @ v + q @ before
    return rearrange(output, "b h n c d -> b h (n c) d")[:, :, :length]


def decayed_attention(q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, chunk: int) -> Tensor:
    """Linear attention on a state that decays: S_t = exp(log_decay_t) S_(t-1) + k_t v_t'."""
    length, state = q.shape[2], q.new_zeros(*q.shape[:2], q.shape[-1], v.shape[-1])
    q, k, v, log_decay = (chunked(t, chunk) for t in (q * q.shape[-1] ** -0.5, k, v, log_decay))
    total = log_decay.cumsum(-2)
    inside = decayed_products(q, k, total) @ v
    q, last = q * total.exp(), total[..., -1:, :]
    added = rearrange(k * (last - total).exp(), "... c d -> ... d c") @ v
    last = rearrange(last.exp(), "... 1 d -> ... d 1")
    outputs = []
    for n in range(q.shape[2]):
        outputs.append(q[:, :, n] @ state + inside[:, :, n])
        state = last[:, :, n] * state + added[:, :, n]
    return torch.cat(outputs, dim=2)[:, :, :length]


class DeltaRule(nn.Module):
    """Fast weights that the delta rule corrects, with no decay."""

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        chunk: int,
        kernel_size: int,
        feature: nn.Module,
        beta: nn.Module,
    ) -> None:
        super().__init__()
        self.project = Projections(hidden_size, num_heads, kernel_size, feature)
        self.beta, self.chunk = beta, chunk

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.project(x)
        y = delta_rule(q, k, v, widen(self.beta(x)), self.chunk)
        return rearrange(y, "b h l d -> b l h d").to(x.dtype)


class GatedDeltaRule(nn.Module):
    """The delta rule with a decay of the state."""

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        chunk: int,
        kernel_size: int,
        feature: nn.Module,
        beta: nn.Module,
        decay: nn.Module,
    ) -> None:
        super().__init__()
        self.project = Projections(hidden_size, num_heads, kernel_size, feature)
        self.beta, self.decay, self.chunk = beta, decay, chunk

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.project(x)
        y = gated_delta_rule(q, k, v, widen(self.beta(x)), widen(self.decay(x)), self.chunk)
        return rearrange(y, "b h l d -> b l h d").to(x.dtype)


class LinearAttention(nn.Module):
    """Fast weights to which each token adds, with no decay."""

    def __init__(
        self, hidden_size: int, num_heads: int, chunk: int, kernel_size: int, feature: nn.Module
    ) -> None:
        super().__init__()
        self.project = Projections(hidden_size, num_heads, kernel_size, feature)
        self.chunk = chunk

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.project(x)
        return rearrange(linear_attention(q, k, v, self.chunk), "b h l d -> b l h d").to(x.dtype)


class DecayedAttention(nn.Module):
    """Linear attention with a decay of the state."""

    def __init__(
        self,
        hidden_size: int,
        num_heads: int,
        chunk: int,
        kernel_size: int,
        feature: nn.Module,
        decay: nn.Module,
    ) -> None:
        super().__init__()
        self.project = Projections(hidden_size, num_heads, kernel_size, feature)
        self.decay, self.chunk = decay, chunk

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.project(x)
        y = decayed_attention(q, k, v, widen(self.decay(x)), self.chunk)
        return rearrange(y, "b h l d -> b l h d").to(x.dtype)


class DecayedAverage(nn.Module):
    """A gated linear recurrence on values: h_t = a_t h_(t-1) + (1 - a_t) v_t, channel by channel."""

    def __init__(self, hidden_size: int, num_heads: int, chunk: int, decay: nn.Module) -> None:
        super().__init__()
        self.num_heads, self.chunk, self.decay = num_heads, chunk, decay
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        v = widen(rearrange(self.v_proj(x), "b l (h d) -> b h l d", h=self.num_heads))
        log_decay = widen(self.decay(x)).expand_as(v)
        v, log_decay = (chunked(t, self.chunk) for t in (-torch.expm1(log_decay) * v, log_decay))
        total = log_decay.cumsum(-2)
        middle = total[..., self.chunk // 2, None, :]
        inside = ((middle - total).exp() * v).cumsum(-2) * (total - middle).exp()
        carried, outputs = torch.zeros_like(v[:, :, 0, :1]), []
        for n in range(v.shape[2]):
            outputs.append(inside[:, :, n] + total[:, :, n].exp() * carried)
            carried = outputs[-1][:, :, -1:]
        return rearrange(torch.cat(outputs, dim=2)[:, :, : x.shape[1]], "b h l d -> b l h d").to(x.dtype)
