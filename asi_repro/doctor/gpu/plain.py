"""A softmax language model in plain PyTorch with a plain loop: what the card gives without this project."""

from __future__ import annotations

import statistics
import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from asi_repro.config.train import Recipe
from asi_repro.models.scales import Scale
from asi_repro.verify.operation_counts import Meter


@dataclass(frozen=True)
class Speed:
    """What a loop came to.

    Attributes:
        tokens_per_second: median over the steps after the first fifth.
        flops_per_second: of forward and backward products, over the same time.
        parameters: of the model.
    """

    tokens_per_second: float
    flops_per_second: float
    parameters: int


class Block(nn.Module):
    """Softmax attention and SwiGLU, each after a norm."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        width, inner = scale.hidden_size, scale.intermediate_size
        self.heads = scale.num_heads
        self.norms = nn.ModuleList(nn.RMSNorm(width) for _ in range(2))
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width, bias=False)
        self.up, self.down = nn.Linear(width, 2 * inner, bias=False), nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        parts = self.qkv(self.norms[0](x)).view(batch, length, 3, self.heads, -1).transpose(1, 3)
        q, k, v = parts.unbind(2)
        mixed = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(mixed.transpose(1, 2).reshape(batch, length, width))
        gate, value = self.up(self.norms[1](x)).chunk(2, dim=-1)
        return x + self.down(functional.silu(gate) * value)  # type: ignore[no-any-return]


class SoftmaxModel(nn.Module):
    """A language model of a scale's sizes, with its embedding and output apart."""

    def __init__(self, scale: Scale) -> None:
        super().__init__()
        self.embed = nn.Embedding(scale.vocab_size, scale.hidden_size)
        self.blocks = nn.Sequential(*(Block(scale) for _ in range(scale.num_layers)))
        self.norm = nn.RMSNorm(scale.hidden_size)
        self.head = nn.Linear(scale.hidden_size, scale.vocab_size, bias=False)

    def loss(self, tokens: Tensor) -> Tensor:
        """Mean cross-entropy of each next token."""
        logits = self.head(self.norm(self.blocks(self.embed(tokens))))
        return functional.cross_entropy(logits[:, :-1].flatten(0, 1).float(), tokens[:, 1:].flatten())


def plain_speed(scale: Scale, recipe: Recipe, device: str) -> Speed:
    """Train on random tokens for the recipe's steps, in bfloat16 on CUDA."""
    torch.manual_seed(0)
    model = SoftmaxModel(scale).to(device)
    fused: dict[str, Any] = {"fused": True} if device == "cuda" else {}
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, **fused)
    tokens = torch.randint(scale.vocab_size, (recipe.batch, recipe.length), device=device)
    meter = Meter()
    with meter:
        model.loss(tokens[:1]).backward()  # type: ignore[no-untyped-call]
    seconds = []
    for _ in range(recipe.steps):
        _wait(device)
        began = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16) if device == "cuda" else nullcontext():
            loss = model.loss(tokens)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        optimizer.step()
        _wait(device)
        seconds.append(time.perf_counter() - began)
    rate = recipe.tokens_per_step / statistics.median(seconds[len(seconds) // 5 :])
    return Speed(rate, rate * meter.flops / recipe.length, sum(p.numel() for p in model.parameters()))


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
