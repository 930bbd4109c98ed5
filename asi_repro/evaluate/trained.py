"""Evaluating a trained model as a stage: return at once where the same scores are there."""

from __future__ import annotations

import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asi_repro.data.items import item_files
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.evaluate.run import evaluate_checkpoint
from asi_repro.provenance.code import code_sha256, library_versions
from asi_repro.provenance.record import Provenance, read_provenance, write_provenance
from asi_repro.results.evaluation import read_result
from asi_repro.results.layout import EVALUATION
from asi_repro.results.training import (
    REMAKE,
    UNSUMMED,
    WEIGHTS,
    StopRecord,
    TrainingResult,
    read_training,
)
from asi_repro.store.checksums import SUMS, check_sums, write_sums
from asi_repro.store.files import sha256_file
from asi_repro.store.records import write_record

if TYPE_CHECKING:
    from asi_repro.config.evaluate import EvaluateSettings
    from asi_repro.data.blocks import Corpus

STOPPED = "stopped.json"


def evaluate_trained(
    trained: Path,
    target: Path,
    *,
    settings: EvaluateSettings,
    items: Path,
    corpus: Corpus,
    device: str = "cpu",
    unsafe: bool = False,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> bool:
    """Score the model in `trained` into `target`; whether that was needed.

    Raises:
        MissingInput: where the model or the benchmarks' items are not there.
        AsiReproError: where its training was stopped, or it gives NaN.
        SandboxFailure: where its program fails.
    """
    result = read_training(trained)
    if not result.completed:
        stop = result.stop
        raise AsiReproError(
            "there is nothing to evaluate, because the training was stopped "
            f"({stop.detail if stop else 'no reason'})",
            where=str(trained),
        )
    if sha256_file(trained / WEIGHTS) != result.weights_sha256:
        raise DataError(
            "the weights are not the ones that were trained",
            where=str(trained / WEIGHTS),
            hint=f"train the model again: `asi-repro train {result.name} --force`",
        )
    provenance = score_provenance(result, settings, items, corpus, device)
    if not force and _has(target, provenance, str(result.weights_sha256)):
        return False

    found = evaluate_checkpoint(
        trained,
        settings.tasks,
        items=items,
        limit=settings.limit,
        batch_size=settings.batch_size,
        corpus=corpus.folder,
        validation_blocks=settings.validation_blocks,
        sandbox=not unsafe,
        device=device,
        name=result.name,
        progress=progress,
        **_more(settings),
    )
    (target / STOPPED).unlink(missing_ok=True)
    write_record(target / EVALUATION, found)
    write_provenance(provenance, target)
    write_sums(target, but=UNSUMMED)
    return True


def record_stopped(target: Path, trained: Path, stop: StopRecord) -> None:
    """Put the reason in place of scores: a stage needs an output, and old scores would be another model's."""
    for name in (EVALUATION, SUMS):
        (target / name).unlink(missing_ok=True)
    write_record(target / STOPPED, stop)
    write_provenance(read_provenance(trained), target)


def score_provenance(
    training: TrainingResult, settings: EvaluateSettings, items: Path, corpus: Corpus, device: str = "cpu"
) -> Provenance:
    """What scores depend on."""
    files = item_files(items)
    return Provenance(
        kind="scores",
        programs={training.name: training.program_sha256 or training.name},
        data={
            "training": training.key,
            # Of these tasks only: items of other ones that are prepared later put nothing into a score.
            "items": {task: files[task].sha256 for task in settings.tasks if task in files},
            "validation": [shard.sha256 for shard in corpus.shards if shard.split == "validation"],
        },
        settings={**settings.model_dump(mode="json"), "device": device},
        seed=training.seed,
        versions=library_versions(__name__, also=("accelerate", "einops")),
        code=code_sha256(__name__),
        machine=platform.machine(),
    )


def _has(target: Path, provenance: Provenance, weights_sha256: str) -> bool:
    """Whether these scores are there, whole and of these very weights."""
    if not (target / SUMS).is_file():
        return False
    try:
        check_sums(target, hint=REMAKE)
        same = read_provenance(target).key == provenance.key
        return same and read_result(target / EVALUATION).weights_sha256 == weights_sha256
    except (MissingInput, DataError):
        return False


def _more(settings: EvaluateSettings) -> dict[str, Any]:
    return {"exact": settings.exact} if hasattr(settings, "exact") else {}
