"""Arithmetic a token: FLOPs of a forward of the whole language model at the paper's scales."""

from __future__ import annotations

from typing import Any

import torch

from asi_repro.models.program import LoadedProgram
from asi_repro.models.scales import SCALES, Scale
from asi_repro.verify.closeness import error_text
from asi_repro.verify.operation_counts import measure
from asi_repro.verify.results import CheckResult, measurement, not_run

# A multiple of every chunk size in use, so that no padding is counted.
LENGTH = 128


def check(program: LoadedProgram, stated: int | None) -> list[CheckResult]:
    """Rows `flops_token_20m` and `flops_token_340m`."""
    return [_row(program, name) for name in ("20m", "340m")]


def frame_flops(scale: Scale) -> int:
    """FLOPs a token of a language model without its mixers: SwiGLU and the output projection."""
    block = 2 * 3 * scale.hidden_size * scale.intermediate_size
    return scale.num_layers * block + 2 * scale.vocab_size * scale.hidden_size


def mixer_flops(program: LoadedProgram, scale: Scale, length: int = LENGTH) -> int:
    """FLOPs of one mixer's forward over `length` tokens."""
    module = program.build(scale.hidden_size, scale.num_heads).eval()
    x = torch.zeros(1, length, scale.hidden_size)
    return measure(lambda: module(x)).flops


def _row(program: LoadedProgram, name: str) -> CheckResult:
    scale, row, unit = SCALES[name], f"flops_token_{name}", "FLOPs a token"
    method = (
        f"Forward of {LENGTH} tokens in eval mode by torch's formulas (products and convolutions; a "
        f"multiply-add is two), {scale.num_layers} mixers of width {scale.hidden_size}, {scale.num_heads} "
        "heads, and the frame's SwiGLU and output projection."
    )
    # Real tensors: on meta ones torch imports its compiler first, which costs more than this forward.
    try:
        flops = mixer_flops(program, scale)
    except Exception as error:
        return not_run(row, error_text(error), unit=unit, method=method)
    total = scale.num_layers * flops / LENGTH + frame_flops(scale)
    detail: dict[str, Any] = {
        "mixer": flops / LENGTH,
        "frame": frame_flops(scale),
        "layers": scale.num_layers,
        "tokens": LENGTH,
    }
    return measurement(row, round(total), unit=unit, method=method, detail=detail)
