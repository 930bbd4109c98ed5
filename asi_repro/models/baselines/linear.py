"""DeltaNet and Gated DeltaNet as torch modules, with the parameter names of fla's layers.

And two that a sceptic asks for: DeltaNet with no more added than a gated convolution branch, as the simplest
member of the gallery's family, and DeltaNet widened to as many parameters as the gallery's median.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from asi_repro.errors import AsiReproError
from asi_repro.models.baselines.delta_rule import gated_delta_rule
from asi_repro.models.fla_cpu import Cache, FusedRMSNormGated, RMSNorm, ShortConvolution, l2norm

Returned = tuple[Tensor, None, Cache | None]
BRANCH = 32  # positions that the convolution branch reaches over


class _DeltaMixer(nn.Module):
    """Projections, short convolutions, the rule, a norm per head, and the output projection."""

    def __init__(
        self, hidden_size: int, num_heads: int, key_dim: int, value_dim: int, layer_idx: int
    ) -> None:
        super().__init__()
        if key_dim % num_heads or value_dim % num_heads:
            raise AsiReproError(
                f"{num_heads} heads do not divide the key width {key_dim} or value width {value_dim}"
            )
        self.num_heads, self.layer_idx = num_heads, layer_idx
        self.q_proj = nn.Linear(hidden_size, key_dim, bias=False)
        self.k_proj = nn.Linear(hidden_size, key_dim, bias=False)
        self.v_proj = nn.Linear(hidden_size, value_dim, bias=False)
        self.b_proj = nn.Linear(hidden_size, num_heads, bias=False)
        self.q_conv1d = ShortConvolution(key_dim, 4)
        self.k_conv1d = ShortConvolution(key_dim, 4)
        self.v_conv1d = ShortConvolution(value_dim, 4)
        self.o_proj = nn.Linear(value_dim, hidden_size, bias=False)

    def log_decay(self, x: Tensor) -> Tensor | None:
        """(batch, heads, length), or None for no decay."""
        return None

    def write_strength(self, x: Tensor) -> Tensor:
        """(batch, heads, length), the rule's b_t."""
        strength: Tensor = self.b_proj(x).sigmoid().transpose(1, 2)
        return strength

    def normalise(self, o: Tensor, x: Tensor) -> Tensor:
        """The outputs (batch, length, heads, width) before the projection; x is the layer's input."""
        raise NotImplementedError

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = False,
        output_attentions: bool | None = False,
        **kwargs: Any,
    ) -> Returned:
        """One layer on hidden_states (batch, length, hidden_size).

        `attention_mask` (batch, length) is for padding at either end: a zero input leaves the state alone.

        Raises:
            AsiReproError: for packed sequences (`cu_seqlens`), which only the fla backend takes.
        """
        if kwargs.get("cu_seqlens") is not None:
            raise AsiReproError(
                "the torch baselines do not support packed sequences", hint="use the fla backend"
            )
        x = hidden_states
        if attention_mask is not None:
            x = x * attention_mask[:, -x.shape[1] :, None].to(x.dtype)
        state = (
            past_key_values[self.layer_idx]
            if past_key_values and len(past_key_values) > self.layer_idx
            else None
        )
        kept = (None, None, None) if state is None else state["conv_state"]
        pairs = (
            (self.q_proj, self.q_conv1d),
            (self.k_proj, self.k_conv1d),
            (self.v_proj, self.v_conv1d),
        )
        convolved = [
            conv(proj(x), cache=old, output_final_state=bool(use_cache))
            for (proj, conv), old in zip(pairs, kept, strict=True)
        ]
        q, k, v = (y.unflatten(-1, (self.num_heads, -1)).transpose(1, 2) for y, _ in convolved)
        o, recurrent = gated_delta_rule(
            l2norm(q),
            l2norm(k),
            v,
            self.write_strength(x),
            self.log_decay(x),
            state=None if state is None else state["recurrent_state"],
        )
        if past_key_values is not None and use_cache:
            past_key_values.update(
                recurrent_state=recurrent,
                conv_state=tuple(final for _, final in convolved),
                layer_idx=self.layer_idx,
                offset=x.shape[1],
            )
        o = self.normalise(o.transpose(1, 2), x).flatten(2)
        return self.o_proj(o), None, past_key_values


class DeltaNet(_DeltaMixer):
    """DeltaNet (arXiv 2406.06484) as programs start from it: expansions 1, short convolution, no gate."""

    def __init__(self, hidden_size: int, num_heads: int, layer_idx: int = 0, norm_eps: float = 1e-5) -> None:
        super().__init__(hidden_size, num_heads, hidden_size, hidden_size, layer_idx)
        self.o_norm = RMSNorm(hidden_size // num_heads, eps=norm_eps)

    def normalise(self, o: Tensor, x: Tensor) -> Tensor:
        normal = self.o_norm(o)
        assert isinstance(normal, Tensor)
        return normal


class NegativeDeltaNet(DeltaNet):
    """DeltaNet whose writing strength reaches 2, so that its state can change sign (arXiv 2411.12537).

    No baseline of the sweep: the model that is known to pass the probe for parity.
    """

    def write_strength(self, x: Tensor) -> Tensor:
        return 2 * super().write_strength(x)


class WideDeltaNet(DeltaNet):
    """DeltaNet whose keys and values have 7/4 of the hidden size.

    At the laptop scale it has 167,416 parameters; the median of the gallery is 169,272.
    """

    def __init__(self, hidden_size: int, num_heads: int, layer_idx: int = 0, norm_eps: float = 1e-5) -> None:
        width = 7 * hidden_size // 4
        _DeltaMixer.__init__(self, hidden_size, num_heads, width, width, layer_idx)
        self.o_norm = RMSNorm(width // num_heads, eps=norm_eps)


class ConvolutionDeltaNet(DeltaNet):
    """DeltaNet plus sigmoid(gate(x)) times a depthwise causal convolution of x over `BRANCH` positions."""

    def __init__(self, hidden_size: int, num_heads: int, layer_idx: int = 0, norm_eps: float = 1e-5) -> None:
        super().__init__(hidden_size, num_heads, layer_idx, norm_eps)
        self.branch_conv1d = ShortConvolution(hidden_size, BRANCH, activation=None)
        self.branch_gate = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = False,
        output_attentions: bool | None = False,
        **kwargs: Any,
    ) -> Returned:
        """One layer on hidden_states (batch, length, hidden_size); see `_DeltaMixer.forward`."""
        x = hidden_states
        o, _, cache = super().forward(x, attention_mask, past_key_values, use_cache, **kwargs)
        if attention_mask is not None:
            x = x * attention_mask[:, -x.shape[1] :, None].to(x.dtype)
        state = cache[self.layer_idx] if cache and len(cache) > self.layer_idx else None
        kept = None if state is None else state["ffn_state"]
        branch, final = self.branch_conv1d(x, cache=kept, output_final_state=bool(use_cache))
        if cache is not None and use_cache:
            cache.update(ffn_state=final, layer_idx=self.layer_idx, offset=0)
        return o + self.branch_gate(x).sigmoid() * branch, None, cache


class GatedDeltaNet(_DeltaMixer):
    """Gated DeltaNet (arXiv 2412.06464): keys of 3/4 and values of 3/2 of the hidden size, output gate."""

    def __init__(self, hidden_size: int, num_heads: int, layer_idx: int = 0, norm_eps: float = 1e-5) -> None:
        head = head_width(hidden_size, num_heads)
        super().__init__(hidden_size, num_heads, num_heads * head, 2 * num_heads * head, layer_idx)
        self.a_proj = nn.Linear(hidden_size, num_heads, bias=False)
        self.g_proj = nn.Linear(hidden_size, 2 * num_heads * head, bias=False)
        self.o_norm = FusedRMSNormGated(2 * head, eps=norm_eps)
        # As in Mamba2: decay rates up to 16, time steps log-uniform in 0.001 to 0.1, kept before softplus.
        self.A_log = nn.Parameter(torch.empty(num_heads).uniform_(0, 16).log())
        step = torch.exp(torch.empty(num_heads).uniform_(math.log(1e-3), math.log(1e-1))).clamp(min=1e-4)
        self.dt_bias = nn.Parameter(step + torch.log(-torch.expm1(-step)))

    def log_decay(self, x: Tensor) -> Tensor:
        wide = torch.promote_types(x.dtype, torch.float32)
        rate, bias = self.A_log.to(wide).exp(), self.dt_bias.to(wide)
        return (-rate * F.softplus(self.a_proj(x).to(wide) + bias)).transpose(1, 2)

    def normalise(self, o: Tensor, x: Tensor) -> Tensor:
        normal = self.o_norm(o, self.g_proj(x).unflatten(-1, (self.num_heads, -1)))
        assert isinstance(normal, Tensor)
        return normal


def head_width(hidden_size: int, num_heads: int) -> int:
    """Gated DeltaNet's key width per head, so that all heads together have 3/4 of the hidden size."""
    return max(1, 3 * hidden_size // (4 * num_heads))
