"""Which stages of dvc.yaml are out of date, as DVC finds them; DVC is asked again once a file has changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from asi_repro.errors import AsiReproError
from asi_repro.project import Project
from asi_repro.store.files import atomic_write, sha256_bytes
from asi_repro.store.json_text import dump_json
from asi_repro.store.records import Record, read_record

_DVC_SECONDS = 120
_DVC = Path(".dvc")
_ANSWER = _DVC / "tmp" / "asi-repro-status.json"


class Answer(Record):
    """What DVC said, and about which files."""

    files: str = Field(description="A hash over the name, size, time and inode of every file.")
    stale: list[str] = Field(description="Stages that are out of date.")


def stale_stages(project: Project) -> list[str]:
    """Stages of dvc.yaml that are out of date, as `dvc status` finds them.

    Starting DVC takes seconds. Its answer is kept, and holds while every file of the project has the size,
    time and inode that it had before DVC was asked: by these DVC itself knows a file that it has read.

    Raises:
        AsiReproError: where DVC cannot say.
    """
    files, kept = _fingerprint(project.root), project.root / _ANSWER
    try:
        answer = read_record(kept, Answer, missing="not asked yet", make="asi-repro status")
        if answer.files == files:
            return answer.stale
    except AsiReproError:
        pass  # a file that is damaged is as good as none
    stale = _ask(project.root)
    if (project.root / _DVC).is_dir() and os.access(project.root / _DVC, os.W_OK):
        atomic_write(kept, dump_json(Answer(files=files, stale=stale).model_dump()))
    return stale


def _ask(root: Path) -> list[str]:
    # The file is named, else the import of the release is asked for news over the network.
    asked = [sys.executable, "-m", "dvc", "status", "--json", "dvc.yaml"]
    done = subprocess.run(asked, cwd=root, capture_output=True, text=True, timeout=_DVC_SECONDS, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it gave no reason"])[-1]
        raise AsiReproError(f"DVC cannot say which stages are out of date: {last}", hint="run `dvc status`")
    return sorted(json.loads(done.stdout))


def _fingerprint(root: Path) -> str:
    return sha256_bytes("\n".join(sorted(_files(root))).encode(errors="surrogateescape"))


def _files(root: Path) -> Iterator[str]:
    """A line for every file, except in hidden folders, of which only DVC's settings matter, and byte code."""
    listed = [*root.joinpath(_DVC).glob("config*")]
    for folder, below, names in os.walk(root):
        below[:] = [name for name in below if not name.startswith(".") and name != "__pycache__"]
        listed += [Path(folder, name) for name in names]
    for path in listed:
        try:
            state = path.stat()
        except OSError:
            continue  # gone in between, or a link to nothing
        yield f"{path} {state.st_size} {state.st_mtime_ns} {state.st_ino}"
