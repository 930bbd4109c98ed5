"""Small programs of our own, in the form of the release's: one token mixer, helper classes, fla names."""

MIXER = """
from __future__ import annotations
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Optional, Tuple
import functools
import math
import torch
import torch.nn as nn
from torch.nn import functional as F
from einops import rearrange
from fla.layers.utils import pad_input
from fla.layers.utils import get_unpad_data as unpad, index_first_axis
from fla.modules import RMSNorm, ShortConvolution
from fla.modules.l2norm import l2norm

if TYPE_CHECKING:
    from fla.models.utils import Cache

@dataclass
class Sizes:
    width: int = 1
    shared: ClassVar[int] = 2
    kernels: Optional[list] = field(default_factory=list)

class Pair(NamedTuple):
    left: int
    right: "int"

@functools.lru_cache(maxsize=None)
def scale(width: int) -> float:
    return 1 / math.sqrt(width)

@torch.compile
def running_mean(x: torch.Tensor) -> torch.Tensor:
    steps = torch.arange(1, x.shape[1] + 1, device=x.device, dtype=x.dtype)
    return x.cumsum(1) / steps[None, :, None]

class Helper(nn.Module):
    def forward(self, x):
        return x * scale(4)

class DeltaNet(nn.Module):
    def __init__(self, hidden_size: int = 1024, num_heads: int = 4, layer_idx: int = 0, **kwargs):
        super().__init__()
        self.layer_idx = layer_idx
        self.helper = Helper()
        self.inner = nn.Linear(hidden_size, hidden_size, bias=False)
        self.conv = ShortConvolution(hidden_size, 4, activation="silu")
        self.norm = RMSNorm(hidden_size)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, *, use_cache=False, **kwargs):
        x, _ = self.conv(self.inner(self.helper(hidden_states)))
        aux = x.square().mean() * 1e-3 if self.training else None
        return self.norm(running_mean(l2norm(x))), aux, past_key_values
"""

# A cast to bfloat16 before a product with whatever the weights are.
NARROW = """
import torch
import torch.nn as nn

class DeltaNet(nn.Module):
    def __init__(self, hidden_size=8, num_heads=1, layer_idx=0, **kwargs):
        super().__init__()
        self.inner = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, **kwargs):
        lower = self.inner(hidden_states).tril().to(torch.bfloat16)
        return lower @ self.inner.weight, None, None
"""

# A mixer with a state that works: an exponential moving sum, step by step or at once.
STATEFUL = """
import torch
import torch.nn as nn

class DeltaNet(nn.Module):
    def __init__(self, hidden_size=8, num_heads=1, layer_idx=0, **kwargs):
        super().__init__()
        self.layer_idx = layer_idx
        self.inner = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, use_cache=False, **kwargs):
        x = self.inner(hidden_states)
        state = x.new_zeros(x.shape[0], x.shape[2])
        if (0 if past_key_values is None else len(past_key_values)) > self.layer_idx:
            state = past_key_values[self.layer_idx]["recurrent_state"]
        steps = []
        for t in range(x.shape[1]):
            state = 0.9 * state + x[:, t]
            steps.append(state)
        if past_key_values is not None and use_cache:
            past_key_values.update(recurrent_state=state, layer_idx=self.layer_idx, offset=x.shape[1])
        return torch.stack(steps, 1), None, past_key_values
"""
