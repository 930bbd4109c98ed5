"""Fault: the parallel, quadratic form in training mode; chunks in eval mode. Jamie-Stirling/RetNet#21."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, chunk=32, **kwargs):
        super().__init__()
        self.heads, self.chunk = num_heads, chunk
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.decay = nn.Parameter(torch.full((num_heads,), 2.0))
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x, length = hidden_states, hidden_states.shape[1]
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).transpose(1, 3).unbind(2)
        if attention_mask is not None:
            k = k * attention_mask[:, None, -length:, None].to(k.dtype)
        chunk = length if self.training else self.chunk
        log_keep = F.logsigmoid(self.decay)[:, None, None]
        state, pieces = q.new_zeros(*q.shape[:2], q.shape[-1], v.shape[-1]), []
        for a in range(0, length, chunk):
            qc, kc, vc = (t[:, :, a : a + chunk] for t in (q, k, v))
            at = torch.arange(qc.shape[2], dtype=q.dtype)
            gap = at[:, None] - at[None, :]
            weight = torch.where(gap >= 0, torch.exp(gap.clamp_min(0) * log_keep), gap.new_zeros(()))
            pieces.append(
                (qc @ kc.transpose(-1, -2) * weight) @ vc
                + torch.exp((at + 1)[:, None] * log_keep) * (qc @ state)
            )
            left = torch.exp((qc.shape[2] - 1 - at)[:, None] * log_keep)
            state = torch.exp(qc.shape[2] * log_keep) * state + (kc * left).transpose(-1, -2) @ vc
        return self.out(torch.cat(pieces, dim=2).transpose(1, 2).flatten(2)), None, None
