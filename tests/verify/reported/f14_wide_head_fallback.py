"""Fault: local attention in chunks of 32; for heads wider than 64 another path is taken, and that one forgets the causal mask. The paper's models have heads of 128. Kind: triton-lang/triton#621 (wrong for head_dim 128)."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, chunk=32, **kwargs):
        super().__init__()
        self.heads, self.chunk = num_heads, chunk
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def attend(self, q, k, v):
        if q.shape[-1] <= 64:
            return F.scaled_dot_product_attention(q, k, v, is_causal=True)
        scores = q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5
        return torch.softmax(scores, dim=-1) @ v

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x, length = hidden_states, hidden_states.shape[1]
        if attention_mask is not None:
            # Kept tokens are moved to the front, so that chunks are counted from the first of them.
            mask = attention_mask[:, -length:].bool()
            order = torch.argsort(~mask, dim=1, stable=True)[..., None]
            x = torch.gather(x * mask[..., None].to(x.dtype), 1, order.expand_as(x))
        x = F.pad(x, (0, 0, 0, -length % self.chunk))
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(2)
        q, k, v = (t.unflatten(1, (-1, self.chunk)).transpose(2, 3) for t in (q, k, v))
        y = self.attend(q, k, v).transpose(2, 3).flatten(-2).flatten(1, 2)[:, :length]
        if attention_mask is not None:
            y = torch.zeros_like(y).scatter(1, order.expand_as(y), y)
        return self.out(y), None, None
