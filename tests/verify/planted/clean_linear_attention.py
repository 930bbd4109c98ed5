"""Clean: linear attention by chunks, with its state kept in the cache."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, chunk_size=16, **kwargs):
        super().__init__()
        self.heads, self.chunk = num_heads, chunk_size
        self.qkv = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.decay = nn.Parameter(torch.full((num_heads,), 2.0))
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, use_cache=False, **kwargs):
        length = hidden_states.shape[1]
        q, k, v = self.qkv(hidden_states).chunk(3, dim=-1)
        q, k, v = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (q, k, v))
        k = F.elu(k) + 1
        if attention_mask is not None:
            k = k * attention_mask[:, None, -length:, None].to(k.dtype)
        state = None
        if past_key_values is not None and len(past_key_values):
            state = past_key_values[0]["recurrent_state"]
        out, state = self._scan(q, k, v, state)
        if use_cache and past_key_values is not None:
            past_key_values.update(recurrent_state=state, layer_idx=0, offset=length)
        return self.out(out.transpose(1, 2).flatten(2)), None, past_key_values

    def _scan(self, q, k, v, state):
        log_decay = F.logsigmoid(self.decay)[:, None, None]
        if state is None:
            state = torch.zeros(*q.shape[:2], q.shape[-1], v.shape[-1], dtype=q.dtype)
        pieces = []
        for a in range(0, q.shape[2], self.chunk):
            qc, kc, vc = (t[:, :, a : a + self.chunk] for t in (q, k, v))
            steps = torch.arange(qc.shape[2], dtype=q.dtype)
            gap = steps[:, None] - steps[None, :]
            weight = torch.where(gap >= 0, torch.exp(gap * log_decay), torch.zeros((), dtype=q.dtype))
            inner = (qc @ kc.transpose(-1, -2) * weight) @ vc
            pieces.append(inner + torch.exp((steps + 1)[:, None] * log_decay) * (qc @ state))
            left = torch.exp((qc.shape[2] - 1 - steps)[:, None] * log_decay)
            state = torch.exp(qc.shape[2] * log_decay) * state + (kc * left).transpose(-1, -2) @ vc
        return torch.cat(pieces, dim=2), state
