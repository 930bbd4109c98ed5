"""The frame that every program of this library starts from."""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn

from asi_repro.discover.operators.blocks.fusions import OnePath
from asi_repro.discover.operators.blocks.parts import SigmoidBeta, SiluFeature
from asi_repro.discover.operators.blocks.recurrences import DeltaRule
from asi_repro.discover.operators.blocks.stages import HeadRMSNorm, NoStem


def kept_first(x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Each sequence of x (b, l, d) with its kept tokens first, in order, and the order that does it."""
    order = torch.argsort((mask == 0).to(torch.int8), dim=1, stable=True)
    return torch.take_along_dim(x, order[:, :, None], dim=1), order


def put_back(y: Tensor, order: Tensor, mask: Tensor) -> Tensor:
    """Undo `kept_first`; padded positions get zero."""
    back = torch.argsort(order, dim=1)
    return torch.take_along_dim(y, back[:, :, None], dim=1) * (mask != 0)[:, :, None].to(y.dtype)


class DeltaNet(nn.Module):
    """Delta rule."""

    def __init__(
        self, hidden_size: int = 1024, num_heads: int = 4, layer_idx: int = 0, **kwargs: Any
    ) -> None:
        super().__init__()
        self.stem = NoStem()
        self.paths = nn.ModuleList(
            [
                DeltaRule(
                    hidden_size,
                    num_heads,
                    chunk=32,
                    kernel_size=4,
                    feature=SiluFeature(),
                    beta=SigmoidBeta(hidden_size, num_heads, scale=1.0),
                ),
            ]
        )
        self.fusion = OnePath()
        self.stages = nn.ModuleList([])
        self.norm = HeadRMSNorm(hidden_size, num_heads)
        self.o_proj = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        use_cache: bool | None = False,
        output_attentions: bool | None = False,
        **kwargs: Any,
    ) -> tuple[Tensor, None, Any]:
        if attention_mask is None:
            return self.mix(hidden_states), None, past_key_values
        mask = attention_mask[:, -hidden_states.shape[1] :]
        x, order = kept_first(hidden_states, mask)
        return put_back(self.mix(x), order, mask), None, past_key_values

    def mix(self, hidden_states: Tensor) -> Tensor:
        x = self.stem(hidden_states)
        y = self.fusion(x, [path(x) for path in self.paths])
        for stage in self.stages:
            y = stage(x, y)
        out: Tensor = self.o_proj(rearrange(self.norm(x, y), "b l h d -> b l (h d)"))
        return out
