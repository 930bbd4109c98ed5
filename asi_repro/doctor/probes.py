"""The probes, in the order that they are shown. Each answers by itself; none raises."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from asi_repro.archive.manifest import check_release, release_manifest
from asi_repro.config.params import load_params
from asi_repro.doctor.children import Child, dvc_child, hub_child, torch_child
from asi_repro.doctor.findings import Finding
from asi_repro.doctor.model import ask_model, is_own
from asi_repro.doctor.storage import storage
from asi_repro.errors import AsiReproError
from asi_repro.project import Project, find_project
from asi_repro.sandbox.launch import TIERS
from asi_repro.sandbox.tiers import probe_all

# Measured: verify over the 106 programs stays below 4 GB and its files below 1 GB; DVC's cache holds a copy.
_MEMORY_NEEDED = 4 << 30
_DISK_NEEDED = 2 << 30
_OLDEST_PYTHON = (3, 10)
API_KEY = "ANTHROPIC_API_KEY"


def examine(*, model: bool = False) -> Iterator[Finding]:
    """Every finding, as soon as it is there. The slow children start first and run side by side.

    Args:
        model: ask the configured language model, too; done in any case where a server of one's own is named.
    """
    children = {"torch": torch_child(), "dvc": dvc_child(), "hub": hub_child()}
    try:
        for probe in (_python, _memory, _disk, _git):
            yield _safely(probe)
        yield children.pop("dvc").finding()
        yield from _sandbox()
        yield _safely(_release)
        yield _safely(_storage)
        yield from _torch(children.pop("torch"))
        yield children.pop("hub").finding()
        yield _safely(_api_key)
        yield from _model(asked=model)
    finally:
        for child in children.values():
            child.kill()


def _safely(probe: Callable[[], Finding]) -> Finding:
    try:
        return probe()
    except (OSError, ValueError, AsiReproError) as error:
        name = probe.__name__.strip("_").replace("_", " ")
        return Finding(name, "not run", f"{type(error).__name__}: {error}")


def _python() -> Finding:
    found = platform.python_version()
    good = sys.version_info[:2] >= _OLDEST_PYTHON
    todo = "" if good else "install Python 3.10 or newer"
    detail = f"{found} on {platform.system()} {platform.machine()}"
    return Finding("python", "ok" if good else "gap", detail, todo, ("verify", "rerun", "discover", "browse"))


def _memory() -> Finding:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    free = _available_memory() or pages
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    good = free >= _MEMORY_NEEDED
    todo = (
        ""
        if good
        else f"free {_MEMORY_NEEDED >> 30} GB of memory, or run `asi-repro verify` with fewer --jobs"
    )
    detail = f"{_gb(free)} of {_gb(pages)} free, {cores} cores"
    facts = {"total_bytes": pages, "free_bytes": free, "cores": cores}
    return Finding("memory", "ok" if good else "gap", detail, todo, ("verify",), facts)


def _available_memory() -> int | None:
    path = Path("/proc/meminfo")
    if not path.exists():
        return None
    fields = dict(line.split(":", 1) for line in path.read_text().splitlines())
    return int(fields["MemAvailable"].split()[0]) * 1024


def _disk() -> Finding:
    project = _project()
    folder = project.root if project else Path.cwd()
    free = shutil.disk_usage(folder).free
    good = free >= _DISK_NEEDED
    todo = "" if good else f"free {_DISK_NEEDED >> 30} GB on this file system"
    facts = {"free_bytes": free}
    return Finding("disk", "ok" if good else "gap", f"{_gb(free)} free at {folder}", todo, ("verify",), facts)


def _git() -> Finding:
    program = shutil.which("git")
    if program is None:
        todo = "install git (apt-get install git)"
        return Finding("git", "gap", "git is not on the PATH", todo, ("verify", "discover"))
    child = Child("git", [program, "--version"], 10, _git_finding)
    return child.finding()


def _git_finding(status: int, out: str, err: str) -> Finding:
    if status != 0:
        return Finding("git", "gap", err.strip()[:200], "reinstall git", ("verify", "discover"))
    return Finding("git", "ok", out.strip(), "", ("verify", "discover"))


def _sandbox() -> Iterator[Finding]:
    probes = probe_all()
    best = next((probe.tier for probe in probes if probe.works and probe.tier in TIERS), None)
    facts = {"best": best, "tiers": [probe.__dict__ for probe in probes]}
    if best is None:
        todo = next(probe.hint for probe in probes if probe.hint)
        yield Finding("sandbox", "gap", "no sandbox tier works", todo, ("verify", "rerun", "discover"), facts)
    else:
        used = f"programs are run in the tier {best}"
        yield Finding("sandbox", "ok", used, "", ("verify", "rerun", "discover"), facts)
    for probe in probes:
        untried = probe.tier == "podman" or probe.detail.startswith("not run")
        status = "ok" if probe.works else "not run" if untried else "gap"
        # A weaker tier that is missing is no gap to fill where a stronger one works.
        todo = "" if probe.works or (best and probe.tier == "landlock") or untried else probe.hint
        detail = probe.detail.splitlines()[0].removeprefix("not run: ") if probe.detail else ""
        yield Finding(f"sandbox {probe.tier}", status, detail[:300], todo)  # type: ignore[arg-type]


def _release() -> Finding:
    project = _project()
    if project is None:
        todo = "change to the checkout, or set ASI_REPRO_HOME to its path"
        return Finding("release", "gap", "not inside a checkout of asi_repro", todo, ("verify",))
    problems = check_release(project.release, release_manifest())
    if not problems:
        return Finding("release", "ok", f"complete, every checksum as published, in {project.release}")
    # Fetching it is the journey's own first step, so its absence stops nothing.
    todo = "run `asi-repro pull` (or, without access to GitHub, `asi-repro pull --from DIR`)"
    return Finding("release", "gap", problems[0], todo, (), {"problems": problems[:20]})


def _storage() -> Finding:
    project = _project()
    if project is None:
        return Finding("storage", "not run", "not inside a checkout of asi_repro")
    return storage(project.root)


def _project() -> Project | None:
    try:
        return find_project()
    except AsiReproError:
        return None


def _torch(child: Child) -> Iterator[Finding]:
    """The child's one answer as findings on torch, CUDA, triton and fla."""
    first = child.finding()
    yield first
    facts = first.facts
    if first.status != "ok":
        for name in ("cuda", "triton", "fla"):
            yield Finding(name, "not run", "torch could not be queried")
        return
    if facts["cuda"]:
        devices = ", ".join(f"{d['name']} ({_gb(d['bytes'])})" for d in facts["devices"])
        yield Finding(
            "cuda", "ok", f"CUDA {facts['cuda_version']}: {devices}", facts={"devices": facts["devices"]}
        )
    else:
        todo = "needed only to train at 20m and 340m in reasonable time; the rest runs on the CPU"
        yield Finding("cuda", "gap", "no CUDA device", todo)
    for name, package in (("triton", "triton"), ("fla", "flash-linear-attention")):
        answer = facts[name]
        todo = "needed only on a GPU" + (f": run `pip install {package}`" if answer["missing"] else "")
        status = "ok" if answer["works"] else "gap"
        yield Finding(name, status, answer["detail"], "" if answer["works"] else todo)  # type: ignore[arg-type]


def _api_key() -> Finding:
    # Whether there is one, never what it is.
    if os.environ.get(API_KEY):
        return Finding("api key", "ok", f"{API_KEY} is set")
    todo = f"set {API_KEY} to run discovery with a live model; replay and the arm operators need no key"
    return Finding("api key", "gap", f"{API_KEY} is not set", todo)


def _model(*, asked: bool) -> Iterator[Finding]:
    project = _project()
    if project is None:
        return
    try:
        settings = load_params(project.root).llm
    except AsiReproError as error:
        if asked:
            yield Finding("model", "not run", f"{error.what} ({error.where})")
        return
    if asked or is_own(settings):
        yield ask_model(settings)


def _gb(count: int) -> str:
    return f"{count / (1 << 30):.1f} GB"
