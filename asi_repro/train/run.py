"""Train one model: return at once where the result is there, resume where a checkpoint is, else begin."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from asi_repro.errors import DataError, MissingInput
from asi_repro.provenance.record import write_provenance
from asi_repro.results.layout import REFERENCE, seed_folder
from asi_repro.results.training import (
    CURVE,
    ENVIRONMENT,
    RESULT,
    UNSUMMED,
    WEIGHTS,
    Facts,
    Point,
    TrainingResult,
    last_tenth,
    read_curve,
    read_training,
    write_curve,
    write_json,
)
from asi_repro.store.checksums import write_sums
from asi_repro.store.files import atomic_dir, sha256_bytes
from asi_repro.store.json_text import dump_json
from asi_repro.store.records import first_fault
from asi_repro.train.checkpoints import Checkpoints
from asi_repro.train.environment import environment_record, hardware_name
from asi_repro.train.guards import Watch, slow_limit
from asi_repro.train.sandboxed import train_in_sandbox
from asi_repro.train.spec import Spec
from asi_repro.train.unconfined import train_here

if TYPE_CHECKING:
    from asi_repro.data.blocks import Corpus
    from asi_repro.sandbox.launch import Tier

Progress = Callable[[int, "float | None"], None]


@dataclass(frozen=True)
class Done:
    """What `train_model` came to.

    Attributes:
        result: the training's result.
        folder: where it is.
        already: whether it was there before.
        seconds: wall time of the call.
    """

    result: TrainingResult
    folder: Path
    already: bool
    seconds: float


def train_model(
    spec: Spec,
    corpus: Corpus,
    root: Path,
    *,
    tier: Tier | None = None,
    unsafe: bool = False,
    force: bool = False,
    restart: bool = False,
    progress: Progress | None = None,
) -> Done:
    """Train the model of `spec`, or return what is there.

    Args:
        corpus: the text that `spec` was made with.
        root: the folder of the scale; the result is in `root`/slug/seed-n.
        tier: a sandbox tier; None takes the strongest that works, or for CUDA the one that shows a GPU.
        unsafe: train in this process, with your own rights. Needed for torchrun.
        force: train again where the result is there.
        restart: drop the checkpoints of an unfinished training.
        progress: called with step and loss.

    Raises:
        AsiReproError: where there is no CUDA and it is asked for.
        SandboxFailure: where a program fails; nothing is written.
        DataError: for a damaged checkpoint.
    """
    began = time.perf_counter()
    folder = seed_folder(root, spec.subject.slug, spec.seed)
    if not force and (current := current_result(spec, folder)) is not None:
        return Done(current, folder, True, time.perf_counter() - began)
    checkpoints = Checkpoints(folder.parent / f".{folder.name}.partial", spec.key)
    if restart or force:
        checkpoints.clear()
    watch = make_watch(spec, root)
    if unsafe:
        ran = train_here(spec, corpus, checkpoints, watch=watch, progress=progress)
    else:
        blocks = corpus.blocks("train", spec.recipe.length, seed=spec.seed)
        ran = train_in_sandbox(spec, blocks, checkpoints, watch=watch, tier=tier, progress=progress)
    facts = check_facts(ran.facts, spec)
    result = make_result(spec, facts, ran.weights, leak_guard=bool(watch.reference))
    if int(os.environ.get("RANK", "0")) == 0:
        environment = environment_record(
            spec, facts, tier=ran.tier, start=ran.start_seconds, total=time.perf_counter() - began
        )
        write_outputs(spec, facts, result, ran.weights, environment, folder)
        checkpoints.clear()
    return Done(result, folder, False, time.perf_counter() - began)


def current_result(spec: Spec, folder: Path) -> TrainingResult | None:
    """The result in `folder` if it is of this very training and its weights are there."""
    try:
        found = read_training(folder)
    except (MissingInput, DataError):
        return None
    if found.key != spec.key or (found.stop is not None and found.stop.reason == "slow"):
        return None
    if found.completed and not (folder / WEIGHTS).is_file():
        return None
    return found


def make_watch(spec: Spec, root: Path) -> Watch:
    """The guards for a training, from DeltaNet's curve and the peers' times below `root`."""
    guards = spec.guards
    reference: tuple[tuple[int, float], ...] = ()
    if guards.leak_ratio and spec.subject.slug != REFERENCE:
        reference = _reference_curve(spec, root)
    return Watch(
        reference=reference,
        leak_ratio=guards.leak_ratio,
        leak_from=max(int(guards.leak_after * spec.recipe.steps), 1),
        slow_seconds=slow_limit(_peers(spec, root), spec.recipe.slow_ratio),
        max_seconds=guards.max_hours * 3600,
    )


def check_facts(facts: dict[str, Any], spec: Spec) -> Facts:
    """What the loop reported, if it is well formed and fits the recipe.

    Raises:
        DataError: where it is not.
    """
    try:
        checked = Facts.model_validate(facts)
    except ValidationError as error:
        raise DataError(f"the report of a training is malformed: {first_fault(error)}") from None
    steps = [point.step for point in checked.curve]
    last = checked.stop.step if checked.stop else spec.recipe.steps
    expected = [step for step in range(1, last + 1) if spec.recipe.recorded(step) or step == last]
    if steps != expected:
        raise DataError(f"the curve has {len(steps)} points, but the recipe has {len(expected)}")
    return checked


def make_result(spec: Spec, facts: Facts, weights: bytes, *, leak_guard: bool) -> TrainingResult:
    """The result of a training from its facts."""
    last: Point = facts.curve[-1]
    return TrainingResult(
        name=spec.subject.slug,
        title=spec.subject.title,
        index=spec.subject.index,
        program_sha256=spec.subject.program_sha256,
        scale=spec.scale.name,
        seed=spec.seed,
        key=spec.key,
        identity=json.loads(dump_json(spec.identity())),
        status="stopped" if facts.stop else "completed",
        stop=facts.stop,
        leak_guard=leak_guard,
        steps=last.step,
        tokens=last.tokens,
        parameters=facts.parameters,
        flops_per_token=facts.flops_per_token,
        flops=facts.flops_per_token * last.tokens,
        final_loss=last.loss,
        last_tenth_loss=last_tenth(facts.curve, last.step),
        auxiliary_loss=last.auxiliary_loss,
        unsaved_state=facts.unsaved_state,
        weights_sha256=None if facts.stop else sha256_bytes(weights),
    )


def write_outputs(
    spec: Spec,
    facts: Facts,
    result: TrainingResult,
    weights: bytes,
    environment: dict[str, Any],
    folder: Path,
) -> None:
    """Write the folder of a training, whole or not at all; a stopped one has no weights."""
    with atomic_dir(folder) as new:
        write_curve(facts.curve, new / CURVE)
        write_json(result, new / RESULT)
        write_json(environment, new / ENVIRONMENT)
        write_provenance(spec.provenance(), new)
        if result.completed:
            (new / WEIGHTS).write_bytes(weights)
            write_json(config_record(spec), new / "config.json")
            if spec.subject.program is not None:
                (new / "program.py").write_bytes(spec.subject.program.encode("utf-8", "surrogatepass"))
        write_sums(new, but=UNSUMMED)


def config_record(spec: Spec) -> dict[str, Any]:
    """config.json as `AsiArchConfig` reads it; nothing of it comes from the process that ran the program."""
    scale = spec.scale
    return {
        "architectures": ["AsiArchForCausalLM"],
        "model_type": "asi_arch",
        "dtype": "float32",
        "mixer": "program" if spec.subject.program is not None else spec.subject.slug,
        "program_sha256": spec.subject.program_sha256,
        "dtype_policy": spec.dtype_policy,
        "auxiliary_loss_weight": spec.auxiliary_loss_weight,
        "vocab_size": scale.vocab_size,
        "hidden_size": scale.hidden_size,
        "intermediate_size": scale.intermediate_size,
        "num_hidden_layers": scale.num_layers,
        "num_attention_heads": scale.num_heads,
        "max_position_embeddings": scale.context,
        "initializer_range": scale.initializer_range,
        "bos_token_id": scale.end_of_text,
        "eos_token_id": scale.end_of_text,
    }


def _reference_curve(spec: Spec, root: Path) -> tuple[tuple[int, float], ...]:
    """DeltaNet's curve of the same recipe and text, from this seed or the first that is there."""
    mine = spec.identity()
    for seed in dict.fromkeys((spec.seed, 0)):
        folder = seed_folder(root, REFERENCE, seed)
        try:
            found, curve = read_training(folder), read_curve(folder)
        except (MissingInput, DataError):
            continue
        if found.completed and all(found.identity.get(k) == mine[k] for k in ("recipe", "corpus", "scale")):
            return tuple((point.step, point.loss) for point in curve if point.loss is not None)
    return ()


def _peers(spec: Spec, root: Path) -> list[float]:
    """Seconds a step of other models of the same recipe on this machine."""
    if not spec.recipe.slow_ratio or not root.is_dir():
        return []
    here = hardware_name(spec.device)
    found = []
    for path in sorted(root.glob(f"*/seed-*/{ENVIRONMENT}")):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            same = record["hardware"] == here and record["recipe"] == spec.recipe.model_dump()
            if same and path.parent.parent.name != spec.subject.slug:
                found.append(float(record["step_seconds"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return found
