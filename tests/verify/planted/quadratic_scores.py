"""Fault: causal softmax attention, with a score for every pair of positions."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, **kwargs):
        super().__init__()
        self.conv = nn.Conv1d(hidden_size, hidden_size, 5, groups=hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size)
        self.qk = nn.Linear(hidden_size, 2 * hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x = hidden_states
        if attention_mask is not None:
            x = x * attention_mask[:, -x.shape[1] :, None].to(x.dtype)
        y = self.conv(F.pad(x.transpose(1, 2), (4, 0))).transpose(1, 2)
        q, k = self.qk(x).chunk(2, dim=-1)
        scores = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
        causal = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
        if attention_mask is not None:
            # A row that may look at nothing looks at itself, whose value the mask has made zero.
            causal = causal & attention_mask.bool()[:, None, :] | torch.eye(x.shape[1], dtype=torch.bool)
        weights = scores.masked_fill(~causal, float("-inf")).softmax(dim=-1)
        return self.out(y + weights @ x), None, None
