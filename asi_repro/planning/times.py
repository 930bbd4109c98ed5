"""How long one training takes: FLOPs and a GPU give the level, times recorded here the spread.

Formulas of FLOPs count products only, and a program may spend its time elsewhere; so which architecture takes
longer than which comes from a clock, not from its FLOPs.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field, TypeAdapter

from asi_repro.config.base import Settings
from asi_repro.errors import MissingInput
from asi_repro.models.scales import SCALES, Scale
from asi_repro.project import Project
from asi_repro.results.speed import read_times
from asi_repro.results.table import SWEEPS_FOLDER, read_results
from asi_repro.store.records import faults_reported
from asi_repro.verify.certificate import read_certificates

Source = Literal["sweep", "verify"]
TIMED_LENGTH = "2048"
PLANNED = "340m"
TRAINING_FLOPS = 3.0
"""FLOPs of a training step over those of a forward: the backward is counted as two forwards."""


class Assumptions(Settings):
    """What nobody measured here; every table of the plan prints it."""

    peak_tflops: float = Field(
        default=989.0, gt=0, description="Peak speed of one GPU in dense bf16 TFLOP/s (H100)."
    )
    utilisation: float = Field(
        default=0.25, gt=0, le=1, description="Share of that peak which training reaches."
    )
    doubling: float = Field(
        default=0.92, gt=0, le=1, description="Speed-up kept per doubling of the GPUs of a training."
    )
    evaluate_share: float = Field(
        default=0.15, ge=0, description="Evaluation time, as a share of training time."
    )
    explore_gpu_hours: float = Field(
        default=10_000 / 1773,
        gt=0,
        description="Mean of one experiment; the paper's 10,000 GPU hours / 1,773.",
    )
    llm_minutes: float = Field(
        default=6.0, ge=0, description="Minutes of LLM calls per experiment, GPU idle."
    )
    discovered: float = Field(
        default=106 / 1773, ge=0, le=1, description="Discoveries per experiment; the paper's 106 / 1,773."
    )
    cold_start: int = Field(
        default=200, ge=1, description="The first experiments, which wait for no batch (section 4.1)."
    )
    price: float = Field(
        default=2.5, ge=0, description="Price of a GPU hour in US dollars, without LLM calls."
    )

    @property
    def evaluating(self) -> float:
        """Share of an experiment's GPU time that is evaluation."""
        return self.evaluate_share / (1 + self.evaluate_share)


@dataclass(frozen=True)
class Times:
    """What is known of how long the architectures take.

    Attributes:
        speeds: time of each over their median, by index.
        hours: of one GPU to train and evaluate each at 340M, by index.
        level: where the FLOPs are from.
        spread: where the times are from.
    """

    speeds: Mapping[int, float]
    hours: Mapping[int, float]
    level: str
    spread: str


def find_times(project: Project, source: Source, assumed: Assumptions, *, tokens: int) -> Times:
    """Times of the architectures: the mean is that of the FLOPs, the spread that of the times.

    Args:
        source: `sweep`, the trainings at the smoke scale that Git holds; or `verify`, this machine's
            certificates and forward times.
        tokens: of one training.

    Raises:
        MissingInput: where that was not made here.
        DataError: where it is damaged.
    """
    if source == "sweep":
        speeds = swept_speeds(project.artifacts / SWEEPS_FOLDER / "smoke")
        flops = dict.fromkeys(speeds, plain_flops(SCALES[PLANNED]))
        level = (
            "the frame's SwiGLU and output projection, and four projections a mixer as DeltaNet has; "
            "`--times verify` counts each program"
        )
        spread = "processor time of an optimizer step in the recorded sweep at the smoke scale, on a CPU"
    else:
        speeds = forward_speeds(project.artifacts / "verify-timings.json")
        rows = {
            one.index: one.row(f"flops_token_{PLANNED}") for one in read_certificates(project.certificates)
        }
        flops = {index: float(row.value) for index, row in rows.items() if row.value is not None}
        level = "counted in the certificates"
        spread = f"forward times of {TIMED_LENGTH} tokens by `asi-repro verify`, on this machine's CPU"
    shared = sorted(set(flops) & set(speeds))
    if not shared:
        raise MissingInput("no architecture has both FLOPs and times", hint="run `asi-repro verify --all`")
    per_hour = assumed.peak_tflops * 1e12 * assumed.utilisation * 3600
    mean = statistics.mean(TRAINING_FLOPS * flops[index] * tokens / per_hour for index in shared)
    factor = mean * (1 + assumed.evaluate_share) / statistics.mean(speeds[index] for index in shared)
    return Times(speeds, {index: speeds[index] * factor for index in shared}, level, spread)


def plain_flops(scale: Scale) -> float:
    """Forward FLOPs a token of a model whose mixer is four projections of the width; two a weight."""
    block = 2 * 3 * scale.hidden_size * scale.intermediate_size + 2 * 4 * scale.hidden_size**2
    return float(scale.num_layers * block + 2 * scale.vocab_size * scale.hidden_size)


def swept_speeds(folder: Path) -> dict[int, float]:
    """Time of a step of each architecture over their median, by index.

    Raises:
        MissingInput: where there is no sweep, or it has no times.
        DataError: where its table is damaged.
    """
    times = read_times(folder).step_seconds
    seconds = {
        row.index: times[row.name]
        for row in read_results(folder).architectures
        if row.index is not None and row.name in times
    }
    if not seconds:
        raise MissingInput(
            "no architecture of the sweep has a time", where=str(folder), hint="run `asi-repro sweep`"
        )
    return _over_median(seconds)


class _Timings(BaseModel):
    """One architecture's in verify-timings.json; other fields are not read."""

    forward: dict[str, Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False)]] = {}


_TIMINGS = TypeAdapter(dict[Annotated[int, Field(ge=0, lt=10**9)], _Timings])


def forward_speeds(timings: Path) -> dict[int, float]:
    """Forward time of each architecture over their median, by index.

    Raises:
        MissingInput: where nothing was measured here.
        DataError: where the file is damaged.
    """
    hint = "`asi-repro verify --all` measures them; `--times sweep` takes what Git holds"
    try:
        with faults_reported("the file does not contain times", where=str(timings), hint=hint):
            rows = _TIMINGS.validate_json(timings.read_bytes())
    except FileNotFoundError:
        rows = {}
    seconds = {i: row.forward[TIMED_LENGTH] for i, row in rows.items() if TIMED_LENGTH in row.forward}
    if not seconds:
        raise MissingInput(
            "no forward times have been measured on this machine", where=str(timings), hint=hint
        )
    return _over_median(seconds)


def _over_median(seconds: Mapping[int, float]) -> dict[int, float]:
    middle = statistics.median(seconds.values())
    return {index: value / middle for index, value in seconds.items()}
