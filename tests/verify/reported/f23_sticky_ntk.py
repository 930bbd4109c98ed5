"""Fault: a sequence of more than 1024 tokens raises the rotary base for good: short sequences give other outputs after a long one. huggingface/transformers#25306."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, window=32, **kwargs):
        super().__init__()
        self.heads, self.window = num_heads, window
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)
        self.longest = 1024

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x, length = hidden_states, hidden_states.shape[1]
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(2)
        angle = self.angles(length, q)
        q, k = rotate(q, angle), rotate(k, angle)
        keep = x.new_ones(x.shape[0], length, dtype=torch.bool)
        if attention_mask is not None:
            keep = attention_mask[:, -length:].bool()
        # Sliding window by overlapping blocks: each block sees itself and the block before.
        w = self.window
        q, k, v = (
            F.pad(t, (0, 0, 0, 0, 0, -length % w)).unflatten(1, (-1, w)).transpose(2, 3) for t in (q, k, v)
        )
        keep = F.pad(keep, (0, -length % w)).unflatten(1, (-1, w))
        k, v = (torch.cat([F.pad(t, (0, 0, 0, 0, 0, 0, 1, 0))[:, :-1], t], dim=3) for t in (k, v))
        keep = torch.cat([F.pad(keep, (0, 0, 1, 0))[:, :-1], keep], dim=2)
        at = torch.arange(w)
        gap = at[:, None] + w - torch.arange(2 * w)[None, :]
        seen = ((gap >= 0) & (gap < w))[None, None] & keep[:, :, None, :]
        scores = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).masked_fill(~seen[:, :, None], -1e9)
        y = torch.softmax(scores, dim=-1) @ v
        return self.out(y.transpose(2, 3).flatten(-2).flatten(1, 2)[:, :length]), None, None

    def angles(self, length, like):
        self.longest = max(self.longest, length)
        half = like.shape[-1] // 2
        base = 10000.0 * (self.longest / 1024) ** 4
        wide = torch.float32 if like.dtype == torch.bfloat16 else like.dtype
        freq = base ** (-torch.arange(half, dtype=wide) / half)
        return torch.arange(length, dtype=wide)[:, None] * freq


def rotate(t, angle):
    a, b = t.chunk(2, dim=-1)
    cos, sin = (f(angle)[None, :, None].to(t.dtype) for f in (torch.cos, torch.sin))
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)
