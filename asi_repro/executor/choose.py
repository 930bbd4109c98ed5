"""Settings and command line to an executor."""

from __future__ import annotations

from pathlib import Path

from asi_repro.config.executor import ExecutorSettings, Needs
from asi_repro.errors import NotFound
from asi_repro.executor.base import Executor, Resources, usable_cpus
from asi_repro.executor.local import ProcessExecutor
from asi_repro.executor.on_ray import RayExecutor

NAMES = ("local", "ray")


def resources_of(needs: Needs, device: str = "cpu") -> Resources:
    """What a task needs, as executors take it. On the CPU, where every sandbox runs, it asks for no GPU."""
    gpus = needs.gpus if device == "cuda" else 0.0
    return Resources(needs.cpus, gpus, int(needs.memory_gib * 2**30))


def make_executor(
    settings: ExecutorSettings,
    root: Path,
    *,
    name: str | None = None,
    workers: int | None = None,
) -> Executor:
    """An executor.

    Args:
        root: the project's folder, which all nodes of a cluster must see.
        name: "local" or "ray"; the settings' by default.
        workers: tasks at a time; the CPUs here, or the cluster's resources, by default.

    Raises:
        NotFound: for another name.
    """
    chosen = name or settings.name
    if chosen == "ray":
        return RayExecutor(root, settings.ray_address, settings.retries, workers)
    if chosen != "local":
        raise NotFound(f"unknown executor {chosen!r}", hint=f"use one of: {', '.join(NAMES)}")
    return ProcessExecutor(workers or usable_cpus())
