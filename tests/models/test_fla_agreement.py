"""The plain torch modules against fla's Triton kernels.

The ordinary run compares with what the kernels (fla 0.6.0, triton 3.9.0, run by Triton's interpreter) gave when
`data/fla_0_6_0.safetensors` was recorded; the slow run starts the kernels again, on whole programs too.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")
import torch
from safetensors.torch import load_file

from asi_repro.doctor.gpu import fla_cases
from asi_repro.doctor.gpu.mixers import BASELINES_IN_FLA, run_baseline, run_program

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RECORDED = HERE / "data" / "fla_0_6_0.safetensors"
LIMIT = 1e-5
NO_TRITON = "triton is not installed: fla's kernels cannot be run, not even by its interpreter"
needs_triton = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason=NO_TRITON)
# One that runs its kernel on each packed sequence, one with a Fourier transform, and one with its gated norm on.
PROGRAMS = {830: False, 880: False, 1735: True}


def assert_agree(
    ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor], limit: float = LIMIT
) -> None:
    """Equal names, shapes and dtypes; float32 within `limit` of the tensor's size, bfloat16 within one step."""
    assert ours.keys() == theirs.keys()
    for name, reference in theirs.items():
        value = ours[name]
        assert (value.shape, value.dtype) == (reference.shape, reference.dtype), name
        if not reference.is_floating_point():
            assert torch.equal(value, reference), name
            continue
        difference = (value.double() - reference.double()).abs()
        if reference.dtype is torch.bfloat16:
            assert (difference <= reference.double().abs() * 2**-7).all(), name
        else:
            assert difference.max().item() <= limit * max(1.0, reference.abs().max().item()), name


@pytest.mark.parametrize("name", fla_cases.CASES)
def test_case_gives_what_the_kernels_gave(name: str) -> None:
    recorded = {key: value for key, value in load_file(RECORDED).items() if key.startswith(f"{name}/")}
    assert_agree(fla_cases.run(name, fla_cases.ours()), recorded)


@pytest.mark.parametrize("name", BASELINES_IN_FLA)
def test_baseline_gives_what_flas_layer_gave(name: str) -> None:
    key = f"baseline_{name}/output"
    assert_agree(run_baseline(name), {key: load_file(RECORDED)[key]})


def test_the_comparison_sees_a_difference() -> None:
    recorded = {key: value for key, value in load_file(RECORDED).items() if key.startswith("rms_norm/")}
    with pytest.raises(AssertionError):
        assert_agree({key: value * 1.001 for key, value in recorded.items()}, recorded)


@pytest.mark.slow
@needs_triton
def test_kernels_run_now_and_whole_programs(release_dir: Path, tmp_path: Path) -> None:
    experiments = json.loads((release_dir / "data" / "106.json").read_text(encoding="utf-8"))
    sources = {entry["index"]: entry["program"] for entry in experiments}
    files = {i: tmp_path / f"{i}{'_gated' if gated else ''}.py" for i, gated in PROGRAMS.items()}
    for index, file in files.items():
        file.write_text(sources[index], encoding="utf-8")
    cases = tmp_path / "cases.safetensors"
    subprocess.run(
        [sys.executable, str(HERE / "record_fla.py"), str(cases), *map(str, files.values())],
        env={**os.environ, "TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        cwd=tmp_path,
        check=True,
        timeout=900,
    )
    fresh = load_file(cases)
    assert_agree(load_file(RECORDED), fresh, limit=1e-6)
    for name in fla_cases.CASES:
        part = {key: value for key, value in fresh.items() if key.startswith(f"{name}/")}
        assert_agree(fla_cases.run(name, fla_cases.ours()), part)
    for name in BASELINES_IN_FLA:
        key = f"baseline_{name}/output"
        assert_agree(run_baseline(name), {key: fresh[key]})
    for index, file in files.items():
        theirs = load_file(f"{file}.safetensors")
        kernel_seconds = theirs.pop("seconds").item()
        began = time.perf_counter()
        ours = run_program(sources[index], gated=PROGRAMS[index])
        ratio = kernel_seconds / (time.perf_counter() - began)
        assert_agree(ours, theirs)
        worst = max((ours[name] - theirs[name]).abs().max().item() for name in theirs)
        print(
            f"program {index}: largest difference {worst:.1e}, the interpreter takes {ratio:.0f} x the time"
        )
