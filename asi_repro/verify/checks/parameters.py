"""Parameters of the whole language model at the paper's scales, against the count that the run states."""

from __future__ import annotations

from typing import Any

from asi_repro.models.program import LoadedProgram
from asi_repro.models.scales import SCALES, Scale
from asi_repro.verify.closeness import error_text
from asi_repro.verify.results import CheckResult, Verdict, measurement, not_run

# A tenth of a percent: far above the rounding of the stated count, far below another configuration.
TOLERANCE = 1e-3


def check(program: LoadedProgram, stated: int | None) -> list[CheckResult]:
    """Rows `parameters_20m` and `parameters_340m`; the stated count is of the larger scale."""
    return [_row(program, "20m", None), _row(program, "340m", stated)]


def frame_parameters(scale: Scale) -> int:
    """Parameters of a language model without its mixers: untied embeddings, SwiGLU, RMSNorm weights."""
    block = 3 * scale.hidden_size * scale.intermediate_size + 2 * scale.hidden_size
    return 2 * scale.vocab_size * scale.hidden_size + scale.num_layers * block + scale.hidden_size


def mixer_parameters(program: LoadedProgram, scale: Scale) -> int:
    """Parameters of one mixer."""
    # Real tensors: on meta ones torch imports its compiler first, which costs more.
    mixer = program.build(scale.hidden_size, scale.num_heads)
    return sum(parameter.numel() for parameter in mixer.parameters())


def _row(program: LoadedProgram, name: str, stated: int | None) -> CheckResult:
    scale, row = SCALES[name], f"parameters_{name}"
    method = (
        f"Counted in a mixer that was built: {scale.num_layers} layers, hidden {scale.hidden_size}, "
        f"{scale.num_heads} heads, SwiGLU {scale.intermediate_size}, vocabulary {scale.vocab_size}, untied"
        + ("." if stated is None else f"; within {TOLERANCE:.1%} of the stated count.")
    )
    try:
        mixer = mixer_parameters(program, scale)
    except Exception as error:
        return not_run(
            row, error_text(error), threshold=stated and TOLERANCE, unit="parameters", method=method
        )
    total = scale.num_layers * mixer + frame_parameters(scale)
    detail: dict[str, Any] = {"mixer": mixer, "frame": frame_parameters(scale), "layers": scale.num_layers}
    if stated is None:
        return measurement(row, total, unit="parameters", method=method, detail=detail)
    off = (total - stated) / stated
    detail |= {"stated": stated, "relative_difference": off, "equal_as_printed": abs(total - stated) <= 5_000}
    verdict: Verdict = "pass" if abs(off) <= TOLERANCE else "fail"
    return CheckResult(row, verdict, total, TOLERANCE, "within", "parameters", method, detail)
