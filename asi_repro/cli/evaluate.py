"""`asi-repro evaluate`: one trained model's scores."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional

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
from asi_repro.cli.output import console, print_json
from asi_repro.config.params import load_params
from asi_repro.data.corpus import corpus_folder
from asi_repro.data.tokenizer import BYTES
from asi_repro.errors import AsiReproError
from asi_repro.evaluate.run import evaluate_checkpoint
from asi_repro.evaluate.trained import record_stopped
from asi_repro.project import find_project
from asi_repro.results.evaluation import BITS, MARGIN, EvaluationResult, read_result
from asi_repro.results.layout import EVALUATION
from asi_repro.results.training import read_training
from asi_repro.store.records import write_record
from asi_repro.sweep.mixer_file import is_file
from asi_repro.sweep.scoring import evaluate_model
from asi_repro.sweep.workspace import open_workspace


def evaluate(
    name: Annotated[
        str,
        typer.Argument(
            help="A trained baseline, the index or name of a trained architecture, or a trained mixer's file."
        ),
    ],
    scale: ScaleOption = None,
    seeds: SeedsOption = None,
    force: Annotated[bool, typer.Option("--force", help="Evaluate again even if scores exist.")] = False,
    tasks: Annotated[
        Optional[str], typer.Option(help="Comma-separated task names. The default is set in params.yaml.")
    ] = None,
    limit: Annotated[
        Optional[int],
        typer.Option(min=1, help="Maximum number of items per task. The default is set in params.yaml."),
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Use every item, ignoring the limit.")] = False,
    checkpoint: Annotated[
        Optional[Path], typer.Option(help="Evaluate the model in this folder instead.")
    ] = None,
    class_: ClassOption = None,
    set_: SetOption = None,
    unsafe: UnsafeOption = False,
    device: DeviceOption = "cpu",
    json_: JsonOption = False,
) -> None:
    """Evaluate a trained model with lm-eval (stage `evaluate@NAME`).

    Scores are written to artifacts/evaluated/SCALE/NAME/seed-N. Existing scores of the same weights,
    items and settings are kept. With --tasks, --limit, --full, --checkpoint or --device, the result is
    written to artifacts/evaluated/NAME.json instead.
    """
    if is_file(name):
        workspace = open_workspace(find_project().root, scale=scale)
        name = workspace.subject(name, the_choice(class_, set_ or [])).slug
    if tasks or limit or full or checkpoint or device != "cpu":
        results = [_otherwise(name, tasks, None if full else limit, full, checkpoint, unsafe, device)]
    else:
        results = _stage(name, scale, seeds, unsafe=unsafe, force=force)
    if json_:
        print_json([result.model_dump() for result in results])
        return
    out = console()
    for result in results:
        for record in result.tasks:
            score = record.metrics[record.main_metric]
            error = f" ± {score.stderr:.4f}" if score.stderr is not None else ""
            guess = f"; a guess {record.chance:.4f}" if record.chance is not None else ""
            common = f", the most common answer {record.majority:.4f}" if record.majority is not None else ""
            out.print(
                f"{record.task} {record.main_metric} {score.value:.4f}{error} "
                f"({record.items} items{guess}{common})"
            )
            for name in (BITS, MARGIN):
                if (found := record.metrics.get(name)) is not None:
                    error = f" ± {found.stderr:.4f}" if found.stderr is not None else ""
                    out.print(f"  {name.replace('_', ' ')} {found.value:.4f}{error}")
        if (text := result.validation) is not None:
            out.print(f"validation perplexity {text.perplexity:.2f} per {_unit(result)} on {text.corpus}")
        out.print(f"sandbox: {result.sandbox}")


def _unit(result: EvaluationResult) -> str:
    """What a token of the model's text is."""
    return "byte" if result.tokenizer.get("name") == BYTES else "token"


def _stage(
    name: str, scale: str | None, seeds: int | None, *, unsafe: bool, force: bool
) -> list[EvaluationResult]:
    """Scores of every seed, made or found; a training that a guard stopped has none and is said."""
    workspace = open_workspace(find_project().root, scale=scale)
    here = workspace.trained(name, 0).parent.is_dir() if name.replace("-", "").isidentifier() else False
    slug = name if here else workspace.subjects([name])[0].slug
    results = []
    for seed in range(seeds or workspace.settings.seeds):
        target = workspace.evaluated(slug, seed)
        trained = workspace.trained(slug, seed)
        if (stop := read_training(trained).stop) is not None:
            record_stopped(target, trained, stop)
            console().print(f"{slug} seed {seed}: nothing to score, training was stopped: {stop.detail}")
            continue
        with _counting() as count:
            made = evaluate_model(workspace, slug, seed, unsafe=unsafe, force=force, progress=count)
        console(stderr=True).print(f"{slug} seed {seed}: {target}{'' if made else ', already there'}")
        results.append(read_result(target / EVALUATION))
    return results


def _otherwise(
    name: str,
    tasks: str | None,
    limit: int | None,
    full: bool,
    checkpoint: Path | None,
    unsafe: bool,
    device: str,
) -> EvaluationResult:
    """Scores by other settings than the stage's, in a file of their own."""
    from asi_repro.evaluate.lm import model_tokenizer, resolve_checkpoint

    if device.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            raise AsiReproError(
                "CUDA was requested but is not available on this machine", hint="use --device cpu"
            )
    project = find_project()
    settings = load_params(project.root).evaluate
    folder = resolve_checkpoint(name, str(checkpoint) if checkpoint else None)
    corpus = corpus_folder(project.artifacts, model_tokenizer(folder).name)
    with _counting() as count:
        result = evaluate_checkpoint(
            folder,
            tasks.split(",") if tasks else settings.tasks,
            items=project.artifacts / "benchmarks",
            limit=None if full else limit or settings.limit,
            batch_size=settings.batch_size,
            corpus=corpus if corpus.is_dir() else None,
            validation_blocks=settings.validation_blocks,
            sandbox=not unsafe,
            exact=settings.exact,
            device=device,
            name=name,
            progress=count,
        )
    path = project.artifacts / "evaluated" / f"{name}.json"
    write_record(path, result)
    console(stderr=True).print(f"written to {path}")
    return result


@contextmanager
def _counting() -> Iterator[Callable[[int], None]]:
    """A status line that counts requests."""
    answered = 0
    quiet = console(stderr=True)
    quiet.file = sys.stderr  # lm-eval's own output is turned away while it runs
    with quiet.status("loading") as status:

        def count(number: int) -> None:
            nonlocal answered
            answered += number
            status.update(f"{answered} requests")

        yield count
