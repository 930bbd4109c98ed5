"""How long one training takes: its FLOPs from the certificate, a GPU from the assumptions.

The level comes from FLOPs, the spread between architectures from the forward times that `verify` measured
on this machine's CPU: formulas count products only, and a program may spend its time elsewhere.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from asi_repro.config import Settings
from asi_repro.errors import DataError, MissingInput
from asi_repro.verify.certificate import Certificate, read_certificates

TIMED_LENGTH = "2048"
TRAINING_FLOPS = 3.0
"""FLOPs of a training step over those of a forward: the backward is counted as two forwards."""


class Assumptions(Settings):
    """What nobody measured here; every table of the plan prints it."""

    peak_tflops: float = Field(
        default=989.0, gt=0, description="Peak of one GPU in dense bf16 TFLOP/s (H100)."
    )
    utilisation: float = Field(
        default=0.25, gt=0, le=1, description="Share of the peak that training reaches."
    )
    doubling: float = Field(
        default=0.92, gt=0, le=1, description="Speed kept per doubling of the GPUs of one training."
    )
    evaluate_share: float = Field(default=0.15, ge=0, description="Evaluation's time over the training's.")
    explore_gpu_hours: float = Field(
        default=10_000 / 1773,
        gt=0,
        description="Mean of one exploration; the paper's 10,000 GPU hours / 1,773.",
    )
    llm_minutes: float = Field(default=6.0, ge=0, description="LLM calls of one experiment, GPU idle.")
    price: float = Field(default=2.5, ge=0, description="One GPU hour in US dollars.")


def training_hours(
    certificates: Sequence[Certificate], assumed: Assumptions, *, tokens: int
) -> dict[int, float]:
    """Hours of one GPU to train each architecture at 340M over `tokens`, by FLOPs, by index."""
    found = {}
    for one in certificates:
        flops = one.row("flops_token_340m").value
        if flops is not None:
            per_hour = assumed.peak_tflops * 1e12 * assumed.utilisation * 3600
            found[one.index] = TRAINING_FLOPS * float(flops) * tokens / per_hour
    return found


def relative_speeds(timings: Path) -> dict[int, float]:
    """Forward time of each architecture over their median, by index.

    Raises:
        MissingInput: where nothing was measured here.
        DataError: where the file is damaged.
    """
    hint = "`asi-repro verify --all` measures them"
    try:
        listed = json.loads(timings.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingInput("no forward times were measured here", where=str(timings), hint=hint) from None
    except ValueError as error:
        raise DataError(f"not JSON: {error}", where=str(timings), hint=hint) from error
    seconds = {
        int(index): float(forward[TIMED_LENGTH])
        for index, row in (listed.items() if isinstance(listed, dict) else ())
        if isinstance(forward := _forward(row), dict) and forward.get(TIMED_LENGTH)
    }
    if not seconds:
        raise MissingInput("no forward times were measured here", where=str(timings), hint=hint)
    middle = statistics.median(seconds.values())
    return {index: value / middle for index, value in seconds.items()}


def _forward(row: Any) -> Any:
    return row.get("forward") if isinstance(row, dict) else None


def architecture_hours(
    certificates: Path, timings: Path, assumed: Assumptions, *, tokens: int
) -> dict[int, float]:
    """Hours of one GPU to train and evaluate each architecture at 340M, by index.

    The mean is that of the FLOPs; the spread is that of the forward times.

    Raises:
        MissingInput: where there are no certificates or times.
    """
    by_flops = training_hours(read_certificates(certificates), assumed, tokens=tokens)
    if not by_flops:
        raise MissingInput(
            "no certificate states FLOPs at 340M", where=str(certificates), hint="`dvc repro verify`"
        )
    speeds = relative_speeds(timings)
    shared = sorted(set(by_flops) & set(speeds))
    if not shared:
        raise MissingInput("no architecture has both FLOPs and times", where=str(timings))
    level = statistics.mean(by_flops[index] for index in shared)
    spread = statistics.mean(speeds[index] for index in shared)
    factor = level / spread * (1 + assumed.evaluate_share)
    return {index: speeds[index] * factor for index in shared}
