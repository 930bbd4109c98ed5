"""Checkpoints outside the sandbox: whole or not there, hashed, of one training only."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from asi_repro.errors import DataError
from asi_repro.results.training import write_json
from asi_repro.store.checksums import first_damaged
from asi_repro.store.files import atomic_dir, sha256_bytes
from asi_repro.store.records import Record
from asi_repro.train.feeding import CHECKPOINT_FILES

_MANIFEST = "manifest.json"


class _Manifest(Record):
    """The SHA-256 of each file of a checkpoint, and the key of its training."""

    key: str
    files: dict[str, str]


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoints of one unfinished training.

    Attributes:
        folder: where they are kept; removed when the training is complete.
        key: of the training; checkpoints of another key are of no use.
    """

    folder: Path
    key: str

    def latest(self) -> int | None:
        """The step of the last checkpoint, or None.

        Raises:
            DataError: where a file of it is damaged.
        """
        steps = sorted(int(p.name) for p in self.folder.glob("[0-9]*") if p.name.isdigit())
        for step in reversed(steps):
            if self._manifest(step).key == self.key:
                self._check(step)
                return step
        return None

    def path(self, step: int) -> Path:
        """The folder of a checkpoint."""
        return self.folder / str(step)

    def add(self, step: int, read: Callable[[str], bytes], expected: dict[str, str] | None = None) -> None:
        """Keep a checkpoint and drop the ones before.

        Args:
            read: the bytes of each of `CHECKPOINT_FILES`.
            expected: their SHA-256 as the writer stated them.

        Raises:
            DataError: where bytes are not those stated.
            AsiReproError: where the disk is full; the checkpoint before is still there.
        """
        with atomic_dir(self.path(step)) as new:
            hashes = {}
            for name in CHECKPOINT_FILES:
                data = read(name)
                hashes[name] = sha256_bytes(data)
                if expected is not None and expected.get(name) != hashes[name]:
                    raise DataError(f"checkpoint {step} changed while it was copied", where=name)
                (new / name).write_bytes(data)
            write_json(_Manifest(key=self.key, files=hashes), new / _MANIFEST)
        for other in self.folder.iterdir():
            if other.name.isdigit() and int(other.name) != step:
                shutil.rmtree(other, ignore_errors=True)

    def clear(self) -> None:
        """Remove all of them."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _manifest(self, step: int) -> _Manifest:
        path = self.path(step) / _MANIFEST
        try:
            return _Manifest.model_validate_json(path.read_bytes())
        except (OSError, ValueError):
            raise DataError("the checkpoint is damaged", where=str(path), hint=self._hint) from None

    def _check(self, step: int) -> None:
        files = self._manifest(step).files
        wanted = {name: files.get(name, "") for name in CHECKPOINT_FILES}
        if (damaged := first_damaged(self.path(step), wanted)) is not None:
            raise DataError("the checkpoint is damaged", where=str(damaged), hint=self._hint)

    @property
    def _hint(self) -> str:
        return f"delete {self.folder} to begin this training again, or give --restart"
