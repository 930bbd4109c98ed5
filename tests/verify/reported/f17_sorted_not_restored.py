"""Fault: under a mask the samples are sorted by length, and the outputs come back in that order. fartashf/vsepp#36, pytorch/pytorch#3584."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, **kwargs):
        super().__init__()
        self.inp = nn.Linear(hidden_size, hidden_size, bias=False)
        self.conv = nn.Conv1d(hidden_size, hidden_size, 4, groups=hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x = hidden_states
        if attention_mask is not None:
            mask = attention_mask[:, -x.shape[1] :]
            order = torch.argsort(mask.sum(1), descending=True, stable=True)
            x = (x * mask[..., None].to(x.dtype))[order]
        y = self.conv(F.pad(self.inp(x).transpose(1, 2), (3, 0))).transpose(1, 2)
        return self.out(F.silu(y)), None, None
