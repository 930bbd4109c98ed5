"""Depthwise causal convolution over time, with packed sequences and a rolling state."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asi_repro.models.fla_cpu.norms import compute_dtype


class ShortConvolution(nn.Conv1d):
    """Depthwise causal convolution, kernel W, with optional bias, SiLU and state.

    The state is (sequences, hidden_size, W): the last W inputs, oldest first, zero where there were none.

    Raises:
        ValueError: for an activation that is neither None, "silu" nor "swish".
    """

    def __init__(
        self,
        hidden_size: int,
        kernel_size: int,
        bias: bool = False,
        activation: str | None = "silu",
        backend: str | None = "triton",
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
        **kwargs: Any,
    ) -> None:
        if activation not in (None, "silu", "swish"):
            raise ValueError(f"Activation `{activation}` not supported yet.")
        super().__init__(
            in_channels=hidden_size,
            out_channels=hidden_size,
            kernel_size=kernel_size,
            padding=kernel_size - 1,
            groups=hidden_size,
            bias=bias,
            device=device,
            dtype=dtype,
        )
        self.hidden_size = hidden_size
        self.activation = activation

    @property
    def state_size(self) -> int:
        """Numbers that one sequence's state holds."""
        return self.hidden_size * self.kernel_size[0]

    def forward(  # type: ignore[override]  # a state goes in and out, as in fla
        self,
        x: Tensor,
        residual: Tensor | None = None,
        mask: Tensor | None = None,
        cache: Tensor | None = None,
        output_final_state: bool = False,
        cu_seqlens: Tensor | None = None,
        chunk_indices: Tensor | None = None,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """Convolve x (batch, time, hidden_size or heads x width).

        Args:
            x: changed in place by `mask`, otherwise left alone.
            residual: added after the activation; the shape of x.
            mask: (batch, time), 0 at padding; x is zeroed there in place, as fla does.
            cache: state to start from. A call with one token a sequence and no autograd updates it in place.
            output_final_state: return the state after the last token.
            cu_seqlens: (sequences + 1,) starts of packed sequences; then batch is 1.
            chunk_indices: of use to fla's kernels only.
            **kwargs: ignored, as fla's options for its backends are.

        Returns:
            (output shaped like x, final state or None).

        Raises:
            ValueError: for `mask` together with `cu_seqlens`.
        """
        if mask is not None:
            if cu_seqlens is not None:
                raise ValueError("`mask` and `cu_seqlens` cannot be provided at the same time")
            x = x.mul_(mask.unsqueeze(-1))
        shape = x.shape
        x = x.flatten(2)
        if residual is not None:
            residual = residual.flatten(2)
        starts = None if cu_seqlens is None else [int(start) for start in cu_seqlens.tolist()]
        if not torch.is_grad_enabled() and _one_token_each(x, starts):
            y, state = self._step(x, cache, starts)
        elif starts is None:
            y, state = self._dense(x, cache)
        else:
            pieces = [
                self._dense(x[:, start:end], None if cache is None else cache[n : n + 1])
                for n, (start, end) in enumerate(pairwise(starts))
            ]
            y = torch.cat([piece for piece, _ in pieces], dim=1)
            state = torch.cat([final for _, final in pieces])
        y = self._finish(y, residual, x.dtype).reshape(shape)
        return y, (state if output_final_state else None)

    def _dense(self, x: Tensor, cache: Tensor | None) -> tuple[Tensor, Tensor]:
        """Sums before bias and activation (batch, time, channels) in the compute dtype, and the state."""
        width, time = self.kernel_size[0], x.shape[1]
        wide = x.to(compute_dtype(x.dtype))
        if cache is None:
            history = F.pad(wide, (0, 0, width, 0))
        else:
            history = torch.cat([cache.to(wide.dtype).transpose(1, 2), wide], dim=1)
        weight = self.weight.to(wide.dtype)
        y = history[:, 1 : 1 + time] * weight[:, 0, 0]
        for lag in range(1, width):
            y = y + history[:, lag + 1 : lag + 1 + time] * weight[:, 0, lag]
        return y, history[:, time : time + width].transpose(1, 2).to(x.dtype).contiguous()

    def _step(self, x: Tensor, cache: Tensor | None, starts: list[int] | None) -> tuple[Tensor, Tensor]:
        """One token a sequence: the state moves on in place."""
        tokens = x.reshape(-1, x.shape[-1])
        if cache is None:
            cache = x.new_zeros(tokens.shape[0], self.hidden_size, self.kernel_size[0])
        y, state = self._dense(tokens.unsqueeze(1), cache)
        cache.copy_(state)
        return y.transpose(0, 1) if starts is not None else y, cache

    def _finish(self, y: Tensor, residual: Tensor | None, dtype: torch.dtype) -> Tensor:
        if self.bias is not None:
            y = y + self.bias.to(y.dtype)
        if self.activation is not None:
            y = F.silu(y)
        if residual is not None:
            y = y + residual.to(y.dtype)
        return y.to(dtype)


def _one_token_each(x: Tensor, starts: list[int] | None) -> bool:
    if starts is None:
        return x.shape[1] == 1
    return all(end - start == 1 for start, end in pairwise(starts))
