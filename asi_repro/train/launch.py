"""One training over several processes of this machine, by torchrun in a process of its own.

What asks for it (a sweep's job, perhaps a task on a Ray node) stays one process without a process group, and
can do the next job. What torchrun began ends with it, and it ends with this process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from asi_repro.errors import AsiReproError
from asi_repro.executor.children import end_with_parent
from asi_repro.train.spec import Device

_LAST = 2000


def train_in_processes(
    root: Path,
    name: str,
    seed: int,
    *,
    scale: str,
    device: Device,
    processes: int,
    force: bool = False,
) -> None:
    """Train a model with `asi-repro train` under torchrun; the result is then where one process leaves it.

    Args:
        root: the project's folder.
        name: slug of the model.

    Raises:
        AsiReproError: where it fails; the end of what the processes said is part of it.
    """
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)),
        *("-m", "asi_repro.cli", "train", name, "--seed", str(seed), "--scale", scale),
        *("--device", device, "--unsafe-no-sandbox", *(["--force"] if force else [])),
    ]
    # OMP_NUM_THREADS: else torchrun warns, and sets the same.
    environment = {"OMP_NUM_THREADS": "1", **os.environ, "ASI_REPRO_HOME": str(root)}
    ran = subprocess.run(
        command,
        cwd=root,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        preexec_fn=end_with_parent,  # one system call, between fork and exec
    )
    if ran.returncode:
        raise AsiReproError(
            f"torchrun with {processes} processes ended with {ran.returncode}: {_reason(ran.stderr)}",
            hint=f"`{' '.join(command[1:])}` in {root} shows all of it",
        )


def _reason(said: str) -> str:
    """The error of the first process that said one, else the end of it all."""
    for line in said.splitlines():
        if line.removeprefix("[rank0]:").strip().startswith("error:"):
            return line.split("error:", 1)[1].strip()[:_LAST]
    return said.strip()[-_LAST:]
