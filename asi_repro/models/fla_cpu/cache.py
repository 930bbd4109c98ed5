"""The state that layers keep between calls while a sequence is generated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

State = dict[str, Any]


class Cache:
    """One state dictionary a layer: recurrent_state, attn_state, conv_state, ffn_state.

    `len(cache)` is the number of layers that have been given a place; a layer that was skipped holds None.
    """

    is_compileable = False

    def __init__(self, seen_tokens: int = 0, **kwargs: Any) -> None:
        self._states: list[State | None] = []
        self._seen: list[int] = []
        self._first_seen = int(seen_tokens)

    def update(
        self,
        recurrent_state: Any = None,
        attn_state: tuple[Tensor, ...] | None = None,
        conv_state: Any = None,
        ffn_state: Any = None,
        layer_idx: int = 0,
        offset: int | None = 1,
        cache_kwargs: dict[str, Any] | None = None,
    ) -> State:
        """Replace the given states of layer `layer_idx`; keys and values in `attn_state` are appended.

        `attn_state` holds tensors (batch, time, ...), kept to the last positions that
        `cache_kwargs["window_size"]` allows;
        `offset` says how many tokens this call added, where `attn_state` does not tell.

        Raises:
            ValueError: where `attn_state` is not a tuple or list.
        """
        if attn_state is not None and not isinstance(attn_state, (tuple, list)):
            raise ValueError("`attn_state` must be a tuple/list of tensors")
        while len(self._states) <= layer_idx:
            self._states.append(None)
            self._seen.append(0)
        state = self._states[layer_idx]
        if state is None:
            state = {"recurrent_state": None, "attn_state": None, "conv_state": None, "ffn_state": None}
            self._states[layer_idx] = state
        added = 1 if offset is None else offset
        if attn_state and attn_state[0] is not None:
            added = attn_state[0].shape[1]
            window = (cache_kwargs or {}).get("window_size")
            state["attn_state"] = _appended(state["attn_state"], attn_state, window)
        given = {"recurrent_state": recurrent_state, "conv_state": conv_state, "ffn_state": ffn_state}
        state.update({key: value for key, value in given.items() if value is not None})
        self._seen[layer_idx] += added
        return state

    def __getitem__(self, layer_idx: int) -> State | None:
        if not 0 <= layer_idx < len(self._states):
            raise KeyError(f"Cache has {len(self._states)} layers, layer {layer_idx} was asked for")
        return self._states[layer_idx]

    def __iter__(self) -> Iterator[State | None]:
        return iter(self._states)

    def __len__(self) -> int:
        return len(self._states)

    def get_seq_length(self, layer_idx: int | None = 0, cache_position: Any = None) -> int:
        """Tokens that layer `layer_idx` has seen."""
        index = layer_idx or 0
        return self._seen[index] if index < len(self._seen) else self._first_seen

    def get_max_cache_shape(self, layer_idx: int = 0) -> int:
        """-1: there is no bound."""
        return -1

    def get_max_length(self, layer_idx: int = 0) -> int:
        """-1: there is no bound."""
        return -1

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        """(key length, key offset) of an attention mask for `query_length` new tokens."""
        return self.get_seq_length(layer_idx) + query_length, 0

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Select rows of the batch in every state (beam search)."""
        self._states = [
            _mapped(state, lambda t: t.index_select(0, beam_idx.to(t.device))) for state in self._states
        ]

    def reset(self) -> None:
        """Forget everything."""
        self._states.clear()
        self._seen.clear()
        self._first_seen = 0

    def to_legacy_cache(self) -> tuple[State | None, ...]:
        """The state dictionaries as a tuple."""
        return tuple(self._states)

    @classmethod
    def from_legacy_cache(
        cls, past_key_values: tuple[State | None, ...] | None = None, seen_tokens: int = 0, **kwargs: Any
    ) -> Cache:
        """A cache holding the given state dictionaries."""
        cache = cls(seen_tokens)
        for state in past_key_values or ():
            cache._states.append(None if state is None else dict(state))
            cache._seen.append(int(seen_tokens))
        return cache


def _appended(
    kept: tuple[Tensor, ...] | None, new: tuple[Tensor, ...] | list[Tensor], window: int | None
) -> tuple[Tensor, ...]:
    joined = (
        tuple(new)
        if kept is None
        else tuple(torch.cat([a, b], dim=1) for a, b in zip(kept, new, strict=True))
    )
    return joined if window is None else tuple(t[:, -window:].contiguous() for t in joined)


def _mapped(value: Any, function: Any) -> Any:
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, dict):
        return {key: _mapped(item, function) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return type(value)(_mapped(item, function) for item in value)
    return value
