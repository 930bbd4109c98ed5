"""Fault: a table made of a learned parameter is cached with its graph: the second training step raises, and after an update the table is stale. lucidrains/rotary-embedding-torch#18."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, **kwargs):
        super().__init__()
        self.rate = nn.Parameter(torch.randn(hidden_size))
        self.conv = nn.Conv1d(hidden_size, hidden_size, 4, groups=hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)
        self.table = None

    def kernel(self, taps=4):
        if self.table is None:
            at = torch.arange(taps, dtype=self.rate.dtype, device=self.rate.device)
            self.table = torch.cos(self.rate[:, None] * at)[:, None]
        return self.table

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x = hidden_states
        if attention_mask is not None:
            x = x * attention_mask[:, -x.shape[1] :, None].to(x.dtype)
        padded = F.pad(x.transpose(1, 2), (3, 0))
        y = F.conv1d(padded, self.conv.weight * self.kernel(), groups=x.shape[-1])
        return self.out(F.silu(y).transpose(1, 2)), None, None
