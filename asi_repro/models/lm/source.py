"""From a configuration to what builds its mixers."""

from __future__ import annotations

from typing import cast

from asi_repro.errors import AsiReproError
from asi_repro.models.baselines import BASELINES, load_baseline
from asi_repro.models.dtypes import DtypePolicy
from asi_repro.models.lm.config import PROGRAM, AsiArchConfig
from asi_repro.models.mixer import MixerSource
from asi_repro.models.program import load_program
from asi_repro.sandbox.static_check import require_safe


def mixer_source(config: AsiArchConfig, *, backend: str = "auto") -> MixerSource:
    """The program or the baseline that a configuration names.

    A program's text is read by the static check first: a folder that someone sent is loaded in this process.

    Raises:
        AsiReproError: where the configuration is for a program but does not hold its text, or the static
            check refuses the text.
        NotFound: for an unknown baseline.
    """
    if config.mixer != PROGRAM:
        return load_baseline(config.mixer, backend=backend)
    if config.program_source is None:
        raise AsiReproError(
            "this configuration names a program but does not contain its source",
            hint="load the model's folder with from_pretrained, or pass program_source to AsiArchConfig; "
            f"baselines are named by `mixer`: {', '.join(BASELINES)}",
        )
    require_safe(config.program_source)
    return load_program(
        config.program_source,
        dtype_policy=cast(DtypePolicy, config.dtype_policy),
        backend=backend,
        class_name=config.class_name,
        rewrite=True,
    )
