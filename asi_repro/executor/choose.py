"""Settings and command line to an executor."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Optional

from pydantic import Field

from asi_repro.config import Settings, load_section
from asi_repro.errors import NotFound
from asi_repro.executor.base import Executor, Resources, usable_cpus
from asi_repro.executor.local import ProcessExecutor, ThreadExecutor
from asi_repro.executor.on_ray import RayExecutor

NAMES = ("local", "ray")


class Needs(Settings):
    """What one task of a scale needs."""

    cpus: float = Field(default=1.0, gt=0, description="CPUs.")
    gpus: float = Field(default=0.0, ge=0, description="GPUs, with --device cuda; 0.5: two tasks share one.")
    processes: Optional[int] = Field(
        default=None,
        ge=1,
        description="Processes of one training (torchrun, no sandbox); null: one a GPU.",
    )
    memory_gib: float = Field(default=2.0, ge=0, description="Main memory in GiB.")

    def resources(self, device: str = "cpu") -> Resources:
        """As executors take it; on the CPU (all that runs in a sandbox) no GPU is asked for."""
        return Resources(self.cpus, self.gpus if device == "cuda" else 0.0, int(self.memory_gib * 2**30))

    def processes_on(self, device: str) -> int:
        """Processes of one training on a device."""
        if self.processes is not None:
            return self.processes
        return max(int(self.gpus), 1) if device == "cuda" else 1


class ExecutorSettings(Settings):
    """Where tasks run. Changes no result."""

    name: Literal["local", "ray"] = Field(default="local", description="local or ray.")
    ray_address: Optional[str] = Field(
        default=None, description="Ray's address; null takes RAY_ADDRESS, else Ray on this machine."
    )
    retries: int = Field(default=3, ge=0, description="Retries of a task whose node dies.")
    resources: dict[str, Needs] = Field(
        default_factory=lambda: {
            "smoke": Needs(),
            "20m": Needs(cpus=4.0, gpus=1.0, memory_gib=16.0),
            "340m": Needs(cpus=8.0, gpus=1.0, memory_gib=64.0),
        },
        description="Needs of one training, evaluation or check by scale.",
    )

    def needs(self, scale: str | None = None) -> Needs:
        """What a task of a scale needs; what the smoke scale does where none is given."""
        return self.resources.get(scale or "smoke", Needs())


def load_executor_settings(root: Path) -> ExecutorSettings:
    """The section `executor` of `root`/params.yaml.

    Raises:
        DataError: where params.yaml is not valid.
    """
    return load_section(root, "executor", ExecutorSettings)


def make_executor(
    settings: ExecutorSettings,
    root: Path,
    *,
    name: str | None = None,
    workers: int | None = None,
    threads: bool = False,
) -> Executor:
    """An executor.

    Args:
        root: the project's folder, which all nodes of a cluster must see.
        name: "local" or "ray"; the settings' by default.
        workers: tasks at a time; the CPUs here, or the cluster's resources, by default.
        threads: whether tasks only wait for a process of their own.

    Raises:
        NotFound: for another name.
    """
    chosen = name or settings.name
    if chosen == "ray":
        return RayExecutor(root, settings.ray_address, settings.retries, workers)
    if chosen != "local":
        raise NotFound(f"no executor {chosen!r}", hint=f"one of {', '.join(NAMES)}")
    count = workers or usable_cpus()
    return ThreadExecutor(count) if threads else ProcessExecutor(count)
