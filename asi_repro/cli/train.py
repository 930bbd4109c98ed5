"""`asi-repro train`, `select` and `sweep`: models of a chosen size, in a sandbox, resumable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from asi_repro.cli.options import ExecutorOption, JsonOption, the_executor

if TYPE_CHECKING:
    from pathlib import Path

    from asi_repro.sweep.jobs import Report, Swept
    from asi_repro.train.spec import Subject

ScaleOption = Annotated[
    Optional[str],
    typer.Option("--scale", help="smoke, 20m or 340m; params.yaml's by default.", show_default=False),
]
SeedsOption = Annotated[
    Optional[int],
    typer.Option("--seeds", min=1, help="Seeds 0 to N-1; params.yaml's by default.", show_default=False),
]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu, or cuda with --unsafe-no-sandbox.")]
UnsafeOption = Annotated[
    bool,
    typer.Option("--unsafe-no-sandbox", help="Run the program with your own rights: it can do what you can."),
]


def train(
    name: Annotated[str, typer.Argument(help="A baseline, or an architecture's index or name.")],
    scale: ScaleOption = None,
    seeds: SeedsOption = None,
    seed: Annotated[
        Optional[int], typer.Option("--seed", min=0, help="This seed only.", show_default=False)
    ] = None,
    device: DeviceOption = "cpu",
    force: Annotated[bool, typer.Option("--force", help="Train again where the result is there.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Begin a run that was cut off again.")] = False,
    unsafe: UnsafeOption = False,
    json_: JsonOption = False,
) -> None:
    """Train one model into artifacts/trained/SCALE/NAME/seed-N (stage `train@NAME`).

    A result of the same program, recipe, seed, text and code is left as it is. A run that was cut off goes
    on from its last checkpoint.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from asi_repro.cli.output import console, print_json, safe
    from asi_repro.errors import AsiReproError, NotFound
    from asi_repro.project import find_project
    from asi_repro.sweep.workspace import open_workspace
    from asi_repro.train.spec import DEVICES

    if device not in DEVICES:
        raise NotFound(f"no device {device!r}", hint=f"one of {', '.join(DEVICES)}")
    if seed is not None and seeds is not None:
        raise AsiReproError("give either --seed or --seeds")
    workspace = open_workspace(find_project().root, scale=scale)
    subject = workspace.subjects([name])[0]
    out, results = console(), []
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console(stderr=True)) as bar:
        for number in [seed] if seed is not None else range(seeds or workspace.settings.seeds):
            steps = workspace.settings.recipe(workspace.scale).steps
            task = bar.add_task(f"{safe(subject.slug)[:40]} seed {number}", total=steps)

            def told(step: int, loss: float | None, task: Any = task, number: int = number) -> None:
                shown = "NaN" if loss is None else f"{loss:.3f}"
                bar.update(
                    task, completed=step, description=f"{subject.slug[:40]} seed {number} loss {shown}"
                )

            done = workspace.train(
                subject,
                number,
                device=device,
                unsafe=unsafe,
                force=force,
                restart=restart,
                progress=told,
            )
            bar.remove_task(task)
            results.append(done)
    if json_:
        print_json(
            [
                {**done.result.model_dump(), "already": done.already, "folder": str(done.folder)}
                for done in results
            ]
        )
        return
    for done in results:
        result, how = done.result, "already there" if done.already else f"{done.seconds:.0f} s"
        if result.stop is not None:
            out.print(
                f"{result.name} seed {result.seed}: STOPPED ({result.stop.reason}): {result.stop.detail}"
            )
        else:
            out.print(
                f"{result.name} seed {result.seed}: loss {result.last_tenth_loss:.4f} over the last tenth of "
                f"{result.steps} steps, {result.tokens:,} tokens, {how}; {done.folder}"
            )


def select(
    names: Annotated[
        Optional[list[str]],
        typer.Argument(metavar="[NAME]...", help="Baselines, indices or names.", show_default=False),
    ] = None,
    table1: Annotated[
        bool, typer.Option("--table1", help="The final models of the paper's Table 1.")
    ] = False,
    top: Annotated[
        Optional[int],
        typer.Option("--top", min=1, help="The gallery's N best by recorded score.", show_default=False),
    ] = None,
    gallery: Annotated[bool, typer.Option("--gallery", help="Every released architecture.")] = False,
    baselines: Annotated[bool, typer.Option("--baselines/--no-baselines", help="Add the baselines.")] = True,
    default: Annotated[
        bool, typer.Option("--default", help="Three baselines and two architectures of Table 1.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Choose the models that the stages train@NAME and evaluate@NAME run over: artifacts/selection.yaml.

    Without a name or option it prints the selection and changes nothing.
    """
    from asi_repro.cli.output import console, print_json, safe
    from asi_repro.errors import AsiReproError
    from asi_repro.project import find_project
    from asi_repro.results.layout import BASELINES
    from asi_repro.sweep import selection
    from asi_repro.sweep.workspace import open_workspace
    from asi_repro.train.spec import baseline

    workspace = open_workspace(find_project().root)
    some = bool(names or table1 or top or gallery)
    if default and some:
        raise AsiReproError("--default is a selection by itself", hint="leave out the other choices, or it")
    if not (some or default):
        chosen: list[Subject] = workspace.subjects()
        missing: list[str] = []
    else:
        chosen, missing = _chosen(workspace, names or [], table1=table1 or default, top=top, gallery=gallery)
        if default:
            chosen = chosen[: selection.DEFAULT_ARCHITECTURES]
        if baselines:
            added = selection.DEFAULT_BASELINES if default else BASELINES
            chosen = [*map(baseline, added), *chosen]
        chosen = selection.unique(chosen)
        selection.write_selection(chosen, workspace.selection)
    if json_:
        print_json({"selection": [subject.slug for subject in chosen], "not_released": missing})
        return
    out = console()
    for subject in chosen:
        out.print(f"{subject.slug}  {safe(subject.title)}")
    for name in missing:
        out.print(f"not released: {name}")
    out.print(f"{len(chosen)} models; {workspace.selection}")


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
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from asi_repro.cli.output import console, safe
    from asi_repro.errors import NotFound
    from asi_repro.executor.base import usable_cpus
    from asi_repro.project import find_project
    from asi_repro.sweep.jobs import make_jobs, unknown_report
    from asi_repro.sweep.jobs import sweep as run_sweep
    from asi_repro.sweep.workspace import open_workspace
    from asi_repro.train.spec import DEVICES

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
    from asi_repro.errors import AsiReproError
    from asi_repro.executor.choose import load_executor_settings

    count = load_executor_settings(root).needs(scale).processes_on(device)
    if not unsafe and (count > 1 or device == "cuda"):
        raise AsiReproError(
            f"{device} with {count} processes a training works in no sandbox tier",
            where=f"params.yaml: executor.resources.{scale}",
            hint="--unsafe-no-sandbox trains with your own rights: only programs that you have read",
        )
    return count


def _chosen(
    workspace: Any, names: list[str], *, table1: bool, top: int | None, gallery: bool
) -> tuple[list[Subject], list[str]]:
    from asi_repro.claims.paper_tables import PaperTables
    from asi_repro.errors import MissingInput
    from asi_repro.sweep import selection

    chosen: list[Subject] = workspace.subjects(names) if names else []
    missing: list[str] = []
    archive = workspace.archive
    if (table1 or top or gallery) and archive is None:
        raise MissingInput("there is no archive to choose from", hint="`dvc repro archive`")
    if table1:
        found, missing = selection.table1(archive, PaperTables().table1_discovered)
        chosen += found
    if top:
        chosen += selection.top(archive, top)
    if gallery:
        chosen += selection.gallery(archive)
    return chosen, missing


def _finish(swept: Swept, *, json_: bool) -> None:
    from dataclasses import asdict

    from asi_repro.cli.output import console, print_json, safe
    from asi_repro.errors import AsiReproError

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
