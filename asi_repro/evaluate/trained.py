"""Evaluating a trained model as a stage: return at once where the same scores are there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asi_repro.errors import AsiReproError, DataError
from asi_repro.provenance.code import code_sha256, library_versions
from asi_repro.results.layout import EVALUATION
from asi_repro.results.training import WEIGHTS, StopRecord, read_training
from asi_repro.store.files import atomic_write, sha256_bytes, sha256_file
from asi_repro.store.json_text import dump_json

if TYPE_CHECKING:
    from asi_repro.config.evaluate import EvaluateSettings
    from asi_repro.data.blocks import Corpus

KEY, STOPPED = "key.json", "stopped.json"
_SCORES = "scores"


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
            f"nothing to evaluate: the training was stopped ({stop.detail if stop else 'no reason'})",
            where=str(trained),
        )
    if sha256_file(trained / WEIGHTS) != result.weights_sha256:
        raise DataError(
            "the weights are not those that were trained",
            where=str(trained / WEIGHTS),
            hint=f"asi-repro train {result.name} --force",
        )
    key = evaluation_key(str(result.weights_sha256), settings, items, corpus)
    if device != "cpu":
        key["device"] = device
    if not force and _has(target, key):
        return False
    from asi_repro.evaluate.run import evaluate_checkpoint
    from asi_repro.results.evaluation import write_result

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
    write_result(found, target / EVALUATION)
    atomic_write(target / KEY, dump_json({**key, _SCORES: sha256_file(target / EVALUATION)}))
    return True


def record_stopped(target: Path, stop: StopRecord) -> None:
    """Put the reason in place of scores: a stage needs an output, and old scores would be another model's."""
    for name in (EVALUATION, KEY):
        (target / name).unlink(missing_ok=True)
    atomic_write(target / STOPPED, dump_json(stop.model_dump()))


def evaluation_key(
    weights_sha256: str, settings: EvaluateSettings, items: Path, corpus: Corpus
) -> dict[str, Any]:
    """What scores depend on."""
    from asi_repro.data.items import item_files

    files = item_files(items)
    # Of these tasks only: items of other ones that are prepared later put nothing into a score.
    listed = {task: asdict(files[task]) for task in settings.tasks if task in files}
    validation = [shard.sha256 for shard in corpus.shards if shard.split == "validation"]
    return {
        "weights": weights_sha256,
        "settings": settings.model_dump(),
        "items": sha256_bytes(dump_json(listed).encode()),
        "validation": validation,
        "versions": library_versions(__name__, also=("accelerate", "einops")),
        "code": code_sha256(__name__),
    }


def _has(target: Path, key: dict[str, Any]) -> bool:
    try:
        kept = json.loads((target / KEY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not isinstance(kept, dict) or not (target / EVALUATION).is_file():
        return False
    scores = kept.pop(_SCORES, None)  # scores from before they had a checksum have none
    if scores is not None and scores != sha256_file(target / EVALUATION):
        return False
    return bool(kept == json.loads(dump_json(key)))


def _more(settings: EvaluateSettings) -> dict[str, Any]:
    return {"exact": settings.exact} if hasattr(settings, "exact") else {}
