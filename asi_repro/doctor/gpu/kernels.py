"""fla's kernels against this project's torch modules: single modules, baselines, whole programs."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from asi_repro.archive.release import read_release
from asi_repro.doctor.gpu import fla_cases
from asi_repro.doctor.gpu.messages import RowWriter, Setting
from asi_repro.doctor.gpu.mixers import BASELINES_IN_FLA, fla_layer, run_baseline, run_program
from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.sandbox import gpu
from asi_repro.sandbox.client import SandboxWorker
from asi_repro.sandbox.outcome import Limits
from asi_repro.sandbox.static_check import require_safe
from asi_repro.sandbox.tiers import gpu_tier

# The modules of fla that a program may use, and how the names of their cases begin.
MODULES = {
    "l2norm": "l2norm",
    "RMSNorm": "rms_norm",
    "FusedRMSNormGated": "gated_norm",
    "ShortConvolution": "convolution",
    "padding": "padding",
    "Cache": "cache",
}
# Largest difference, as a share of the size of the tensor. The steps of bfloat16 are 2^-8.
LIMITS = {torch.float32: 1e-4, torch.bfloat16: 2e-2}
# Whole mixers add up: what bfloat16 itself costs is measured beside them, and this many times it is allowed.
OF_ROUNDING = 3.0
# Each program has a worker of its own, and each worker starts CUDA.
_AT_ONCE = 4
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


def difference(ours: dict[str, Tensor], theirs: dict[str, Tensor]) -> tuple[float, str]:
    """The largest difference of any tensor as a share of its size, and that tensor's name.

    It is infinite where names, shapes or dtypes differ, a whole number differs, or one is NaN.
    """
    if ours.keys() != theirs.keys():
        return float("inf"), f"names: {sorted(ours.keys() ^ theirs.keys())[:3]}"
    worst = (0.0, next(iter(ours), "nothing"))
    for name, reference in theirs.items():
        value = ours[name]
        if value.shape != reference.shape or value.dtype != reference.dtype:
            return float(
                "inf"
            ), f"{name}: {value.shape} {value.dtype}, not {reference.shape} {reference.dtype}"
        a, b = value.double(), reference.double()
        if not reference.is_floating_point():
            share = 0.0 if torch.equal(value, reference) else float("inf")
        else:
            share = ((a - b).abs().max() / max(1.0, b.abs().max().item())).item() if a.numel() else 0.0
        worst = max(worst, (share if share == share else float("inf"), name))
    return worst


def modules(setting: Setting, writer: RowWriter, theirs: Any = None) -> None:
    """Every case of every module in both precisions; `theirs` on the device against ours on the CPU."""
    theirs = theirs or _kernels(setting, writer)
    if theirs is None:
        return
    for title, start in MODULES.items():
        for word, dtype in DTYPES.items():
            with writer.trying(f"{title} {word}") as judge:
                # Some cases are in bfloat16 whatever the rest is in.
                names = [
                    n for n in fla_cases.CASES if n.startswith(start) and (word == "bf16" or "bf16" not in n)
                ]
                worst, where = max(_case(name, theirs, setting.device, dtype) for name in names)
                good = worst <= LIMITS[dtype]
                detail = f"{len(names)} cases, largest difference {worst:.1e} in {where}"
                judge(good, f"{detail}, allowed {LIMITS[dtype]:.0e}", worst=_finite(worst), cases=len(names))


def _case(name: str, theirs: Any, device: str, dtype: torch.dtype) -> tuple[float, str]:
    mine = fla_cases.run(name, fla_cases.ours(), dtype=dtype)
    return difference(mine, fla_cases.run(name, theirs, device=device, dtype=dtype))


def baselines(
    setting: Setting,
    writer: RowWriter,
    layer: Callable[[str], torch.nn.Module] = fla_layer,
    theirs: Any = None,
) -> None:
    """The layers of fla against this project's: recurrent kernels in fp32, those of a training in bf16."""
    if theirs is None and _kernels(setting, writer) is None:
        return
    for name in BASELINES_IN_FLA:
        with writer.trying(f"{name} fp32, recurrent") as judge:
            mine = run_baseline(name)
            _judge(judge, mine, run_baseline(name, layer(name), device=setting.device), LIMITS[torch.float32])
        with writer.trying(f"{name} bf16, as in a training") as judge:
            usual: dict[str, Any] = {"length": 128, "train": True}
            mine = run_baseline(name, dtype=torch.bfloat16, **usual)
            noise = _rounding(mine, run_baseline(name, **usual))
            found = run_baseline(name, layer(name), device=setting.device, dtype=torch.bfloat16, **usual)
            _judge(judge, mine, found, _allowed(noise, torch.bfloat16), noise)


def programs(setting: Setting, writer: RowWriter) -> None:
    """Released programs: on the device in the sandbox with torch modules; unconfined with fla's kernels."""
    try:
        sources = released(setting)
    except MissingInput as error:
        writer.row("released programs", "not run", f"{error.what}; the baselines stand for them")
        return
    kernels = _kernels(setting, writer) if setting.unsafe else None
    if not setting.unsafe:
        writer.row(
            "released programs with fla's kernels",
            "not run",
            "Triton's compiler needs what the sandbox forbids; --unsafe-no-sandbox runs them unconfined",
        )
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        confined = {title: pool.submit(_in_sandbox, setting, source) for title, source in sources.items()}
        for title, source in sources.items():
            with writer.trying(f"{title}, torch modules, sandboxed, against the CPU") as judge:
                found = confined[title].result()
                bad = [word for word, (worst, allowed) in found.items() if not worst <= allowed]
                pairs = found.items()
                text = ", ".join(
                    f"{word} {worst:.1e} (allowed {allowed:.0e})" for word, (worst, allowed) in pairs
                )
                judge(not bad, text, **{word: worst for word, (worst, _) in found.items()})
            if kernels is not None:
                _unconfined(setting, writer, title, source)


def _unconfined(setting: Setting, writer: RowWriter, title: str, source: str) -> None:
    """A program in this process: fla's kernels against torch modules, both on the device."""
    for word, dtype in DTYPES.items():
        with writer.trying(f"{title}, fla's kernels, {word}") as judge:
            options: dict[str, Any] = {"device": setting.device, "dtype": dtype}
            mine = run_program(source, backend="cpu", **options)
            exact = run_program(source, backend="cpu", device=setting.device)
            noise = _rounding(mine, exact) if dtype is torch.bfloat16 else 0.0
            _judge(judge, mine, run_program(source, backend="fla", **options), _allowed(noise, dtype), noise)


def released(setting: Setting) -> dict[str, str]:
    """Programs of the release, evenly spaced over the gallery, by a title.

    Raises:
        MissingInput: where there is no release.
    """
    folder = Path(setting.release) if setting.release else Path(setting.root) / "artifacts" / "release"
    entries = read_release(folder).programs
    count = min(setting.programs, len(entries))
    chosen = [entries[i * len(entries) // count] for i in range(count)]
    return {f"#{entry['index']}": str(entry["source"]) for entry in chosen}


def compare_devices(payload: dict[str, Any]) -> dict[str, Any]:
    """A sandboxed task: one program's mixer on the device against the CPU, both with torch modules."""
    source = payload["source"]
    require_safe(source)
    exact = run_program(source, backend="cpu")
    found = {}
    for word, dtype in DTYPES.items():
        here = exact if dtype is torch.float32 else run_program(source, backend="cpu", dtype=dtype)
        there = run_program(source, backend="cpu", device=payload["device"], dtype=dtype)
        noise = _rounding(here, exact) if dtype is torch.bfloat16 else 0.0
        found[word] = [_finite(difference(here, there)[0]), _allowed(noise, dtype)]
    return found


TASKS = {"compare": compare_devices}


def _in_sandbox(setting: Setting, source: str) -> dict[str, tuple[float, float]]:
    cuda = setting.device == "cuda"
    preload = ("torch", "asi_repro.doctor.gpu.mixers", *((gpu.START,) if cuda else ()))
    tier = gpu_tier() if cuda else None
    with SandboxWorker(
        __name__, Limits(start_seconds=60, wall_seconds=60), tier=tier, preload=preload
    ) as worker:
        found = worker.call("compare", {"source": source, "device": setting.device})
    # It comes from a program's process: numbers or nothing.
    return {word: (float(found[word][0]), float(found[word][1])) for word in DTYPES}


def _kernels(setting: Setting, writer: RowWriter) -> Any:
    """The modules of fla, or None with a row that says why not."""
    try:
        if setting.device == "cpu" and os.environ.get("TRITON_INTERPRET") != "1":
            raise ImportError("on a CPU fla's kernels run in Triton's interpreter only (TRITON_INTERPRET=1)")
        importlib.import_module("triton")
        return fla_cases.theirs()
    except (ImportError, AsiReproError) as error:
        writer.row("fla's kernels", "not run", f"{type(error).__name__}: {error}")
        return None


def _rounding(low: dict[str, Tensor], exact: dict[str, Tensor]) -> float:
    """What the lower precision alone costs, in the measure of `difference`."""
    return difference({name: value.float() for name, value in low.items()}, exact)[0]


def _allowed(noise: float, dtype: torch.dtype) -> float:
    return max(LIMITS[dtype], OF_ROUNDING * noise)


def _judge(
    judge: Callable[..., None],
    mine: dict[str, Tensor],
    theirs: dict[str, Tensor],
    allowed: float,
    noise: float | None = None,
) -> None:
    worst, where = difference(mine, theirs)
    beside = "" if noise is None else f", bf16 itself costs {noise:.1e}"
    detail = f"largest difference {worst:.1e} in {where}, allowed {allowed:.1e}{beside}"
    judge(worst <= allowed, detail, worst=_finite(worst), allowed=allowed)


def _finite(value: float) -> float:
    return value if value < 1e300 else 1e300
