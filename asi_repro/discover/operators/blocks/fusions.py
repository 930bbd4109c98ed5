"""How the outputs of the paths, each (b, l, h, d), become one."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F


class OnePath(nn.Module):
    """The only path's output as it is."""

    def forward(self, x: Tensor, paths: list[Tensor]) -> Tensor:
        return paths[0]


class MeanFusion(nn.Module):
    """The mean of the paths."""

    def forward(self, x: Tensor, paths: list[Tensor]) -> Tensor:
        return torch.stack(paths).mean(0)


class HeadFusion(nn.Module):
    """Learned softmax weights, for each path and head, the same for all tokens."""

    def __init__(self, hidden_size: int, num_heads: int, paths: int, first: float = 1.0) -> None:
        super().__init__()
        logits = torch.zeros(paths, num_heads)
        logits[0] = first
        self.logits = nn.Parameter(logits)

    def forward(self, x: Tensor, paths: list[Tensor]) -> Tensor:
        weights = rearrange(F.softmax(self.logits, dim=0).to(x.dtype), "p h -> p 1 1 h 1")
        return (weights * torch.stack(paths)).sum(0)


class ResidualFusion(nn.Module):
    """The first path plus the others, each scaled by a learned number a head that starts at `start`."""

    def __init__(self, hidden_size: int, num_heads: int, paths: int, start: float = 0.1) -> None:
        super().__init__()
        self.scales = nn.Parameter(torch.full((paths - 1, num_heads), start))

    def forward(self, x: Tensor, paths: list[Tensor]) -> Tensor:
        scales = rearrange(self.scales.to(x.dtype), "p h -> p 1 1 h 1")
        return paths[0] + (scales * torch.stack(paths[1:])).sum(0)


class SoftmaxRouter(nn.Module):
    """Softmax weights for each token, head and path, from the token; each at least floor / paths."""

    def __init__(
        self, hidden_size: int, num_heads: int, paths: int, floor: float = 0.0, temperature: float = 1.0
    ) -> None:
        super().__init__()
        self.paths, self.floor, self.temperature = paths, floor, temperature
        self.router = nn.Linear(hidden_size, paths * num_heads, bias=True)
        nn.init.zeros_(self.router.bias)

    def forward(self, x: Tensor, paths: list[Tensor]) -> Tensor:
        logits = rearrange(self.router(x), "b l (p h) -> p b l h 1", p=self.paths)
        weights = F.softmax(logits / self.temperature, dim=0)
        weights = self.floor / self.paths + (1.0 - self.floor) * weights
        return (weights * torch.stack(paths)).sum(0)


class StatisticsRouter(nn.Module):
    """A softmax router that also sees the mean and the root mean square of each path's output."""

    def __init__(self, hidden_size: int, num_heads: int, paths: int, floor: float = 0.0) -> None:
        super().__init__()
        self.paths, self.floor = paths, floor
        self.router = nn.Linear(hidden_size, paths * num_heads, bias=False)
        self.by_statistics = nn.Linear(2 * paths, paths, bias=True)

    def forward(self, x: Tensor, paths: list[Tensor]) -> Tensor:
        outputs = torch.stack(paths, dim=-2)
        mean = outputs.mean(-1)
        size = (outputs.square().mean(-1) + 1e-6).sqrt()
        logits = rearrange(self.router(x), "b l (h p) -> b l h p", p=self.paths)
        logits = logits + self.by_statistics(torch.cat((mean, size), dim=-1))
        weights = self.floor / self.paths + (1.0 - self.floor) * F.softmax(logits, dim=-1)
        return (rearrange(weights, "b l h p -> b l h p 1") * outputs).sum(-2)


class SigmoidFusion(nn.Module):
    """The sum of the paths, each times a sigmoid gate of its own for each token and head."""

    def __init__(self, hidden_size: int, num_heads: int, paths: int) -> None:
        super().__init__()
        self.paths = paths
        self.gates = nn.Linear(hidden_size, paths * num_heads, bias=True)
        nn.init.zeros_(self.gates.bias)

    def forward(self, x: Tensor, paths: list[Tensor]) -> Tensor:
        gates = rearrange(torch.sigmoid(self.gates(x)), "b l (p h) -> p b l h 1", p=self.paths)
        return (gates * torch.stack(paths)).sum(0)


class NormalisedFusion(nn.Module):
    """Each path divided by its root mean square a head, then learned weights a path and head."""

    def __init__(self, hidden_size: int, num_heads: int, paths: int) -> None:
        super().__init__()
        self.weights = nn.Parameter(torch.full((paths, num_heads), 1.0 / paths))

    def forward(self, x: Tensor, paths: list[Tensor]) -> Tensor:
        outputs = torch.stack(paths)
        outputs = outputs * torch.rsqrt(outputs.square().mean(-1, keepdim=True) + 1e-5)
        return (rearrange(self.weights.to(x.dtype), "p h -> p 1 1 h 1") * outputs).sum(0)
