"""Fault: with a filled cache, more than one new token at a time start from an empty state. huggingface/transformers#45513, #46084."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, chunk=64, layer_idx=0, **kwargs):
        super().__init__()
        self.heads, self.chunk, self.layer_idx = num_heads, chunk, layer_idx or 0
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
        if past_key_values is not None and self.layer_idx < len(past_key_values):
            state = past_key_values[self.layer_idx]["recurrent_state"]
        y, state = self.scan(q, k, v, state)
        if use_cache and past_key_values is not None:
            past_key_values.update(recurrent_state=state, layer_idx=self.layer_idx, offset=length)
        return self.out(y.transpose(1, 2).flatten(2)), None, past_key_values

    def step(self, q, k, v, state):
        keep = torch.sigmoid(self.decay)[:, None, None]
        state = keep * state + k.transpose(-1, -2) @ v
        return q @ state, state

    def scan(self, q, k, v, state):
        length = q.shape[2]
        empty = q.new_zeros(*q.shape[:2], q.shape[-1], v.shape[-1])
        if length == 1 and state is not None:
            return self.step(q, k, v, state)
        state = empty  # the whole-sequence path starts anew, whatever the cache holds
        log_keep = F.logsigmoid(self.decay)[:, None, None]
        q, k, v = (F.pad(t, (0, 0, 0, -length % self.chunk)) for t in (q, k, v))
        at = torch.arange(self.chunk, dtype=q.dtype)
        gap = at[:, None] - at[None, :]
        weight = torch.where(gap >= 0, torch.exp(gap.clamp_min(0) * log_keep), gap.new_zeros(()))
        pieces = []
        for a in range(0, q.shape[2], self.chunk):
            qc, kc, vc = (t[:, :, a : a + self.chunk] for t in (q, k, v))
            pieces.append(
                (qc @ kc.transpose(-1, -2) * weight) @ vc
                + torch.exp((at + 1)[:, None] * log_keep) * (qc @ state)
            )
            live = min(self.chunk, length - a)
            left = torch.exp((live - 1 - at).clamp_min(0)[:, None] * log_keep)
            state = torch.exp(live * log_keep) * state + (kc * left).transpose(-1, -2) @ vc
        return torch.cat(pieces, dim=2)[:, :, :length], state
