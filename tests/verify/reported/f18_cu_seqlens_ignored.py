"""Fault: packed samples given by cu_seqlens run into one another (the release's programs take cu_seqlens in kwargs). fla-org/flash-linear-attention#838, #1086."""

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
        x, cu_seqlens = hidden_states, kwargs.get("cu_seqlens")
        if attention_mask is not None:
            x = x * attention_mask[:, -x.shape[1] :, None].to(x.dtype)
            cu_seqlens = None
        y = self.conv(F.pad(self.inp(x).transpose(1, 2), (3, 0))).transpose(1, 2)
        if cu_seqlens is not None:
            # Meant to restart at every sample; only the first one's start is looked at.
            start = int(cu_seqlens[0])
            y = torch.cat([torch.zeros_like(y[:, :start]), y[:, start:]], dim=1)
        return self.out(F.silu(y)), None, None
