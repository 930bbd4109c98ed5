"""Clean: a causal depth-wise convolution with a gate, padding kept out by the mask."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, **kwargs):
        super().__init__()
        self.kernel = 5
        self.conv = nn.Conv1d(hidden_size, hidden_size, self.kernel, groups=hidden_size, bias=False)
        self.gate = nn.Linear(hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, hidden_size)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, use_cache=False, **kwargs):
        x = hidden_states
        if attention_mask is not None:
            x = x * attention_mask[:, -x.shape[1] :, None].to(x.dtype)
        kept = self.kernel - 1
        inputs = x.transpose(1, 2)
        state = past_key_values[0] if past_key_values is not None and len(past_key_values) else None
        if state is None:
            padded = F.pad(inputs, (kept, 0))
        else:
            (before,) = state["conv_state"]
            padded = F.pad(before, (max(kept - before.shape[2], 0), 0))[:, :, -kept:]
            padded = torch.cat([padded, inputs], dim=2)
        if use_cache and past_key_values is not None:
            past_key_values.update(
                conv_state=(padded[:, :, -kept:],), layer_idx=0, offset=hidden_states.shape[1]
            )
        mixed = self.conv(padded).transpose(1, 2)
        return self.out(mixed * self.gate(x).sigmoid()), None, past_key_values
