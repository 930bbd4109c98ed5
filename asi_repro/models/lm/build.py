"""Language models from a mixer, a scale and a seed; and how many parameters that makes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from asi_repro.models.lm.config import AsiArchConfig
from asi_repro.models.lm.model import AsiArchForCausalLM
from asi_repro.models.mixer import MixerSource, build_seeded
from asi_repro.models.program import LoadedProgram
from asi_repro.models.scales import Scale, find_scale


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


@dataclass(frozen=True)
class ParameterCount:
    """Parameters of a language model; buffers are not counted.

    Attributes:
        scale: name of the scale.
        total: all of them.
        embedding: input embedding and untied output projection together.
        mixers: all layers' token mixers.
        feed_forward: all layers' SwiGLUs.
        norms: the frame's RMSNorms.
    """

    scale: str
    total: int
    embedding: int
    mixers: int
    feed_forward: int
    norms: int

    def as_dict(self) -> dict[str, int | str]:
        """The fields as JSON holds them."""
        return asdict(self)


def count_parameters(source: MixerSource, scale: str | Scale, **settings: Any) -> ParameterCount:
    """Count the parameters of `source`'s language model on the meta device; takes no memory.

    Args:
        source: a `LoadedProgram` or a `Baseline`.
        scale: a name of `SCALES`, or a `Scale`.
        **settings: of `AsiArchConfig`.
    """
    model = build_lm(source, scale, device="meta", **settings)
    parts = {"embedding": 0, "mixers": 0, "feed_forward": 0, "norms": 0}
    for name, parameter in model.named_parameters():
        parts[_part(name)] += parameter.numel()
    return ParameterCount(scale=find_scale(scale).name, total=sum(parts.values()), **parts)


def _part(name: str) -> str:
    if name.startswith(("embed_tokens.", "lm_head.")):
        return "embedding"
    if ".mixer." in name:
        return "mixers"
    return "feed_forward" if ".mlp." in name else "norms"
