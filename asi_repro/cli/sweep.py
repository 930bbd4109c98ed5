"""`asi-repro sweep`: all selected models, in parallel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from asi_repro.cli.checked import the_choice
from asi_repro.cli.executors import ExecutorOption, the_executor
from asi_repro.cli.options import (
    ClassOption,
    DeviceOption,
    JobsOption,
    JsonOption,
    ScaleOption,
    SeedsOption,
    SetOption,
    UnsafeOption,
)
from asi_repro.cli.output import console, print_json, progress_bar, safe
from asi_repro.config.params import load_params
from asi_repro.errors import AsiReproError, NotFound
from asi_repro.executor.base import usable_cpus
from asi_repro.project import find_project
from asi_repro.sweep.jobs import Report, Swept, failed_report, make_jobs
from asi_repro.sweep.jobs import sweep as run_sweep
from asi_repro.sweep.recorded_sweep import SweepWork
from asi_repro.sweep.workspace import Workspace, open_workspace
from asi_repro.train.spec import DEVICES


def sweep(
    names: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[NAME]...", help="Models to use instead of the selection: names, or Python files."
        ),
    ] = None,
    jobs: JobsOption = None,
    scale: ScaleOption = None,
    seeds: SeedsOption = None,
    only: Annotated[
        Optional[str], typer.Option(help="Run only this phase: train or evaluate. The default is both.")
    ] = None,
    device: DeviceOption = "cpu",
    force: Annotated[bool, typer.Option("--force", help="Redo work whose results exist.")] = False,
    renew: Annotated[
        bool,
        typer.Option("--renew", help="Also redo what artifacts/sweeps records as made with earlier code."),
    ] = False,
    class_: ClassOption = None,
    set_: SetOption = None,
    unsafe: UnsafeOption = False,
    executor: ExecutorOption = None,
    json_: JsonOption = False,
) -> None:
    """Train and evaluate all selected models in parallel. Existing results are kept.

    If a model fails or its name is unknown, it is reported and the others continue. An interrupted sweep
    resumes when the command is run again. At a scale whose sweep is recorded (`sweep.recorded` in
    params.yaml), it runs over all baselines and the whole gallery; each finished model becomes a file in
    artifacts/sweeps/SCALE/rows, and what is recorded there is not done again.
    """
    if only not in (None, "train", "evaluate"):
        raise NotFound(f"unknown phase {only!r}", hint="use train or evaluate")
    if device not in DEVICES:
        raise NotFound(f"unknown device {device!r}", hint=f"use one of: {', '.join(DEVICES)}")
    root = find_project().root
    workspace = open_workspace(root, scale=scale)
    workspace.corpus  # noqa: B018  # say now what every job would say
    phases: tuple[Any, ...] = (only,) if only else ("train", "evaluate")
    options = {
        "scale": workspace.scale,
        "unsafe": unsafe,
        "device": device,
        "processes": _processes(root, workspace.scale, device, unsafe=unsafe),
        "force": force,
    }
    recorded = None if only else _recorded(root, workspace)
    choice = the_choice(class_, set_ or [])
    known, unknown = workspace.known_subjects(names, choice) if names or recorded is None else ([], {})
    if recorded is None:
        planned = make_jobs(root, known, seeds or workspace.settings.seeds, phases=phases, **options)
    else:
        recorded.open([subject.slug for subject in known], seeds, renew=renew, force=force)
        planned = recorded.jobs(root, **options)
    where, needs = the_executor(executor, jobs, root, scale=workspace.scale, device=device)
    keep = None if recorded is None else recorded.keep
    swept = run_jobs("training", planned, jobs, keep, executor=where, resources=needs)
    swept.reports += [failed_report(name, 0, error) for name, error in unknown.items()]
    if recorded is not None:
        swept.reports += recorded.faults
    finish(swept, [] if recorded is None else recorded.notes(), json_=json_)


def _recorded(root: Path, workspace: Workspace) -> SweepWork | None:
    """The recorded sweep of the scale, where there is one."""
    params = load_params(root)
    settings = params.recorded(workspace.scale)
    return None if settings is None else SweepWork(workspace, settings, params.seed)


def _processes(root: Path, scale: str, device: str, *, unsafe: bool) -> int:
    """Processes of each training, which no sandbox tier can hold together."""
    count = load_params(root).executor.needs(scale).processes_on(device)
    if not unsafe and count > 1:
        raise AsiReproError(
            f"no sandbox tier supports training on {device} with {count} processes",
            where=f"params.yaml: executor.resources.{scale}",
            hint="pass --unsafe-no-sandbox to train with your own permissions, but only for programs"
            " that you have read",
        )
    return count


def run_jobs(
    what: str,
    planned: Sequence[Any],
    jobs: int | None,
    keep: Callable[[Report], None] | None = None,
    **options: Any,
) -> Swept:
    """Do jobs under a bar of their progress.

    Args:
        what: is done, for the bar.
        jobs: that run at a time; None for one a CPU.
        keep: is given each report.
        options: of `run_sweep`.
    """
    with progress_bar() as bar:
        task = bar.add_task(what, total=len(planned))

        def take(report: Report) -> None:
            bar.update(task, advance=1, description=safe(report.name)[:40])
            if keep is not None:
                keep(report)

        return run_sweep(planned, workers=jobs or usable_cpus(), progress=take, **options)


def finish(swept: Swept, notes: list[str], *, json_: bool) -> None:
    """Say what jobs came to.

    Raises:
        AsiReproError: where one failed.
    """
    counts = {status: len(swept.of(status)) for status in ("done", "current", "stopped", "failed")}
    if json_:
        jobs = [asdict(report) for report in swept.reports]
        print_json({**counts, "seconds": swept.seconds, "notes": notes, "jobs": jobs})
    else:
        out = console()
        out.print(
            ", ".join(f"{count} {status}" for status, count in counts.items()) + f"; {swept.seconds:.0f} s"
        )
        for report in [*swept.of("stopped"), *swept.of("failed")]:
            what = f"{safe(report.name)} seed {report.seed} ({report.phase})"
            out.print(f"  {report.status} {what}: {safe(report.detail)}")
        for note in notes:
            out.print(note)
    if swept.of("failed"):
        first = swept.of("failed")[0]
        raise AsiReproError(
            f"{counts['failed']} of {len(swept.reports)} jobs failed. The first is {first.name}: "
            f"{first.detail}",
            where=first.where or f"{first.name}, seed {first.seed}, {first.phase}",
            hint=first.hint or "run the command again: finished results are kept",
        )
