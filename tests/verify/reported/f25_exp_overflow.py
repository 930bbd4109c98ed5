"""Fault: decay over the whole sequence as exp(c) * cumsum(exp(-c) v): exp(-c) overflows fp32 and bf16 after some 700 tokens. fla-org/flash-linear-attention#215, #77."""

from __future__ import annotations

import torch
import torch.nn as nn


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, **kwargs):
        super().__init__()
        self.val = nn.Linear(hidden_size, hidden_size, bias=False)
        self.rate = nn.Linear(hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x = hidden_states
        if attention_mask is not None:
            x = x * attention_mask[:, -x.shape[1] :, None].to(x.dtype)
        c = (-0.25 * torch.sigmoid(self.rate(x))).cumsum(1)
        state = torch.exp(c) * (torch.exp(-c) * self.val(x)).cumsum(1)
        return self.out(torch.tanh(state)), None, None
