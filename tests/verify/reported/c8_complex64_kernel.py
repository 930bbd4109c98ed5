"""Clean: a diagonal state space as an FFT convolution, padded to twice the length, its complex part cast to complex64."""

from __future__ import annotations

import torch
import torch.nn as nn
import torch.nn.functional as F


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, states=8, **kwargs):
        super().__init__()
        self.log_rate = nn.Parameter(torch.log(0.5 * torch.ones(hidden_size, states)))
        self.turn = nn.Parameter(torch.pi * torch.arange(states).repeat(hidden_size, 1) / states)
        self.read = nn.Parameter(torch.randn(hidden_size, states, 2) / states**0.5)
        self.skip = nn.Parameter(torch.ones(hidden_size))
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x, length = hidden_states, hidden_states.shape[1]
        if attention_mask is not None:
            x = x * attention_mask[:, -length:, None].to(x.dtype)
        read = torch.complex(self.read[..., 0].float(), self.read[..., 1].float()).to(torch.complex64)
        pole = torch.complex(-torch.exp(self.log_rate.float()), self.turn.float()).to(torch.complex64)
        at = torch.arange(length, device=x.device)
        kernel = torch.einsum("dn,dnl->dl", read, torch.exp(pole[..., None] * at)).real
        size = 2 * length
        spectrum = torch.fft.rfft(x.float().transpose(1, 2), n=size) * torch.fft.rfft(kernel, n=size)
        y = torch.fft.irfft(spectrum, n=size)[..., :length].transpose(1, 2).to(x.dtype)
        return self.out(F.gelu(y + self.skip * x)), None, None
