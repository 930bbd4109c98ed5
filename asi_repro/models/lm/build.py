"""Language models from a mixer, a scale and a seed."""

from __future__ import annotations

from typing import Any

import torch

from asi_repro.models.lm.config import AsiArchConfig
from asi_repro.models.lm.model import AsiArchForCausalLM
from asi_repro.models.mixer import MixerSource, build_seeded
from asi_repro.models.program import LoadedProgram
from asi_repro.models.scales import Scale


def build_lm(
    source: MixerSource,
    scale: str | Scale,
    *,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    device: str | torch.device = "cpu",
    **settings: Any,
) -> AsiArchForCausalLM:
    """A language model around `source`, in train mode, initialised in float32 from `seed`, then cast.

    Args:
        source: a `LoadedProgram` or a `Baseline`.
        scale: a name of `SCALES`, or a `Scale`.
        seed: of the initial parameters.
        dtype: bfloat16, float32 or float64.
        device: "meta" gives shapes without numbers.
        **settings: of `AsiArchConfig`, such as `auxiliary_loss_weight`.
    """
    if isinstance(source, LoadedProgram):
        settings = {
            "program_source": source.source,
            "class_name": source.name,
            "dtype_policy": source.dtype_policy,
            **settings,
        }
    else:
        settings = {"mixer": source.name, **settings}
    config = AsiArchConfig.at_scale(scale, **settings)
    model = build_seeded(
        lambda: AsiArchForCausalLM(config, source=source), seed=seed, dtype=dtype, device=device
    )
    assert isinstance(model, AsiArchForCausalLM)
    return model
