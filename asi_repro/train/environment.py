"""Where and how fast a training ran: what differs between two runs, kept apart from what does not."""

from __future__ import annotations

import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

from asi_repro import __version__
from asi_repro.results.training import Facts
from asi_repro.train.spec import Spec

# Dense bfloat16 peak in FLOP/s, from the makers' data sheets; by a part of the name that the driver gives.
PEAKS = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "A100": 312e12,
    "A10": 125e12,
    "L40S": 362e12,
    "L4": 121e12,
    "4090": 165e12,
    "3090": 71e12,
}
_PACKAGES = ("torch", "transformers", "accelerate", "flash-linear-attention", "safetensors", "numpy")


def environment_record(spec: Spec, facts: Facts, *, tier: str, start: float, total: float) -> dict[str, Any]:
    """environment.json: versions, machine, sandbox, times, FLOP/s.

    Args:
        tier: sandbox tier, or "none".
        start: wall seconds until the worker was ready.
        total: wall seconds of everything.

    `step_seconds` is processor time on a CPU (a busy machine does not change it much) and wall time on CUDA;
    tokens/s and MFU are over that time. MFU is the share of the peak that products and convolutions reach: on
    CUDA of the maker's figure for bf16 (null where it is not known), on a CPU of what products of
    large float32 matrices reached in the training's process just before.
    """
    hardware = facts.hardware or hardware_name(spec.device)
    rate = spec.recipe.tokens_per_step / facts.step_seconds if facts.step_seconds else None
    achieved = rate * facts.flops_per_token if rate else None
    peak = facts.peak_flops_per_second
    if spec.device == "cuda":
        peak = peak_of(hardware) if spec.precision == "bf16" else None
    return {
        "hardware": hardware,
        "device": spec.device,
        "devices": facts.world_size,
        "precision": spec.precision,
        "threads": spec.recipe.threads,
        "recipe": spec.recipe.model_dump(),
        "seed": spec.seed,
        "sandbox": tier,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "asi_repro": __version__,
        "versions": {name: _version(name) for name in _PACKAGES},
        "steps_timed": facts.timed_steps,
        "step_seconds": facts.step_seconds,
        "tokens_per_second": rate,
        "flops_per_second": achieved,
        "peak_flops_per_second": peak * facts.world_size if peak else None,
        "mfu": achieved / (peak * facts.world_size) if achieved and peak else None,
        "seconds": {
            "worker_start": start,
            "model_start": facts.start_seconds,
            "training": facts.train_seconds,
            "total": total,
        },
    }


def peak_of(hardware: str) -> float | None:
    """The dense bfloat16 peak of a device in FLOP/s, or None where it is not in the table."""
    return next((peak for name, peak in PEAKS.items() if name in hardware), None)


def hardware_name(device: str) -> str:
    """What the device calls itself."""
    if device == "cuda":
        import torch

        return str(torch.cuda.get_device_name(0)) if torch.cuda.is_available() else "no CUDA device"
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return f"{line.partition(':')[2].strip()}, {os.cpu_count()} CPUs"
    except OSError:
        pass
    return f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs"


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
