"""One training in this process, with the caller's own rights: for CUDA and for torchrun, when asked for.

The program's static check is then all that stands between it and the machine.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asi_repro.errors import AsiReproError
from asi_repro.executor.children import end_with_parent
from asi_repro.store.files import unwritable
from asi_repro.train.checkpoints import Checkpoints
from asi_repro.train.guards import Watch
from asi_repro.train.sandboxed import Returned
from asi_repro.train.spec import Spec

if TYPE_CHECKING:
    from asi_repro.data.blocks import Corpus

TIER = "none"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def train_here(
    spec: Spec,
    corpus: Corpus,
    checkpoints: Checkpoints,
    *,
    watch: Watch,
    progress: Callable[[int, float | None], None] | None = None,
) -> Returned:
    """Train in this process; goes on from the last checkpoint (of one process, not of several).

    Raises:
        AsiReproError: where CUDA is asked for and not there, or the batch does not divide over the processes.
        ProgramRefused: where the static check refuses the program.
    """
    import torch

    began = time.perf_counter()
    if spec.device == "cuda" and not torch.cuda.is_available():
        raise AsiReproError(
            "CUDA was requested, but torch finds no CUDA device",
            hint="`asi-repro doctor` explains why; use --device cpu to train on the CPU",
        )
    world = int(os.environ.get("WORLD_SIZE", "1"))
    recipe = spec.recipe
    if recipe.batch % (recipe.micro_batch * world):
        raise AsiReproError(
            f"a batch of {recipe.batch} cannot be divided into micro-batches of {recipe.micro_batch} "
            f"on {world} processes",
            hint=f"set train.recipes.{spec.scale.name}.micro_batch in params.yaml, or use fewer processes",
        )
    if world > 1:
        _begin_rank(spec)
    blocks = corpus.blocks("train", recipe.length, seed=spec.seed)
    resume = checkpoints.latest() if world == 1 else None

    def saved(step: int, folder: Path) -> None:
        if world == 1 and step < recipe.steps:
            checkpoints.add(step, lambda name: (folder / name).read_bytes())
        shutil.rmtree(folder, ignore_errors=True)

    started = time.perf_counter() - began
    with tempfile.TemporaryDirectory(prefix="asi-repro-train-") as scratch:
        here = Path(scratch)
        try:
            facts = _train(
                spec,
                here / "final.safetensors",
                blocks=blocks.__getitem__,
                folder=here / "trainer",
                watch=watch,
                resume=checkpoints.path(resume) if resume is not None else None,
                progress=progress,
                saved=saved,
            )
            weights = (here / "final.safetensors").read_bytes()
        except Exception as error:
            if (full := _disk_full(error)) is not None:
                raise unwritable(here, full) from error
            raise
    return Returned(facts, weights, TIER, started)


def _train(spec: Spec, weights: Path, **options: Any) -> dict[str, Any]:
    """Train, the model divided where the spec says so; the facts, and the whole weights in a file."""
    from asi_repro.train.loop import save_weights, train

    if not spec.sharded:
        trained = train(spec.message(), **options)
        save_weights(trained.model, weights)
        return trained.facts
    from asi_repro.train.sharded import ShardedTrainer, save_whole_weights

    trained = train(spec.message(), trainer_class=ShardedTrainer, **options)
    save_whole_weights(trained.model, weights)
    return trained.facts


def _begin_rank(spec: Spec) -> None:
    """One of torchrun's processes: it ends with torchrun, and works on a GPU of its own."""
    import torch

    if "TORCHELASTIC_RUN_ID" in os.environ:
        end_with_parent()
    if spec.device == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))


def _disk_full(error: BaseException | None) -> OSError | None:
    """The error of a write that did not fit, which torch and safetensors raise in their own words."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return error
        for number in _FULL:
            if os.strerror(number) in str(error) or f"os error {number}" in str(error):
                return OSError(number, os.strerror(number))
        if "PytorchStreamWriter failed writing" in str(error):
            return OSError(errno.ENOSPC, "torch could not write all of a checkpoint")
        error = error.__cause__ or error.__context__
    return None
