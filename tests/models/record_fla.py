"""Run every case, the baselines, and given programs, on fla's Triton kernels under the interpreter, and save what they give.

    TRITON_INTERPRET=1 python tests/models/record_fla.py CASES.safetensors [PROGRAM.py ...]

For each program, PROGRAM.py.safetensors is written too; a name ending in _gated.py turns its gated norm on. Needs triton; no GPU.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from safetensors.torch import save_file

from asi_repro.doctor.gpu import fla_cases
from asi_repro.doctor.gpu.mixers import BASELINES_IN_FLA, fla_layer, run_baseline, run_program


def main(target: str, *programs: str) -> None:
    assert os.environ.get("TRITON_INTERPRET") == "1", "set TRITON_INTERPRET=1 before Python starts"
    with interpreter():
        fla = fla_cases.theirs()
        results = [fla_cases.run(name, fla) for name in fla_cases.CASES]
        for name in BASELINES_IN_FLA:
            results.append(run_baseline(name, fla_layer(name)))
        save_file(_whole({key: value for result in results for key, value in result.items()}), target)
        for program in programs:
            # "fla" is refused without CUDA; here the interpreter stands in for it. Its kernels cannot be traced, so
            # programs must not compile around them.
            with (
                mock.patch("asi_repro.models.program.resolve_backend", return_value="fla"),
                mock.patch("torch.compile", lambda f=None, **_: f or (lambda g: g)),
            ):
                began = time.perf_counter()
                source = Path(program).read_text(encoding="utf-8")
                tensors = run_program(source, gated=program.endswith("_gated.py"))
                tensors["seconds"] = torch.tensor(time.perf_counter() - began)
            save_file(_whole(tensors), program + ".safetensors")


@contextmanager
def interpreter() -> Iterator[None]:
    """Two repairs of Triton's interpreter, which runs a kernel as numpy."""
    from triton.runtime.autotuner import Autotuner
    from triton.runtime.interpreter import InterpreterBuilder

    plain_load = InterpreterBuilder.create_masked_load

    def load(self: Any, ptrs: Any, mask: Any, *rest: Any) -> Any:
        # A mask made from a Python number holds integers, which the interpreter's load refuses.
        mask.data = mask.data.astype(bool)
        return plain_load(self, ptrs, mask, *rest)

    with (
        # There is no clock worth tuning by: every configuration costs the same, the first is taken.
        mock.patch.object(Autotuner, "_bench", return_value=[1.0, 1.0, 1.0]),
        mock.patch.object(InterpreterBuilder, "create_masked_load", load),
    ):
        yield


def _whole(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


if __name__ == "__main__":
    main(*sys.argv[1:])
