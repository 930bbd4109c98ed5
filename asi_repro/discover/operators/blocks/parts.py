"""Parts of paths: feature maps, write strengths, decays."""

from __future__ import annotations

import math

import torch
from einops import rearrange, repeat
from torch import Tensor, nn
from torch.nn import functional as F

from asi_repro.discover.operators.blocks.tools import widen


class SiluFeature(nn.Module):
    """SiLU of each channel."""

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(x)


class LinearFeature(nn.Module):
    """The channels as they are."""

    def forward(self, x: Tensor) -> Tensor:
        return x


class EluFeature(nn.Module):
    """ELU + 1: positive features."""

    def forward(self, x: Tensor) -> Tensor:
        return F.elu(x) + 1.0


class SquaredReluFeature(nn.Module):
    """ReLU squared plus a small slope, so that no token is without features."""

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x).square() + 0.1 * x


class SoftmaxFeature(nn.Module):
    """Softmax over the channels: features that compete."""

    def forward(self, x: Tensor) -> Tensor:
        return F.softmax(x, dim=-1)


class SigmoidBeta(nn.Module):
    """Write strength in 0 to `scale`, from the token; above 1 an erased direction changes its sign."""

    def __init__(self, hidden_size: int, num_heads: int, scale: float = 1.0) -> None:
        super().__init__()
        self.b_proj = nn.Linear(hidden_size, num_heads, bias=False)
        self.scale = scale

    def forward(self, x: Tensor) -> Tensor:
        return rearrange(self.scale * torch.sigmoid(self.b_proj(x)), "b l h -> b h l 1")


class BiasedBeta(nn.Module):
    """Write strength from the token, with a learned bias that starts it at `start`."""

    def __init__(self, hidden_size: int, num_heads: int, start: float = 0.5) -> None:
        super().__init__()
        self.b_proj = nn.Linear(hidden_size, num_heads, bias=True)
        nn.init.constant_(self.b_proj.bias, math.log(start / (1.0 - start)))

    def forward(self, x: Tensor) -> Tensor:
        return rearrange(torch.sigmoid(self.b_proj(x)), "b l h -> b h l 1")


class HeadBeta(nn.Module):
    """One learned write strength a head, the same for all tokens."""

    def __init__(self, hidden_size: int, num_heads: int, start: float = 0.5) -> None:
        super().__init__()
        self.logit = nn.Parameter(torch.full((num_heads,), math.log(start / (1.0 - start))))

    def forward(self, x: Tensor) -> Tensor:
        beta = torch.sigmoid(self.logit).to(x.dtype)
        return repeat(beta, "h -> b h l 1", b=x.shape[0], l=x.shape[1])


class FixedDecay(nn.Module):
    """A fixed decay a head, as in retention; time constants in tokens from `shortest` to `longest`."""

    log_decay: Tensor

    def __init__(self, hidden_size: int, num_heads: int, shortest: int = 8, longest: int = 512) -> None:
        super().__init__()
        spread = torch.linspace(math.log(shortest), math.log(longest), num_heads)
        self.register_buffer("log_decay", -torch.exp(-spread), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return repeat(self.log_decay.to(x.dtype), "h -> b h l 1", b=x.shape[0], l=x.shape[1])


class LearnedDecay(nn.Module):
    """One learned decay a head, the same for all tokens, never under `floor`."""

    def __init__(self, hidden_size: int, num_heads: int, floor: float = 0.1, start: float = 0.95) -> None:
        super().__init__()
        self.floor = floor
        self.logit = nn.Parameter(torch.linspace(0.0, 2.0, num_heads) + math.log(start / (1.0 - start)))

    def forward(self, x: Tensor) -> Tensor:
        decay = self.floor + (1.0 - self.floor) * torch.sigmoid(self.logit)
        return repeat(decay.log().to(x.dtype), "h -> b h l 1", b=x.shape[0], l=x.shape[1])


class ScalarDecay(nn.Module):
    """A decay for each token and head, from the token, never under `floor`."""

    def __init__(self, hidden_size: int, num_heads: int, floor: float = 0.1, start: float = 0.95) -> None:
        super().__init__()
        self.floor = floor
        self.a_proj = nn.Linear(hidden_size, num_heads, bias=True)
        nn.init.constant_(self.a_proj.bias, math.log(start / (1.0 - start)))

    def forward(self, x: Tensor) -> Tensor:
        decay = self.floor + (1.0 - self.floor) * torch.sigmoid(widen(self.a_proj(x)))
        return rearrange(decay.log(), "b l h -> b h l 1")


class ChannelDecay(nn.Module):
    """A decay for each token and channel, by a low-rank projection of the token, never under `floor`."""

    def __init__(
        self, hidden_size: int, num_heads: int, floor: float = 0.1, start: float = 0.95, rank: int = 16
    ) -> None:
        super().__init__()
        self.num_heads, self.floor = num_heads, floor
        self.a_down = nn.Linear(hidden_size, rank, bias=False)
        self.a_up = nn.Linear(rank, hidden_size, bias=True)
        nn.init.constant_(self.a_up.bias, math.log(start / (1.0 - start)))

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(widen(self.a_up(self.a_down(x))))
        decay = self.floor + (1.0 - self.floor) * gate
        return rearrange(decay.log(), "b l (h d) -> b h l d", h=self.num_heads)
