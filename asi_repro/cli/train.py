"""`asi-repro train`: one model, in a sandbox, resumable."""

from __future__ import annotations

from typing import Annotated, Any, Optional

import typer

from asi_repro.cli.checked import the_choice
from asi_repro.cli.options import (
    ClassOption,
    DeviceOption,
    JsonOption,
    ScaleOption,
    SeedsOption,
    SetOption,
    UnsafeOption,
)
from asi_repro.cli.output import console, print_json, progress_bar, safe
from asi_repro.errors import AsiReproError, NotFound
from asi_repro.project import find_project
from asi_repro.results.trained_models import machine_of
from asi_repro.sweep.workspace import open_workspace
from asi_repro.train.spec import DEVICES


def train(
    name: Annotated[
        str,
        typer.Argument(
            help="A baseline, the index or name of an architecture, or a Python file with a mixer of yours."
        ),
    ],
    scale: ScaleOption = None,
    seeds: SeedsOption = None,
    seed: Annotated[Optional[int], typer.Option(min=0, help="Train only with this seed.")] = None,
    device: DeviceOption = "cpu",
    force: Annotated[bool, typer.Option("--force", help="Train again even if a result exists.")] = False,
    restart: Annotated[
        bool,
        typer.Option(
            "--restart",
            help="Start an interrupted training from the beginning instead of from its last checkpoint.",
        ),
    ] = False,
    class_: ClassOption = None,
    set_: SetOption = None,
    unsafe: UnsafeOption = False,
    json_: JsonOption = False,
) -> None:
    """Train one model and write it to artifacts/trained/SCALE/NAME/seed-N (stage `train@NAME`).

    An existing result of the same program, recipe, seed, text and code is kept. An interrupted training
    resumes from its last checkpoint.
    """
    if device not in DEVICES:
        raise NotFound(f"unknown device {device!r}", hint=f"use one of: {', '.join(DEVICES)}")
    if seed is not None and seeds is not None:
        raise AsiReproError("--seed and --seeds cannot be combined")
    workspace = open_workspace(find_project().root, scale=scale)
    subject = workspace.subject(name, the_choice(class_, set_ or []))
    out, results = console(), []
    with progress_bar() as bar:
        for number in [seed] if seed is not None else range(seeds or workspace.settings.seeds):
            steps = workspace.settings.recipe(workspace.scale).steps
            task = bar.add_task(f"{safe(subject.slug)[:40]} seed {number}", total=steps)

            def report_progress(
                step: int, loss: float | None, task: Any = task, number: int = number
            ) -> None:
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
                progress=report_progress,
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
        machine = machine_of(done.folder)
        speed = f"{machine.speed}, " if machine is not None and machine.speed else ""
        result, how = done.result, "already there" if done.already else f"{done.seconds:.0f} s"
        if result.stop is not None:
            out.print(
                f"{result.name} seed {result.seed}: STOPPED ({result.stop.reason}): {result.stop.detail}"
            )
        else:
            out.print(
                f"{result.name} seed {result.seed}: loss {result.last_tenth_loss:.4f} over the last tenth of "
                f"{result.steps} steps, {result.tokens:,} tokens, {speed}{how}; {done.folder}"
            )
