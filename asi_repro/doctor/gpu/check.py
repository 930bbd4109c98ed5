"""Run the parts one after the other, each in a process with a time of its own, and write one report."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from asi_repro.doctor.children import torch_child
from asi_repro.doctor.gpu.messages import Row, Setting, read_rows
from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json

# Seconds that each part may take, and all of them with the look at the machine.
PARTS: dict[str, float] = {
    "modules": 80.0,
    "baselines": 55.0,
    "programs": 95.0,
    "train bare": 70.0,
    "train sandboxed": 65.0,
    "evaluate": 45.0,
    "speed": 45.0,
}
SECONDS = 475.0
_CHILD = ("-m", "asi_repro.doctor.gpu.child")
JSON, TEXT = "report.json", "report.txt"


@dataclass(frozen=True)
class Machine:
    """What the parts run on.

    Attributes:
        facts: card, driver and versions, by name.
        missing: why nothing can be run, or "".
    """

    facts: dict[str, str]
    missing: str


def look_at_machine() -> Machine:
    """The card, the driver, and the versions of what drives them."""
    finding = torch_child().finding()
    found = finding.facts
    if not found:
        return Machine({}, f"torch cannot be used: {finding.detail}")
    cards = ", ".join(f"{d['name']} ({d['bytes'] / 2**30:.0f} GB)" for d in found["devices"])
    facts = {
        "card": cards or "none",
        "driver": _driver(),
        "torch": f"{found['version']} (CUDA {found['cuda_version'] or 'none'})",
        "fla": found["fla"]["detail"],
        "triton": found["triton"]["detail"],
        "python": sys.version.split()[0],
    }
    missing = "" if found["cuda"] else "torch finds no CUDA device on this machine"
    return Machine(facts, missing)


def run_parts(
    setting: Setting, machine: Machine, parts: Mapping[str, float] = PARTS, seconds: float = SECONDS
) -> Iterator[Row]:
    """Every part's rows, part by part. That one crashes or takes too long is a named row beside its others.

    Args:
        setting: its `work` may be "": a temporary folder then holds what the parts make.
        parts: seconds by part.
        seconds: for all of them together.
    """
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="asi-repro-gpu-") as folder:
        work = Path(setting.work or folder)
        settings_file = work / "setting.json"
        settings_file.write_text(json.dumps(asdict(replace(setting, work=str(work)))), encoding="utf-8")
        for part, limit in parts.items():
            left = min(limit, end - time.monotonic())
            if machine.missing:
                yield Row(part, part, "not run", machine.missing)
            elif left <= 1:
                yield Row(part, part, "not run", f"the {seconds:.0f} s for all parts were used up")
            else:
                yield from _run(part, settings_file, work, left)


def write_report(folder: Path, machine: Machine, rows: Sequence[Row]) -> Path:
    """Write report.json and report.txt; the path of the text."""
    counts = {status: sum(row.status == status for row in rows) for status in ("passed", "failed", "not run")}
    record = {"machine": machine.facts, "counts": counts, "rows": [asdict(row) for row in rows]}
    atomic_write(folder / JSON, dump_json(record))
    lines = ["asi-repro doctor --gpu", *(f"{name}: {value}" for name, value in machine.facts.items()), ""]
    lines += [line_of(row) for row in rows]
    lines += ["", ", ".join(f"{count} {status}" for status, count in counts.items())]
    atomic_write(folder / TEXT, "\n".join(lines) + "\n")
    return folder / TEXT


def line_of(row: Row) -> str:
    """A row as one line of text."""
    return f"{row.status:<8} {row.part:<16} {row.seconds:6.1f} s  {row.what}: {row.detail}"


def _run(part: str, setting: Path, work: Path, seconds: float) -> list[Row]:
    rows = work / f"{part.replace(' ', '-')}.jsonl"
    command = [sys.executable, *_CHILD, part, str(setting), str(rows)]
    # One card; programs' own torch.compile would take longer than everything else.
    own = {
        "TORCHDYNAMO_DISABLE": "1",
        "CUDA_VISIBLE_DEVICES": os.environ.get("CUDA_VISIBLE_DEVICES", "0")[:80].split(",")[0],
    }
    began = time.monotonic()
    log = work / f"{rows.stem}.log"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, **own},
            start_new_session=True,
        )
        try:
            process.wait(seconds)
            ended = ""
        except subprocess.TimeoutExpired:
            ended = f"not finished within {seconds:.0f} s"
        finally:
            _end(process)
    found = read_rows(rows)
    if not ended and process.returncode:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        ended = f"ended with {process.returncode}: {said[-1][:300] if said else 'it said nothing'}"
    if ended or not found:
        took = time.monotonic() - began
        found.append(Row(part, part, "failed", ended or "it said nothing", round(took, 2)))
    return found


def _end(process: subprocess.Popen[Any]) -> None:
    """End it and what it began."""
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _driver() -> str:
    try:
        return Path("/proc/driver/nvidia/version").read_text(encoding="utf-8").splitlines()[0].strip()
    except OSError:
        return "none"
