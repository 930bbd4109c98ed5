"""What a token mixer is to the rest of the project, whether it came from a program or is a baseline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from asi_repro.errors import AsiReproError, DataError
from asi_repro.models.determinism import seeded

FLOATS = (torch.bfloat16, torch.float32, torch.float64)


class MixerSource(Protocol):
    """What builds mixers: a `LoadedProgram` or a `Baseline`."""

    @property
    def name(self) -> str:
        """The class's or the baseline's name."""

    def construct(
        self, hidden_size: int, num_heads: int, *, layer_idx: int = 0, **overrides: Any
    ) -> nn.Module:
        """A mixer on the current default device, from the current random state, in float32."""

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
        """A mixer from a seed."""

    def new_cache(self) -> Any:
        """An empty cache of the kind that the mixer's modules know."""


class ContractError(DataError):
    """A forward that does not return what a mixer returns."""


class MixerOutput(NamedTuple):
    """What a mixer's forward gave.

    Attributes:
        hidden_states: (batch, length, hidden_size).
        auxiliary: a scalar, where the second value was one (it seems a loss in 24 released programs).
        cache: the third value.
    """

    hidden_states: Tensor
    auxiliary: Tensor | None
    cache: Any


def mixer_output(result: Any) -> MixerOutput:
    """Read a mixer's return value: a tensor, or (tensor, second, third).

    Raises:
        ContractError: where it is neither.
    """
    if isinstance(result, Tensor):
        return MixerOutput(result, None, None)
    if not isinstance(result, (tuple, list)) or not result or not isinstance(result[0], Tensor):
        raise ContractError(f"the forward returned {type(result).__name__}, not (tensor, second, third)")
    second = result[1] if len(result) > 1 else None
    scalar = isinstance(second, Tensor) and second.numel() == 1 and second.is_floating_point()
    return MixerOutput(result[0], second if scalar else None, result[2] if len(result) > 2 else None)


def build_seeded(
    construct: Callable[[], nn.Module], *, seed: int, dtype: torch.dtype, device: str | torch.device
) -> nn.Module:
    """Construct from a seed in float32 and cast: all dtypes start from the same values.

    Raises:
        AsiReproError: for a dtype other than bfloat16, float32, float64.
    """
    if dtype not in FLOATS:
        raise AsiReproError(f"unsupported dtype {dtype}", hint="use bfloat16, float32 or float64")
    with seeded(seed), torch.device(device):
        module = construct()
    return module.to(dtype=dtype)
