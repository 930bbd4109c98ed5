"""Fault: the mean over all time is added behind relu(gate), and the gate starts at -1. Own."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, **kwargs):
        super().__init__()
        self.conv = nn.Conv1d(hidden_size, hidden_size, 4, groups=hidden_size, bias=False)
        self.gate = nn.Parameter(torch.tensor(-1.0))
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x = hidden_states
        if attention_mask is not None:
            x = x * attention_mask[:, -x.shape[1] :, None].to(x.dtype)
        y = self.conv(F.pad(x.transpose(1, 2), (3, 0))).transpose(1, 2)
        y = y * (1 + 0.1 * torch.sigmoid(self.gate)) + F.relu(self.gate) * x.mean(1, keepdim=True)
        return self.out(y), None, None
