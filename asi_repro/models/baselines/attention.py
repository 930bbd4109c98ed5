"""Causal softmax attention with rotary positions: the quadratic baseline."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asi_repro.errors import AsiReproError

ROTARY_BASE = 10000.0


class Attention(nn.Module):
    """Multi-head attention (arXiv 1706.03762) with rotary position embedding (arXiv 2104.09864)."""

    def __init__(self, hidden_size: int, num_heads: int, layer_idx: int = 0) -> None:
        super().__init__()
        if hidden_size % (2 * num_heads):
            raise AsiReproError(
                f"the hidden size {hidden_size} is not an even width for each of {num_heads} heads"
            )
        self.num_heads, self.layer_idx = num_heads, layer_idx
        self.q_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.k_proj = nn.Linear(hidden_size, hidden_size, bias=False)
        self.v_proj = nn.Linear(hidden_size, hidden_size, bias=False)
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
        """One layer on hidden_states (batch, length, hidden_size).

        `attention_mask` (batch, length so far) is 0 at padding; outputs there are zero.
        """
        length = hidden_states.shape[1]
        projections = (self.q_proj, self.k_proj, self.v_proj)
        q, k, v = (proj(hidden_states).unflatten(-1, (self.num_heads, -1)) for proj in projections)
        start = 0 if past_key_values is None else past_key_values.get_seq_length(self.layer_idx)
        q, k = rotate(q, start), rotate(k, start)
        if past_key_values is not None and use_cache:
            k, v = past_key_values.update(attn_state=(k, v), layer_idx=self.layer_idx)["attn_state"]
        total = k.shape[1]
        positions = torch.arange(total, device=k.device)
        allowed = positions[total - length :, None] >= positions
        if attention_mask is not None:
            # A padded query still needs one key, or its softmax is NaN and spoils gradients.
            real = attention_mask[:, None, None, -total:].bool()
            allowed = (allowed & real) | (positions[total - length :, None] == positions)
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        o = F.scaled_dot_product_attention(q, k, v, attn_mask=allowed)
        o = self.o_proj(o.transpose(1, 2).flatten(2))
        if attention_mask is not None:
            o = o * attention_mask[:, -length:, None].to(o.dtype)
        return o, None, past_key_values


def rotate(x: Tensor, start: int) -> Tensor:
    """Rotate x (batch, length, heads, width) by its positions, the first of which is `start`."""
    half = x.shape[-1] // 2
    wide = torch.promote_types(x.dtype, torch.float32)
    frequency = ROTARY_BASE ** -(torch.arange(half, device=x.device, dtype=wide) / half)
    angle = torch.arange(start, start + x.shape[1], device=x.device, dtype=wide)[:, None, None] * frequency
    first, second = x.to(wide).chunk(2, dim=-1)
    turned = (first * angle.cos() - second * angle.sin(), second * angle.cos() + first * angle.sin())
    return torch.cat(turned, dim=-1).to(x.dtype)
