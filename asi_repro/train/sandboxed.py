"""One training in a sandboxed worker: text goes in, checkpoints come out, the weights are checked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asi_repro.errors import AsiReproError, DataError
from asi_repro.sandbox import gpu
from asi_repro.sandbox.client import SandboxWorker
from asi_repro.sandbox.launch import Tier
from asi_repro.sandbox.outcome import BadResult, Limits
from asi_repro.sandbox.tiers import gpu_tier
from asi_repro.train.checkpoints import Checkpoints
from asi_repro.train.feeding import (
    CHECKPOINT_FILES,
    FINAL,
    PROGRESS,
    ChunkShape,
    checkpoint_file,
    checkpoint_marker,
    chunk_file,
)
from asi_repro.train.guards import Watch
from asi_repro.train.spec import Spec

if TYPE_CHECKING:
    from asi_repro.data.blocks import TokenBlocks
    from asi_repro.sandbox.scratch import Scratch

TASK_MODULE = "asi_repro.train.training_tasks"
PRELOAD = ("torch", "asi_repro.train.loop")
_AHEAD = 2
_TICK = 0.05
_MARKER_BYTES = 64 << 10

Progress = Callable[[int, "float | None"], None]


@dataclass(frozen=True)
class Returned:
    """What a worker gave.

    Attributes:
        facts: as it stated them; not checked yet.
        weights: bytes of a safetensors file whose header is well formed.
        tier: the sandbox it ran in.
        start_seconds: wall time until the worker was ready.
    """

    facts: dict[str, Any]
    weights: bytes
    tier: str
    start_seconds: float


def train_in_sandbox(
    spec: Spec,
    blocks: TokenBlocks,
    checkpoints: Checkpoints,
    *,
    watch: Watch,
    tier: Tier | None = None,
    progress: Progress | None = None,
) -> Returned:
    """Train in a worker; goes on from the last checkpoint.

    Raises:
        SandboxUnavailable: where no tier works here, or none shows a program the GPU that it is to use.
        SandboxFailure: where the program is refused, fails, or takes more than it may.
        DataError: for a damaged checkpoint, or weights that are not safetensors.
    """
    resume = checkpoints.latest()
    recipe = spec.recipe
    shape = ChunkShape(recipe.steps * recipe.batch, recipe.checkpoint_every * recipe.batch, recipe.length)
    cuda = spec.device == "cuda"
    worker = SandboxWorker(
        TASK_MODULE,
        limits(spec),
        tier=tier or (gpu_tier() if cuda else None),
        preload=(*PRELOAD, gpu.START) if cuda else PRELOAD,
        environment={"OMP_NUM_THREADS": str(recipe.threads), "MKL_NUM_THREADS": str(recipe.threads)},
    )
    with worker:
        exchange = _Exchange(worker.scratch, spec, blocks, shape, checkpoints, resume or 0, progress)
        if resume is not None:
            for name in CHECKPOINT_FILES:
                data = (checkpoints.path(resume) / name).read_bytes()
                worker.scratch.write(checkpoint_file(resume, name), data)
        exchange.feed()
        exchange.start()
        try:
            facts = worker.call(
                "train",
                {
                    "training": spec.message(),
                    "chunks": {"blocks": shape.blocks, "per_chunk": shape.per_chunk, "length": shape.length},
                    "watch": watch.message(),
                    "resume": resume,
                },
                # The worker ends itself at the guard's limit; this is for one that does not.
                timeout=spec.guards.max_hours * 3600 * 1.1 + 600,
            )
        finally:
            exchange.finish()
        weights = worker.scratch.read(FINAL)
        _check_weights(weights, spec)
        return Returned(facts, weights, str(worker.tier), worker.start_seconds)


def limits(spec: Spec) -> Limits:
    """Bounds for a training: room for parameters, optimizer and the logits of a micro-batch."""
    scale, recipe = spec.scale, spec.recipe
    frame = 2 * scale.vocab_size * scale.hidden_size
    layer = scale.hidden_size * (3 * scale.intermediate_size + 12 * scale.hidden_size)
    parameters = frame + scale.num_layers * layer
    logits = recipe.micro_batch * recipe.length * scale.vocab_size
    activations = recipe.micro_batch * recipe.length * scale.hidden_size * scale.num_layers * 400
    chunks = (_AHEAD + 2) * recipe.checkpoint_every * recipe.tokens_per_step * 2
    # With a GPU, threads that wait for it count as well: the one that differentiates, and CUDA's own.
    threads = recipe.threads + (3 if spec.device == "cuda" else 0)
    seconds = spec.guards.max_hours * 3600 * threads * 1.2 + 600
    return Limits(
        memory_bytes=(3 << 30) + 40 * parameters + 24 * logits + activations,
        cpu_seconds=seconds,
        wall_seconds=seconds,
        start_seconds=300.0,
        scratch_bytes=(64 << 20) + 60 * parameters + chunks,
        total_cpu_seconds=int(seconds) + 600,
    )


class _Exchange(threading.Thread):
    """Feeds text and takes checkpoints while the worker trains."""

    def __init__(
        self,
        scratch: Scratch,
        spec: Spec,
        blocks: TokenBlocks,
        shape: ChunkShape,
        checkpoints: Checkpoints,
        step: int,
        progress: Progress | None,
    ) -> None:
        super().__init__(daemon=True)
        self._scratch, self._recipe, self._blocks = scratch, spec.recipe, blocks
        self._shape, self._checkpoints, self._progress = shape, checkpoints, progress
        self._next_chunk = step * spec.recipe.batch // shape.per_chunk
        self._next_checkpoint = step + spec.recipe.checkpoint_every
        self._over = threading.Event()
        self._told = step
        self._failed: AsiReproError | None = None

    def feed(self) -> None:
        """Put chunks there until the worker has enough."""
        reached = max(self._told, 0) * self._recipe.batch // self._shape.per_chunk
        while self._next_chunk < self._shape.count and self._next_chunk < reached + _AHEAD:
            chunk = self._next_chunk
            first = chunk * self._shape.per_chunk
            data = self._blocks.batch(first, self._shape.size(chunk)).astype("<u2").tobytes()
            self._scratch.write(chunk_file(chunk), data)
            self._next_chunk += 1

    def run(self) -> None:
        while not self._over.wait(_TICK):
            try:
                self._look()
            except AsiReproError as error:
                self._failed = self._failed or error

    def finish(self) -> None:
        """Stop."""
        self._over.set()
        if self.is_alive():
            self.join()

    def _look(self) -> None:
        self._listen()
        self.feed()
        while self._next_checkpoint <= self._recipe.steps and self._take(self._next_checkpoint):
            self._next_checkpoint += self._recipe.checkpoint_every

    def _listen(self) -> None:
        try:
            told = json.loads(self._scratch.read(PROGRESS, 200))
            step, loss = int(told[0]), told[1]
        except (BadResult, ValueError, TypeError, IndexError, KeyError):
            return
        if self._told < step <= self._recipe.steps:
            self._told = step
            if self._progress is not None:
                self._progress(step, loss if isinstance(loss, float) else None)

    def _take(self, step: int) -> bool:
        """Copy a checkpoint out if it is complete; the last one is not worth it."""
        try:
            stated = json.loads(self._scratch.read(checkpoint_marker(step), _MARKER_BYTES))
        except (BadResult, ValueError):
            return False
        if not isinstance(stated, dict):
            raise DataError(f"the checkpoint of step {step} has no hashes")
        if step < self._recipe.steps and self._failed is None:
            self._checkpoints.add(step, lambda name: self._scratch.read(checkpoint_file(step, name)), stated)
        for name in CHECKPOINT_FILES:
            self._scratch.remove(checkpoint_file(step, name))
        self._scratch.remove(checkpoint_marker(step))
        return True


def _check_weights(weights: bytes, spec: Spec) -> None:
    from safetensors import SafetensorError, deserialize

    try:
        names = [name for name, _ in deserialize(weights)]  # type: ignore[no-untyped-call]
    except SafetensorError as error:
        raise DataError(
            f"the trained weights are not safetensors: {error}", where=spec.subject.slug
        ) from None
    if "embed_tokens.weight" not in names or "lm_head.weight" not in names:
        raise DataError("the trained weights are not those of a language model", where=spec.subject.slug)
