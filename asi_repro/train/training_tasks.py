"""What runs in the sandbox: one training, from token blocks in the scratch folder to weights in it.

The caller puts the text there piece by piece and takes checkpoints out while this runs (see `feeding`).
The program shares this process: it could report any loss it likes. Scores come from another process.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from asi_repro.models.memory import keep_freed_memory
from asi_repro.sandbox.worker import scratch
from asi_repro.store.files import sha256_file
from asi_repro.train.feeding import (
    CHECKPOINT_FILES,
    FINAL,
    PROGRESS,
    ChunkReader,
    ChunkShape,
    checkpoint_file,
    checkpoint_marker,
)
from asi_repro.train.guards import Watch


def train(payload: dict[str, Any]) -> dict[str, Any]:
    """Train; the weights are then in the scratch folder as `FINAL`, and the facts are returned."""
    from asi_repro.train.loop import save_weights
    from asi_repro.train.loop import train as run

    keep_freed_memory()
    here = scratch()
    reader = ChunkReader(here, ChunkShape(**payload["chunks"]))
    resume = _unpacked(here, payload["resume"]) if payload["resume"] is not None else None
    trained = run(
        payload["training"],
        reader.block,
        here / "trainer",
        watch=Watch.from_message(payload["watch"]),
        resume=resume,
        progress=_progress(here),
        saved=lambda step, folder: _hand_over(here, step, folder),
    )
    save_weights(trained.model, here / FINAL)
    return trained.facts


def _progress(here: Path) -> Any:
    def told(step: int, loss: float) -> None:
        waiting = here / f"{PROGRESS}.new"
        waiting.write_text(json.dumps([step, loss if loss == loss else None]), encoding="utf-8")
        waiting.replace(here / PROGRESS)

    return told


def _hand_over(here: Path, step: int, folder: Path) -> None:
    """Put a checkpoint's files side by side in the scratch folder, then say that they are complete.

    Copied one by one: a sandboxed process may not rename between folders.
    """
    hashes = {}
    for name in CHECKPOINT_FILES:
        target = here / checkpoint_file(step, name)
        shutil.copyfile(folder / name, target)
        (folder / name).unlink()
        hashes[name] = sha256_file(target)
    shutil.rmtree(folder)
    waiting = here / f"{checkpoint_marker(step)}.new"
    waiting.write_text(json.dumps(hashes), encoding="utf-8")
    waiting.replace(here / checkpoint_marker(step))


def _unpacked(here: Path, step: int) -> Path:
    """The checkpoint that the caller put there, as the folder that the Trainer reads."""
    folder = here / "resume" / f"checkpoint-{step}"
    folder.mkdir(parents=True)
    for name in CHECKPOINT_FILES:
        shutil.copyfile(here / checkpoint_file(step, name), folder / name)
    return folder


TASKS = {"train": train}
