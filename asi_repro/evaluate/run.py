"""Evaluate one model: lm-eval over our tasks and items, scores with their error and their origin."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asi_repro.data.benchmarks import Benchmark, find_benchmark
from asi_repro.data.items import ItemFile, item_files, load_items
from asi_repro.errors import AsiReproError
from asi_repro.evaluate.perplexity import validation_perplexity
from asi_repro.evaluate.tasks import task_file
from asi_repro.results.evaluation import (
    EvaluationResult,
    ItemsRecord,
    MetricRecord,
    PerplexityRecord,
    TaskRecord,
)
from asi_repro.store.files import sha256_file

if TYPE_CHECKING:
    from asi_repro.data.tokenizer import Tokenizer
    from asi_repro.evaluate.lm import AsiReproLM

# Only perplexities are resampled; the harness's own default of 100,000 would take longer than the model.
BOOTSTRAP = 1000
_VERSIONS = ("lm_eval", "torch", "transformers", "datasets")


def evaluate_checkpoint(
    folder: Path,
    tasks: Sequence[str],
    *,
    items: Path,
    limit: int | None = None,
    batch_size: int = 16,
    max_length: int | None = None,
    corpus: Path | None = None,
    validation_blocks: int = 64,
    tokenizer: Tokenizer | None = None,
    sandbox: bool = True,
    exact: bool = False,
    device: str = "cpu",
    name: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> EvaluationResult:
    """Score the model in `folder`.

    Args:
        folder: a model as `save_pretrained` writes it. A model around a program runs in the sandbox.
        tasks: names in `BENCHMARKS`.
        items: the folder of prepared items.
        limit: items a task from the first, None for all.
        corpus: a built corpus for the validation perplexity, None to leave that out.
        sandbox: whether programs run in the sandbox; False runs them in this process.
        exact: whether scores equal stock lm-eval's to the last bit, or to rounding and in less time.
        device: cpu or cuda; CUDA in the sandbox needs the tier that shows a GPU.
        name: of the model in the result, None takes the folder's.
        progress: called with the number of requests just answered.

    Raises:
        MissingInput: where the model or the items are not there.
        NotFound: for an unknown task.
        DataError: where items or the corpus are damaged.
        NoScore: where the model gives NaN; SandboxFailure where the program fails.
    """
    from asi_repro.evaluate.lm import AsiReproLM, model_tokenizer

    tokenizer = tokenizer or model_tokenizer(folder)
    _check_items(tasks, items)
    with _quiet():
        lm = AsiReproLM(
            checkpoint=str(folder),
            sandbox=sandbox,
            exact=exact,
            batch_size=batch_size,
            max_length=max_length,
            device=device,
            tokenizer=tokenizer.hf,
        )
    try:
        return evaluate_lm(
            lm,
            tasks,
            items=items,
            limit=limit,
            corpus=corpus,
            validation_blocks=validation_blocks,
            tokenizer=tokenizer,
            name=name or folder.resolve().name,
            weights=folder / "model.safetensors",
            progress=progress,
        )
    finally:
        lm.close()


def evaluate_lm(
    lm: AsiReproLM,
    tasks: Sequence[str],
    *,
    items: Path,
    name: str,
    tokenizer: Tokenizer,
    limit: int | None = None,
    corpus: Path | None = None,
    validation_blocks: int = 64,
    weights: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> EvaluationResult:
    """Score a model that is loaded; see `evaluate_checkpoint`."""
    benchmarks = [find_benchmark(task) for task in tasks]
    _check_items(tasks, items)
    answered = 0

    def count(number: int) -> None:
        nonlocal answered
        answered += number
        if progress is not None:
            progress(number)

    lm.progress = count
    records = _tasks(lm, benchmarks, items, limit)
    requests = answered
    validation = _validation(lm, corpus, validation_blocks, tokenizer.end_of_text, count)
    info = lm.get_model_info()
    return EvaluationResult(
        name=name,
        weights_sha256=sha256_file(weights) if weights is not None and weights.is_file() else None,
        program_sha256=getattr(lm.config, "program_sha256", None),
        parameters=int(info["model_num_parameters"]),
        dtype=str(info["model_dtype"]).removeprefix("torch."),
        sandbox=lm.scorer.tier,
        limit=limit,
        batch_size=int(lm.batch_size),
        max_length=int(lm.max_length),
        tokenizer=tokenizer.record(),
        versions={package: importlib.metadata.version(package) for package in _VERSIONS},
        tasks=records,
        validation=validation,
        requests=requests,
    )


def _check_items(tasks: Sequence[str], items: Path) -> None:
    """Find what is missing before a model is loaded."""
    for task in tasks:
        load_items(items, task)


def _tasks(lm: AsiReproLM, benchmarks: list[Benchmark], items: Path, limit: int | None) -> list[TaskRecord]:
    if not benchmarks:
        return []
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._yaml_loader import load_yaml

    with _quiet():
        found: dict[str, Any] | None = simple_evaluate(
            model=lm,
            tasks=[load_yaml(task_file(benchmark)) for benchmark in benchmarks],
            limit=limit,
            bootstrap_iters=BOOTSTRAP,
            task_manager=TaskManager(
                metadata={"benchmarks_folder": str(items), "benchmarks_limit": limit}, include_defaults=False
            ),
            log_samples=True,
        )
    if found is None:
        raise AsiReproError("lm-eval returned no results", hint="run it on the first rank only")
    files = item_files(items)
    return [_record(benchmark, found, files[benchmark.name]) for benchmark in benchmarks]


def _record(benchmark: Benchmark, found: dict[str, Any], file: ItemFile) -> TaskRecord:
    task = benchmark.task
    scores = found["results"][task]
    samples = sorted(found["samples"][task], key=lambda sample: sample["doc_id"])
    from asi_repro.evaluate.answer_scores import continuous_scores, majority_rate, metric_record

    better = found["higher_is_better"][task]
    metrics: dict[str, MetricRecord] = {}
    per_item: dict[str, list[float]] = {}
    for metric, higher in sorted(better.items()):
        value, stderr = scores[f"{metric},none"], scores.get(f"{metric}_stderr,none")
        metrics[metric] = MetricRecord(
            value=float(value),
            stderr=float(stderr) if isinstance(stderr, (int, float)) else None,
            higher_is_better=bool(higher),
        )
        if metric in ("acc", "acc_norm"):
            per_item[metric] = [float(sample[metric]) for sample in samples]
    if benchmark.chance is not None:
        continuous = continuous_scores(samples)
        metrics |= {name: metric_record(name, values) for name, values in continuous.items()}
        per_item |= continuous
    return TaskRecord(
        task=benchmark.name,
        lm_eval_task=task,
        version=float(found["versions"][task]),
        shots=int(found["n-shot"][task]),
        items=len(samples),
        main_metric=benchmark.metric,
        chance=benchmark.chance,
        majority=majority_rate(samples) if benchmark.chance is not None else None,
        metrics=metrics,
        per_item=per_item,
        data=ItemsRecord(
            available=file.items,
            **file.model_dump(include={"source", "dataset", "revision", "split", "sha256", "note"}),
        ),
    )


def _validation(
    lm: AsiReproLM, corpus: Path | None, blocks: int, end_of_text: int, progress: Callable[[int], None]
) -> PerplexityRecord | None:
    if corpus is None or not blocks:
        return None
    from asi_repro.data.blocks import open_corpus

    return validation_perplexity(
        lm.scorer,
        open_corpus(corpus),
        blocks=blocks,
        length=int(lm.max_length),
        batch_size=int(lm.batch_size),
        end_of_text=end_of_text,
        progress=progress,
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without lm-eval's chatter, progress bars and process pool (which a bootstrap would start)."""
    import datasets

    logger = logging.getLogger("lm_eval")
    level, pool = logger.level, os.environ.get("DISABLE_MULTIPROC")
    bars = datasets.are_progress_bars_disabled()
    logger.setLevel(logging.ERROR)
    os.environ["DISABLE_MULTIPROC"] = "1"
    datasets.disable_progress_bars()
    try:
        with (
            warnings.catch_warnings(),
            open(os.devnull, "w") as nowhere,  # noqa: PTH123
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
        if not bars:
            datasets.enable_progress_bars()
        if pool is None:
            os.environ.pop("DISABLE_MULTIPROC", None)
        else:
            os.environ["DISABLE_MULTIPROC"] = pool
