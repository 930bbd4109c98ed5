"""`asi-repro probes`: what models can learn of small synthetic tasks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

from asi_repro.cli.executors import ExecutorOption, the_executor
from asi_repro.cli.options import JobsOption, JsonOption, UnsafeOption
from asi_repro.cli.output import console, print_columns, print_json, safe
from asi_repro.cli.sweep import finish, run_jobs
from asi_repro.config.params import load_params
from asi_repro.data.probe_tasks import PROBES
from asi_repro.errors import DataError, MissingInput
from asi_repro.project import Project, find_project
from asi_repro.results.probe_matrix import MATRIX, ProbeMatrix, make_matrix, write_matrix
from asi_repro.results.probe_rows import read_probes
from asi_repro.sweep.jobs import failed_report
from asi_repro.sweep.recorded_probes import RecordedProbes, probes_home, run_probes
from asi_repro.sweep.workspace import open_workspace
from asi_repro.text import counted
from asi_repro.train.probing import SCALE


def probes(
    names: Annotated[
        Optional[list[str]],
        typer.Argument(
            metavar="[NAME]...",
            help="Baselines or architectures. The default is all of them in a fixed order.",
            show_default=False,
        ),
    ] = None,
    task: Annotated[
        Optional[list[str]],
        typer.Option(
            "--task", metavar="TASK", help="Only this probe; may be given again.", show_default=False
        ),
    ] = None,
    jobs: JobsOption = None,
    force: Annotated[bool, typer.Option("--force", help="Redo probes that are recorded.")] = False,
    renew: Annotated[
        bool, typer.Option("--renew", help="Also redo what is recorded as made with earlier code.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Run nothing; show what is recorded.")] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Run nothing; write artifacts/probes.json from what is recorded.")
    ] = False,
    unsafe: UnsafeOption = False,
    executor: ExecutorOption = None,
    json_: JsonOption = False,
) -> None:
    """Probe what models can learn: recall, copying, parity, memorisation, compression (stage `probes`).

    Each probe is a training of seconds on a synthetic task and a test on unseen sequences. Scores stand
    beside chance and the noise of seeds; they measure single skills, not quality. Every finished probe is a
    file in artifacts/sweeps/laptop/probes, and what is recorded there is not done again. The order is: all
    baselines, a sample of the gallery, the baselines' other seeds, the rest of the gallery.
    """
    project = find_project()
    if show or record:
        _show(project, record=record, json_=json_)
        return
    workspace = open_workspace(project.root, scale=SCALE)
    known, unknown = workspace.known_subjects(names) if names else ([], {})
    work = RecordedProbes(workspace, load_params(project.root))
    work.open(known, task or (), renew=renew, force=force)
    planned = work.jobs(project.root, unsafe=unsafe)
    where, needs = the_executor(executor, jobs, project.root, scale=SCALE)
    swept = run_jobs("probing", planned, jobs, run=run_probes, executor=where, resources=needs)
    swept.reports += [failed_report(name, 0, error) for name, error in unknown.items()] + work.faults
    finish(swept, work.notes(), json_=json_)


def _show(project: Project, *, record: bool, json_: bool) -> None:
    folder = probes_home(project.artifacts)
    rows, damaged = read_probes(folder)
    if not rows:
        said = f"; {counted(len(damaged), 'row')} damaged: {damaged[0].what}" if damaged else ""
        raise MissingInput(f"no probe is recorded{said}", where=str(folder), hint="asi-repro probes")
    matrix = make_matrix(rows, {name: task.title for name, task in PROBES.items()})
    if record:
        write_matrix(matrix, project.artifacts / MATRIX)
    if json_:
        wrong = [{"where": error.where, "what": error.what} for error in damaged]
        print_json({**matrix.model_dump(), "damaged": wrong})
    else:
        print_matrix(matrix, damaged)
    if record and damaged:
        raise damaged[0]


def print_matrix(matrix: ProbeMatrix, damaged: list[DataError]) -> None:
    """Models by tasks: mean score, deviation over seeds and tokens to nine of ten right."""
    out = console()
    out.print("Capability probes: share of right answers on unseen sequences. Not a measure of quality.")
    header = ("model", "seeds", *matrix.tasks)
    table = [
        [
            name,
            str(max(len(c.scores) for c in cells.values())),
            *(cells[t].shown if t in cells else "not run" for t in matrix.tasks),
        ]
        for name, cells in matrix.models.items()
        if cells
    ]
    table += [["a guess", "", *(f"{task.chance:.3f}" for task in matrix.tasks.values())]]
    table += [["a seed's deviation", "", *(_deviation(t.seed_deviation) for t in matrix.tasks.values())]]
    apart = [f"{task.pairs_apart} of {task.pairs}" for task in matrix.tasks.values()]
    table += [["pairs told apart", "", *apart]]
    print_columns(out, header, table)
    out.print("+ above and - below DeltaNet by more than seeds differ (p < 0.05 after Holm). @: thousands of")
    out.print(
        "training tokens until nine of ten answers were right, the mean over seeds where all reached it."
    )
    for name, cells in matrix.models.items():
        for task, cell in cells.items():
            for trouble in cell.troubles:
                out.print(f"  did not end: {safe(name)} on {task}, {safe(trouble)}")
    for error in damaged:
        out.print(f"  left out: {safe(Path(error.where or '').name)}: {safe(error.what)}")
    if matrix.left_out:
        out.print(f"not compared: {counted(matrix.left_out, 'row')} of another recipe or task")
    out.print(matrix.sentence)


def _deviation(value: float | None) -> str:
    return "not known" if value is None else f"{value:.3f}"
