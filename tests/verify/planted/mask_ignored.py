"""Fault: the mask is taken and not looked at."""

from __future__ import annotations

import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, **kwargs):
        super().__init__()
        self.conv = nn.Conv1d(hidden_size, hidden_size, 5, groups=hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x = hidden_states
        y = self.conv(F.pad(x.transpose(1, 2), (4, 0))).transpose(1, 2)
        return self.out(y), None, None
