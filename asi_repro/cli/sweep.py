"""`asi-repro sweep`: all selected models, in parallel."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Optional

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from asi_repro.cli.options import (
    DeviceOption,
    ExecutorOption,
    JsonOption,
    ScaleOption,
    SeedsOption,
    UnsafeOption,
    the_executor,
)
from asi_repro.cli.output import console, print_json, safe
from asi_repro.config.params import load_params
from asi_repro.errors import AsiReproError, NotFound
from asi_repro.executor.base import usable_cpus
from asi_repro.project import find_project
from asi_repro.sweep.jobs import Report, Swept, make_jobs, unknown_report
from asi_repro.sweep.jobs import sweep as run_sweep
from asi_repro.sweep.workspace import open_workspace
from asi_repro.train.spec import DEVICES


def sweep(
    names: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="[NAME]...", help="Instead of the selection.", show_default=False),
    ] = None,
    jobs: Annotated[
        Optional[int],
        typer.Option("--jobs", "-j", min=1, help="Models at a time; the number of CPUs by default."),
    ] = None,
    scale: ScaleOption = None,
    seeds: SeedsOption = None,
    only: Annotated[
        Optional[str], typer.Option("--only", help="train or evaluate; both by default.", show_default=False)
    ] = None,
    device: DeviceOption = "cpu",
    force: Annotated[bool, typer.Option("--force", help="Do again what is there.")] = False,
    unsafe: UnsafeOption = False,
    executor: ExecutorOption = None,
    json_: JsonOption = False,
) -> None:
    """Train and evaluate all selected models in parallel; what is there already is left as it is.

    A model that fails or that nothing is known of is listed, and the others go on. A sweep that is killed
    goes on where it was.
    """
    if only not in (None, "train", "evaluate"):
        raise NotFound(f"no phase {only!r}", hint="train or evaluate")
    if device not in DEVICES:
        raise NotFound(f"no device {device!r}", hint=f"one of {', '.join(DEVICES)}")
    root = find_project().root
    workspace = open_workspace(root, scale=scale)
    workspace.corpus  # noqa: B018  # say now what every job would say
    phases = (only,) if only else ("train", "evaluate")
    known, unknown = workspace.known_subjects(names)
    planned = make_jobs(
        root,
        known,
        seeds or workspace.settings.seeds,
        scale=workspace.scale,
        phases=phases,
        unsafe=unsafe,
        device=device,
        processes=_processes(root, workspace.scale, device, unsafe=unsafe),
        force=force,
    )
    where, needs = the_executor(executor, jobs, root, scale=workspace.scale, device=device)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console(stderr=True)) as bar:
        task = bar.add_task("training", total=len(planned))

        def told(report: Report) -> None:
            bar.update(task, advance=1, description=safe(report.name)[:40])

        swept = run_sweep(
            planned, workers=jobs or usable_cpus(), progress=told, executor=where, resources=needs
        )
    swept.reports += [unknown_report(name, error) for name, error in unknown.items()]
    _finish(swept, json_=json_)


def _processes(root: Path, scale: str, device: str, *, unsafe: bool) -> int:
    """Processes of each training, which no sandbox tier can hold together."""
    count = load_params(root).executor.needs(scale).processes_on(device)
    if not unsafe and (count > 1 or device == "cuda"):
        raise AsiReproError(
            f"{device} with {count} processes a training works in no sandbox tier",
            where=f"params.yaml: executor.resources.{scale}",
            hint="--unsafe-no-sandbox trains with your own rights: only programs that you have read",
        )
    return count


def _finish(swept: Swept, *, json_: bool) -> None:

    counts = {status: len(swept.of(status)) for status in ("done", "current", "stopped", "failed")}
    if json_:
        print_json({**counts, "seconds": swept.seconds, "jobs": [asdict(report) for report in swept.reports]})
    else:
        out = console()
        out.print(
            ", ".join(f"{count} {status}" for status, count in counts.items()) + f"; {swept.seconds:.0f} s"
        )
        for report in [*swept.of("stopped"), *swept.of("failed")]:
            what = f"{safe(report.name)} seed {report.seed} ({report.phase})"
            out.print(f"  {report.status} {what}: {safe(report.detail)}")
    if swept.of("failed"):
        first = swept.of("failed")[0]
        raise AsiReproError(
            f"{counts['failed']} of {len(swept.reports)} failed, the first is {first.name}: {first.detail}",
            where=first.where or f"{first.name}, seed {first.seed}, {first.phase}",
            hint=first.hint or "run the command again: what is finished is kept",
        )
