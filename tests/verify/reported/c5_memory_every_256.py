"""Clean: a memory written after each chunk of 256 and read in the next ones; its parameters do nothing in the first 256 tokens."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, chunk=256, **kwargs):
        super().__init__()
        self.chunk = chunk
        self.conv = nn.Conv1d(hidden_size, hidden_size, 4, groups=hidden_size, bias=False)
        self.write = nn.Linear(hidden_size, hidden_size, bias=False)
        self.read = nn.Linear(hidden_size, hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x, length = hidden_states, hidden_states.shape[1]
        if attention_mask is not None:
            mask = attention_mask[:, -length:].bool()
            order = torch.argsort(~mask, dim=1, stable=True)[..., None]
            x = torch.gather(x * mask[..., None].to(x.dtype), 1, order.expand_as(x))
        y = self.conv(F.pad(x.transpose(1, 2), (3, 0))).transpose(1, 2)
        memory, pieces = torch.zeros_like(x[:, :1]), []
        for a in range(0, length, self.chunk):
            part = y[:, a : a + self.chunk]
            pieces.append(part + torch.tanh(self.read(part)) * memory)
            memory = 0.5 * memory + self.write(part).mean(1, keepdim=True)
        y = torch.cat(pieces, dim=1)
        if attention_mask is not None:
            y = torch.zeros_like(y).scatter(1, order.expand_as(y), y)
        return self.out(y), None, None
