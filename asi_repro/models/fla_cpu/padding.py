"""Packing a padded batch into one long sequence, and back."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def get_unpad_data(attention_mask: Tensor) -> tuple[Tensor, Tensor, int]:
    """Where the real tokens of a padded batch are.

    Args:
        attention_mask: (batch, length), bool or integer, 1 at real tokens.

    Returns:
        indices (tokens,) int64 into the flattened batch; cu_seqlens (batch + 1,) int32, where each sequence
        starts in the packed one; the longest sequence's length.
    """
    lengths = attention_mask.sum(dim=-1, dtype=torch.int32)
    indices = attention_mask.flatten().nonzero(as_tuple=False).flatten()
    cu_seqlens = F.pad(lengths.cumsum(dim=0, dtype=torch.int32), (1, 0))
    return indices, cu_seqlens, int(lengths.max().item())


def index_first_axis(x: Tensor, indices: Tensor) -> Tensor:
    """Rows `indices` (tokens,) of x (rows, ...) as (tokens, ...)."""
    return x.index_select(0, indices)


def pad_input(hidden_states: Tensor, indices: Tensor, batch_size: int, seq_len: int) -> Tensor:
    """Undo packing: (tokens, ...) at `indices` becomes (batch_size, seq_len, ...), zero elsewhere."""
    rows = hidden_states.new_zeros(batch_size * seq_len, *hidden_states.shape[1:])
    rows = rows.index_copy(0, indices, hidden_states)
    return rows.reshape(batch_size, seq_len, *hidden_states.shape[1:])
