"""How many parameters a language model around a mixer has, without building one.

Mixers are built on the meta device, layer by layer, since a program may size a layer by its index. The frame
is counted by its formula, which needs no transformers (seconds of import); tests hold it to the real model.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import torch

from asi_repro.models.determinism import seeded
from asi_repro.models.mixer import MixerSource
from asi_repro.models.scales import Scale, find_scale


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


def count_parameters(source: MixerSource, scale: str | Scale, **mixer_arguments: Any) -> ParameterCount:
    """Count the parameters of `source`'s language model at a scale; takes no memory.

    Args:
        source: a `LoadedProgram` or a `Baseline`.
        scale: a name of `SCALES`, or a `Scale`.
        **mixer_arguments: further arguments of the mixer's constructor.

    Raises:
        ProgramError: where the program's constructor fails at this width.
        NotFound: for an unknown scale.
    """
    size = find_scale(scale)
    mixers = 0
    with seeded(0), torch.device("meta"):
        for layer_idx in range(size.num_layers):
            mixer = source.construct(size.hidden_size, size.num_heads, layer_idx=layer_idx, **mixer_arguments)
            mixers += sum(parameter.numel() for parameter in mixer.parameters())
    parts = {
        "embedding": 2 * size.vocab_size * size.hidden_size,
        "mixers": mixers,
        "feed_forward": size.num_layers * 3 * size.hidden_size * size.intermediate_size,
        "norms": (2 * size.num_layers + 1) * size.hidden_size,
    }
    return ParameterCount(scale=size.name, total=sum(parts.values()), **parts)
