"""The frame of the paper's models: pre-norm blocks of a token mixer and a SwiGLU."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from asi_repro.models.lm.config import AsiArchConfig
from asi_repro.models.mixer import MixerOutput, MixerSource, mixer_output


def new_mixer(config: AsiArchConfig, source: MixerSource, layer_idx: int) -> nn.Module:
    """The mixer of one layer, from the current random state."""
    arguments = config.mixer_arguments or {}
    return source.construct(config.hidden_size, config.num_attention_heads, layer_idx=layer_idx, **arguments)


class SwiGLU(nn.Module):
    """down(silu(gate(x)) · up(x)), without biases."""

    def __init__(self, hidden_size: int, intermediate_size: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.up_proj = nn.Linear(hidden_size, intermediate_size, bias=False)
        self.down_proj = nn.Linear(intermediate_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        product: Tensor = self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))
        return product


class Block(nn.Module):
    """x + mixer(norm(x)), then x + SwiGLU(norm(x))."""

    def __init__(self, config: AsiArchConfig, source: MixerSource, layer_idx: int) -> None:
        super().__init__()
        self.mixer_norm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)
        self.mixer = new_mixer(config, source, layer_idx)
        self.mlp_norm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)
        self.mlp = SwiGLU(config.hidden_size, config.intermediate_size)

    def forward(self, x: Tensor, mask: Tensor | None, cache: Any, use_cache: bool) -> MixerOutput:
        """One block on x (batch, length, hidden_size); `mask` is (batch, length), 1 at real tokens."""
        mixed = mixer_output(
            self.mixer(
                self.mixer_norm(x),
                attention_mask=mask,
                past_key_values=cache,
                use_cache=use_cache,
                output_attentions=False,
            )
        )
        x = x + mixed.hidden_states
        return mixed._replace(hidden_states=x + self.mlp(self.mlp_norm(x)))
