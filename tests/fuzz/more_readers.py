"""Readers of what a machine, a benchmark or somebody's program leaves: times, settings of DVC, program text."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from readers import ROOT, Reader, write
from run_readers import finished_run, make_settings, shared

from asi_repro.project import Project
from asi_repro.store.json_text import dump_json


def make_timings(folder: Path) -> Path:
    rows = {str(index): {"forward": {"512": 0.1, "2048": 0.4}, "runs": 1.5} for index in (7, 8, 9)}
    return write(folder / "verify-timings.json", dump_json(rows))


def read_timings(folder: Path) -> Any:
    from asi_repro.planning.times import forward_speeds

    return forward_speeds(folder / "verify-timings.json")


def read_swept(folder: Path) -> Any:
    from asi_repro.planning.times import swept_speeds

    return swept_speeds(folder)


def make_swept(folder: Path) -> Path:
    for name in ("summary.json", "times.json", "models.csv", "curves.csv"):
        lines = (ROOT / "artifacts/sweeps/smoke" / name).read_text().splitlines(keepends=True)
        write(folder / name, "".join(lines if name.endswith("json") else lines[:4]))
    return folder / "models.csv"


def read_speed(folder: Path) -> Any:
    from asi_repro.results.speed import read_speeds

    return read_speeds(folder / "speed.json")


REMOTES = "[core]\n    remote = mine\n['remote \"mine\"']\n    url = s3://bucket/x\n    verify = true\n"


def read_dvc_config(folder: Path) -> Any:
    from asi_repro.doctor.storage import storage

    try:
        return storage(folder)
    except (OSError, ValueError) as error:  # doctor shows it as "not run"
        from asi_repro.errors import DataError

        raise DataError(str(error)) from error


def make_program(folder: Path) -> Path:
    return write(folder / "program.py", (ROOT / "tests/fuzz/a_program.txt").read_bytes())


def read_program(folder: Path) -> Any:
    """As the sandbox's first wall reads it, and as the operators do."""
    from asi_repro.discover.operators.source import read_source
    from asi_repro.errors import DataError
    from asi_repro.sandbox.static_check import check_program

    text = (folder / "program.py").read_bytes().decode("utf-8", "surrogateescape")
    if check_program(text):
        raise DataError("refused")
    return read_source(text)


# Files of a run that are read when its traces and its outcomes are


def copied_run(folder: Path) -> Path:
    """The finished run, to damage."""
    home = folder / "artifacts" / "runs" / "one"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(finished_run(folder), home)
    return home


def make_times(folder: Path) -> Path:
    from asi_repro.store.json_lines import append_line

    home = copied_run(folder)
    (home / "timings.jsonl").unlink(missing_ok=True)
    span = {"session": "2", "sequence": 0, "start_ns": 5, "end_ns": 9}
    for steps in ([span], [{**span, "sequence": 1}]):
        append_line(home / "timings.jsonl", {"index": 2, "spans": steps})
    return home / "timings.jsonl"


def make_failed(folder: Path) -> Path:
    """A failed experiment's record, with a trace of another's."""
    from asi_repro.discover.run.content import TRACE
    from asi_repro.discover.run.folder import DiscoveryRun
    from asi_repro.traces.spans import parse_jsonl

    home = copied_run(folder)
    run = DiscoveryRun(home)
    rows = parse_jsonl(run.store.files([run.store.commits()[2]], (TRACE,))[0][TRACE].decode(), "")
    return write(
        run.rejected(5, failed=True),
        dump_json({"index": 5, "status": "failed", "why": "x", "turned_down": [], "trace": rows}),
    )


def read_run_traces(folder: Path) -> Any:
    from asi_repro.discover.run.folder import DiscoveryRun
    from asi_repro.discover.run.traces import write_run_traces
    from asi_repro.traces.parquet import read_sessions

    write_run_traces(DiscoveryRun(folder / "artifacts/runs/one"), folder)
    return read_sessions(folder / "traces/one.parquet")


def make_fitness(folder: Path) -> Path:
    from asi_repro.discover.run.archive import write_run_archive
    from asi_repro.discover.run.folder import DiscoveryRun

    home = copied_run(folder)
    write_run_archive(DiscoveryRun(home))
    return home / "archive" / "fitness.parquet"


def read_fitness(folder: Path) -> Any:
    from asi_repro.discover.run.outcomes import read_outcomes

    return read_outcomes(Project(folder), "one")


# What a sandboxed worker answers, and what a run has spent


FRAME = {"id": 3, "kind": "ok", "value": {"loss": 1.5, "rows": [1, None, "a"]}}


def make_frame(folder: Path) -> Path:
    from asi_repro.sandbox.protocol import encode

    return write(folder / "frame", encode(FRAME, limit=1 << 16))


def read_frame(folder: Path) -> Any:
    from asi_repro.errors import DataError
    from asi_repro.sandbox.protocol import FrameBuffer, check_reply

    buffer = FrameBuffer(limit=1 << 16)
    data = (folder / "frame").read_bytes()
    frame = buffer.feed(data[:9]) or buffer.feed(data[9:])
    if frame is None:
        raise DataError("a part of a frame")
    return check_reply(frame, 3)


def make_spending(folder: Path) -> Path:
    from asi_repro.store.json_lines import append_line

    lines = [
        {"id": "a", "pid": 1, "until": 2e9, "tokens": 50, "usd": 0.5},
        {"id": "a", "tokens": 40, "usd": 0.25},
    ]
    for line in lines:
        append_line(folder / "spending.jsonl", line)
    return folder / "spending.jsonl"


def read_spending(folder: Path) -> Any:
    """Whatever the ledger says, what was spent stays a number that a limit can be held to."""
    from asi_repro.config.llm import BudgetSettings
    from asi_repro.llm.budget import Ledger

    tokens, usd = Ledger(BudgetSettings(), folder / "spending.jsonl").spent
    assert tokens >= 0
    assert 0 <= usd < float("inf")
    return tokens, usd


def read_policy(folder: Path) -> Any:
    from asi_repro.replay.policy import policy_of

    return policy_of(folder)


MORE = {
    "worker frame": Reader("bytes", make_frame, read_frame),
    "run spending": Reader("jsonl", make_spending, read_spending),
    "pool policy": Reader("json", make_settings, read_policy),
    "verify timings": Reader("json", make_timings, read_timings),
    "sweep times": Reader("text", make_swept, read_swept),
    "speed": Reader(
        "json",
        lambda at: write(at / "speed.json", (ROOT / "artifacts/sweeps/speed.json").read_bytes()),
        read_speed,
    ),
    "DVC configuration": Reader("text", lambda at: write(at / ".dvc/config", REMOTES), read_dvc_config),
    "program text": Reader("text", make_program, read_program),
    "run times": Reader("jsonl", make_times, read_run_traces, heavy=True),
    "failed experiment": Reader("json", make_failed, read_run_traces, heavy=True),
    "run fitness table": Reader("bytes", make_fitness, read_fitness, heavy=True),
    "shared timings.jsonl": shared("timings.jsonl"),
    "shared trace.jsonl": shared("trace.jsonl"),
}
