"""Fault: dropout_p is handed to scaled_dot_product_attention in eval mode too. pytorch/pytorch#124464, meta-pytorch/torchtune#1803."""

from __future__ import annotations

import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, chunk=32, dropout=0.1, **kwargs):
        super().__init__()
        self.heads, self.chunk, self.dropout = num_heads, chunk, dropout
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x, length = hidden_states, hidden_states.shape[1]
        if attention_mask is not None:
            x = x * attention_mask[:, -length:, None].to(x.dtype)
        x = F.pad(x, (0, 0, 0, -length % self.chunk))
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(2)
        q, k, v = (t.unflatten(1, (-1, self.chunk)).transpose(2, 3) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=self.dropout, is_causal=True)
        return self.out(y.transpose(2, 3).flatten(-2).flatten(1, 2)[:, :length]), None, None
