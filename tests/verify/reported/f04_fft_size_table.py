"""Fault: the FFT size is the next of a table that starts at 1024, so at lengths of 1024, 2048 or 4096 the convolution wraps around: tokens at the end reach the first 127 outputs. HazyResearch/flash-fft-conv#31."""

from __future__ import annotations

import torch
import torch.nn as nn

SIZES = (1024, 2048, 4096, 8192, 16384, 32768)


def fft_size(length, taps):
    return next((size for size in SIZES if size >= length), 2 * length)


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=64, num_heads=2, taps=128, **kwargs):
        super().__init__()
        decay = torch.exp(-torch.arange(taps) / (taps / 4))
        self.kernel = nn.Parameter(torch.randn(hidden_size, taps) * decay / taps**0.5)
        self.gate = nn.Linear(hidden_size, hidden_size)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        x = hidden_states
        if attention_mask is not None:
            x = x * attention_mask[:, -x.shape[1] :, None].to(x.dtype)
        length = x.shape[1]
        size = fft_size(length, self.kernel.shape[1])
        wide = torch.float32 if x.dtype == torch.bfloat16 else x.dtype
        kernel = torch.fft.rfft(self.kernel.to(wide)[:, :length], n=size)
        y = torch.fft.irfft(torch.fft.rfft(x.to(wide).transpose(1, 2), n=size) * kernel, n=size)[..., :length]
        return self.out(y.transpose(1, 2).to(x.dtype) * torch.sigmoid(self.gate(x))), None, None
