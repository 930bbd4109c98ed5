"""The baselines by name, with the interface of a loaded program."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Literal

import torch
from torch import nn

from asi_repro.errors import NotFound
from asi_repro.models.baselines.attention import Attention
from asi_repro.models.baselines.linear import (
    ConvolutionDeltaNet,
    DeltaNet,
    GatedDeltaNet,
    NegativeDeltaNet,
    WideDeltaNet,
    head_width,
)
from asi_repro.models.baselines.mamba2 import EXPAND, Mamba2
from asi_repro.models.baselines.mamba2 import head_width as mamba2_head_width
from asi_repro.models.imports import fla_cache, resolve_backend
from asi_repro.models.mixer import build_seeded
from asi_repro.store.files import sha256_bytes

Constructor = Callable[..., nn.Module]


def _fla_layer(name: str, **settings: Any) -> nn.Module:
    layer: nn.Module = getattr(import_module("fla.layers"), name)(**settings)
    return layer


def _fla_delta_net(hidden_size: int, num_heads: int, layer_idx: int) -> nn.Module:
    return _fla_layer("DeltaNet", hidden_size=hidden_size, num_heads=num_heads, layer_idx=layer_idx)


def _fla_gated_delta_net(hidden_size: int, num_heads: int, layer_idx: int) -> nn.Module:
    width = head_width(hidden_size, num_heads)
    return _fla_layer(
        "GatedDeltaNet", hidden_size=hidden_size, num_heads=num_heads, head_dim=width, layer_idx=layer_idx
    )


def _fla_mamba2(hidden_size: int, num_heads: int, layer_idx: int) -> nn.Module:
    width = mamba2_head_width(hidden_size, num_heads)
    heads = EXPAND * hidden_size // width
    return _fla_layer(
        "Mamba2", hidden_size=hidden_size, num_heads=heads, head_dim=width, n_groups=1, layer_idx=layer_idx
    )


# Name: the torch module, what takes its place on CUDA (None: the same), and what a person calls it.
_TABLE: dict[str, tuple[type[nn.Module], Constructor | None, str]] = {
    "delta_net": (DeltaNet, _fla_delta_net, "DeltaNet"),
    "delta_net_conv": (ConvolutionDeltaNet, None, "DeltaNet with a gated convolution branch"),
    "delta_net_wide": (WideDeltaNet, None, "DeltaNet, widened"),
    "gated_delta_net": (GatedDeltaNet, _fla_gated_delta_net, "Gated DeltaNet"),
    "mamba2": (Mamba2, _fla_mamba2, "Mamba2"),
    "transformer": (Attention, None, "Transformer (softmax attention)"),
}
BASELINES: tuple[str, ...] = tuple(_TABLE)
# Known to pass a probe that the baselines do not; no part of any sweep.
_TABLE["delta_net_negative"] = (NegativeDeltaNet, None, "DeltaNet with negative eigenvalues")


@dataclass(frozen=True)
class Baseline:
    """A known token mixer.

    Attributes:
        name: one of `BASELINES`, or a control's.
        display_name: what a person calls it.
        backend: "cpu" for the torch modules, "fla" for fla's layers.
        source_sha256: SHA-256 of the torch module's file, a key for results.
        main_class: the torch module's class.
    """

    name: str
    display_name: str
    backend: Literal["cpu", "fla"]
    source_sha256: str
    main_class: type[nn.Module]

    def construct(
        self, hidden_size: int, num_heads: int, *, layer_idx: int = 0, **overrides: Any
    ) -> nn.Module:
        """One mixer on the current default device, from the current random state, in float32."""
        _, on_fla, _ = _TABLE[self.name]
        make: Constructor = on_fla if self.backend == "fla" and on_fla is not None else self.main_class
        return make(hidden_size=hidden_size, num_heads=num_heads, layer_idx=layer_idx, **overrides)

    def build(
        self,
        hidden_size: int,
        num_heads: int,
        *,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
        layer_idx: int = 0,
        **overrides: Any,
    ) -> nn.Module:
        """One mixer, in train mode, from `seed`; see `LoadedProgram.build`."""
        make = partial(self.construct, hidden_size, num_heads, layer_idx=layer_idx, **overrides)
        return build_seeded(make, seed=seed, dtype=dtype, device=device)

    def new_cache(self) -> Any:
        """An empty cache of the kind that the layer knows."""
        return fla_cache(self.backend)()


def load_baseline(name: str, *, backend: str = "auto") -> Baseline:
    """The baseline of that name.

    Raises:
        NotFound: for an unknown name.
        AsiReproError: where the backend cannot run here.
    """
    if name not in _TABLE:
        raise NotFound(f"unknown baseline {name!r}", hint=f"use one of: {', '.join(_TABLE)}")
    main_class, _, display_name = _TABLE[name]
    module = inspect.getmodule(main_class)
    assert module is not None
    return Baseline(
        name=name,
        display_name=display_name,
        backend=resolve_backend(backend),
        source_sha256=sha256_bytes(inspect.getsource(module).encode()),
        main_class=main_class,
    )
