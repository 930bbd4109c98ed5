"""Mamba2 (arXiv 2405.21060) by transformers, whose mixer has a torch path."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

EXPAND, STATE, FULL_HEAD = 2, 128, 64


def head_width(hidden_size: int, num_heads: int) -> int:
    """64 as Mamba2 has it; below 256 channels, where that leaves few heads, the frame's number of heads."""
    inner = EXPAND * hidden_size
    return FULL_HEAD if inner >= 8 * FULL_HEAD and inner % FULL_HEAD == 0 else inner // num_heads


class Mamba2(nn.Module):
    """transformers' Mamba2 mixer with the interface of a program's main class. Its cache is not used."""

    def __init__(self, hidden_size: int, num_heads: int, layer_idx: int = 0) -> None:
        super().__init__()
        from transformers.models.mamba2.configuration_mamba2 import Mamba2Config
        from transformers.models.mamba2.modeling_mamba2 import Mamba2Mixer

        width = head_width(hidden_size, num_heads)
        config = Mamba2Config(
            hidden_size=hidden_size,
            expand=EXPAND,
            head_dim=width,
            num_heads=EXPAND * hidden_size // width,
            n_groups=1,
            state_size=STATE,
            num_hidden_layers=1,
            chunk_size=64,
        )
        self.mixer = Mamba2Mixer(config, layer_idx=0)

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        **kwargs: Any,
    ) -> tuple[Tensor, None, Any]:
        """One layer on hidden_states (batch, length, hidden_size)."""
        output: Tensor = self.mixer(hidden_states, attention_mask=attention_mask)
        return output, None, past_key_values
