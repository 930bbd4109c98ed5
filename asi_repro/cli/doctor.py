"""`asi-repro doctor`: what this machine can do."""

from __future__ import annotations

import time
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import console, print_json, safe
from asi_repro.doctor.findings import Finding, can_verify
from asi_repro.doctor.gpu.check import SECONDS, line_of, look_at_machine, run_parts, write_report
from asi_repro.doctor.gpu.messages import Row, Setting
from asi_repro.doctor.probes import examine
from asi_repro.project import find_project


def doctor(
    model: Annotated[
        bool, typer.Option("--model", help="Also ask the configured language model for a tiny answer.")
    ] = False,
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Try every path that needs CUDA, in at most 8 minutes.")
    ] = False,
    unsafe: Annotated[
        bool,
        typer.Option(
            "--unsafe-no-sandbox",
            help="With --gpu: also run 12 released programs with fla's kernels and all of your permissions.",
        ),
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Check what this machine can run, and say how to fix what it cannot.

    Every sandbox tier is started and attacked, PyTorch is queried in a child process, and the Hugging
    Face Hub is contacted once. API keys are reported as set or not set; their values are never shown. A
    language model is asked only with --model, or if a server of your own is configured (llm.base_url or
    ANTHROPIC_BASE_URL). The exit status is 1 if this machine cannot run `asi-repro pull` and `dvc repro`.

    With --gpu, fla's kernels are compared with this project's modules, a model is trained and evaluated in
    and outside the sandbox, and its speed is measured. The report is artifacts/gpu/report.txt. What cannot be
    run is a row that says why; the exit status is 1 if something failed.
    """
    if gpu:
        _check_gpu(unsafe=unsafe, json_=json_)
        return
    findings: list[Finding] = []
    out = console()
    for finding in examine(model=model):
        findings.append(finding)
        if not json_:
            _print(out, finding)
    ready = can_verify(findings)
    if json_:
        print_json({"can_verify": ready, "findings": [finding.to_dict() for finding in findings]})
    elif ready:
        out.print("\nThis machine can check the programs: run `asi-repro pull`, then `dvc repro`.")
    else:
        stops = [f.name for f in findings if f.status != "ok" and "verify" in f.needed_for]
        out.print(f"\nThis machine cannot check the programs yet. See {', '.join(stops)} above.")
    if not ready:
        raise typer.Exit(1)


def _check_gpu(*, unsafe: bool, json_: bool) -> None:
    project, began = find_project(), time.monotonic()
    machine, rows, out = look_at_machine(), list[Row](), console()
    left = SECONDS - (time.monotonic() - began)
    for row in run_parts(Setting(str(project.root), "", unsafe=unsafe), machine, seconds=left):
        rows.append(row)
        if not json_:
            out.print(Text(safe(line_of(row)), style=_ROW_STYLES[row.status]))
    path = write_report(project.artifacts / "gpu", machine, rows)
    if json_:
        print_json({"machine": machine.facts, "report": str(path), "rows": [asdict(row) for row in rows]})
    else:
        out.print(f"\nThe report is in {path}.")
    if any(row.status == "failed" for row in rows):
        raise typer.Exit(1)


_ROW_STYLES = {"passed": "green", "failed": "red", "not run": "bright_black"}
_STYLES = {"ok": "green", "gap": "yellow", "not run": "bright_black"}


def _print(out: Console, finding: Finding) -> None:

    stops = finding.status != "ok" and bool(finding.needed_for)
    line = Text(f"{finding.status:<8}", style="red" if stops else _STYLES[finding.status])
    out.print(line.append(f"{finding.name:<19} {safe(finding.detail)}", style="default"))
    if finding.todo:
        out.print(Text(f"{'':<27} → {safe(finding.todo)}"))
