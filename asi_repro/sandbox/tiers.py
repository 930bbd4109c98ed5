"""Which sandbox tiers work on this machine, found by running them.

A binary on the PATH proves nothing: user namespaces may be off, a container may forbid mounts, a kernel may
lack Landlock. So each tier is started and asked to do what it must contain, against a secret file made for
the purpose.

| tier | what contains a program |
|---|---|
| bubblewrap | namespaces (mount, pid, network, ipc), then Landlock and seccomp inside them as well |
| gpu | as bubblewrap, with NVIDIA's device nodes and what their driver needs; for CUDA only |
| landlock | Landlock over files, seccomp over system calls; needs no privilege and no program |
| podman | not built here: named by `probe_all` so that nobody takes its absence for an oversight |
| unsafe | resource limits and time-outs only; never chosen, only asked for |
"""

from __future__ import annotations

import functools
import os
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from asi_repro.sandbox import gpu, landlock, seccomp
from asi_repro.sandbox.launch import NESTED, TIERS, Tier
from asi_repro.sandbox.outcome import Limits, SandboxFailure, SandboxUnavailable, TierProbe
from asi_repro.sandbox.process import WorkerProcess

_PROBE_LIMITS = Limits(memory_bytes=1 << 28, scratch_bytes=1 << 20, start_seconds=30, wall_seconds=30)
# With a GPU the worker loads torch and starts CUDA first.
_GPU_LIMITS = replace(_PROBE_LIMITS, memory_bytes=4 << 30, start_seconds=120)
_VARIABLE = "ASI_REPRO_PROBE_SECRET"
_HINTS: dict[str, str] = {
    "bubblewrap": (
        "install bubblewrap 0.8 or newer (apt-get install bubblewrap); if it is there, allow unprivileged "
        "user namespaces (sysctl kernel.unprivileged_userns_clone=1, and on Ubuntu 24.04 or newer "
        "kernel.apparmor_restrict_unprivileged_userns=0), or start the container with "
        "--security-opt seccomp=unconfined"
    ),
    "gpu": "needs bubblewrap, NVIDIA's driver with its device nodes, and a torch that was built for CUDA",
    "landlock": "needs Linux 5.13 or newer with Landlock among its security modules, on x86_64 or aarch64",
}


def best_tier() -> Tier:
    """The strongest tier that works here.

    Raises:
        SandboxUnavailable: where none does.
    """
    probes = []
    for tier in TIERS:
        probe = probe_tier(tier)
        if probe.works:
            return tier
        probes.append(probe)
    raise SandboxUnavailable(
        "no sandbox tier works on this machine, and a program will not run without one",
        where="; ".join(f"{probe.tier}: {probe.detail.splitlines()[0]}" for probe in probes),
        hint=f"{_HINTS['bubblewrap']}. `asi-repro doctor` shows every probe. "
        "--unsafe-no-sandbox runs the program with your own rights: only for programs you have read",
    )


def gpu_tier() -> Tier:
    """The tier for CUDA, where bubblewrap contains a program here and there are device nodes.

    Raises:
        SandboxUnavailable: where not.
    """
    gpu.require_nodes(gpu.nvidia_nodes(), stranger=os.geteuid() == 0)
    probe = probe_tier("bubblewrap")
    if not probe.works:
        raise SandboxUnavailable(
            "only bubblewrap can show a GPU to a sandboxed program, and it does not work on this machine",
            where=probe.detail.splitlines()[0],
            hint=f"{probe.hint}. --unsafe-no-sandbox runs the program with your own rights: only for "
            "programs you have read",
        )
    return "gpu"


@functools.cache
def probe_tier(tier: Tier) -> TierProbe:
    """Start a worker in `tier` and have it try what must fail. The answer is kept for this process."""
    began = time.perf_counter()
    if (missing := _missing(tier)) is not None:
        return TierProbe(tier, False, missing, _HINTS[tier])
    with tempfile.TemporaryDirectory(prefix="asi-repro-probe-") as folder:
        try:
            contained, applied = _try(tier, Path(folder))
        except SandboxFailure as failure:
            return TierProbe(tier, False, failure.outcome.detail, _HINTS[tier], {}, _since(began))
    leaks = sorted(name for name, held in contained.items() if not held)
    detail = f"not contained: {', '.join(leaks)}" if leaks else _describe(applied)
    return TierProbe(tier, not leaks, detail, _HINTS.get(tier, "") if leaks else "", contained, _since(began))


def probe_all() -> list[TierProbe]:
    """Every tier's probe, strongest first; then the GPU's, and podman, which is never counted as working."""
    found = "found" if shutil.which("podman") else "not found"
    podman = TierProbe("podman", False, f"not built into asi_repro, not tried (podman {found} on the PATH)")
    return [*(probe_tier(tier) for tier in TIERS), probe_tier("gpu"), podman]


def _missing(tier: Tier) -> str | None:
    if not seccomp.supported():
        return "no system call table for this processor or operating system"
    if tier in NESTED and shutil.which("bwrap") is None:
        return "bwrap is not on the PATH"
    if tier == "gpu":
        try:
            gpu.require_nodes(gpu.nvidia_nodes(), stranger=os.geteuid() == 0)
        except SandboxUnavailable as error:
            return f"not run: {error.what}"
    if tier == "landlock" and landlock.abi() < 1:
        return "this kernel has no Landlock"
    return None


def _try(tier: Tier, folder: Path) -> tuple[dict[str, bool], dict[str, object]]:
    secret = folder / "secret"
    secret.write_text("a file that its owner could read\n")
    outside = folder / "written"
    os.environ[_VARIABLE] = "a value that must not cross"
    try:
        limits, preload = (_GPU_LIMITS, (gpu.START,)) if tier == "gpu" else (_PROBE_LIMITS, ())
        with WorkerProcess("asi_repro.sandbox.selftest", limits, tier=tier, preload=preload) as worker:
            payload = {"secret": str(secret), "outside": str(outside), "variable": _VARIABLE}
            answers = worker.call("probe", {**payload, "parent": os.getpid()})
            contained = {name: held is True for name, held in answers.items()}
            contained["nothing was written outside"] = not outside.exists()
            return contained, worker.applied
    finally:
        del os.environ[_VARIABLE]


def _describe(applied: dict[str, object]) -> str:
    parts = [f"Landlock ABI {applied['landlock']}" if applied.get("landlock") else "no Landlock"]
    parts.append("seccomp" if applied.get("seccomp") else "no seccomp")
    return f"contained every probe ({', '.join(parts)}, user id {applied.get('uid')})"


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 3)
