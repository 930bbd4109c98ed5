"""The benchmarks as tasks of lm-evaluation-harness: one YAML file each."""

from __future__ import annotations

from pathlib import Path

from asi_repro.data.benchmarks import Benchmark

FOLDER = Path(__file__).parent


def task_file(benchmark: Benchmark) -> Path:
    """The file of a benchmark's task."""
    return FOLDER / f"{benchmark.name}.yaml"
