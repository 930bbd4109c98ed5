"""Pin the release: write its manifest and the three DVC import pins.

    python scripts/pin_release.py COPY COMMIT

COPY is a folder with the release's files at COMMIT of upstream's repository. The hashes come from a
real `dvc import` of the same files out of a temporary local git repository; then the pins are made to
name upstream's URL and commit, as they would had DVC imported them from there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from asi_repro.archive.manifest import MANIFEST, Manifest, ReleaseFile
from asi_repro.archive.release import COGNITION, GALLERY, TREE
from asi_repro.store.files import atomic_write, sha256_file

URL = "https://github.com/GAIR-NLP/ASI-Arch.git"
PATHS = (GALLERY, TREE, COGNITION)


def make_manifest(copy: Path, commit: str) -> Manifest:
    """The manifest of the release's files below `copy`."""
    paths = [copy / GALLERY, copy / TREE, *sorted((copy / COGNITION).glob("*"))]
    files = (
        ReleaseFile(p.relative_to(copy).as_posix(), p.stat().st_size, sha256_file(p), len(_records(p)))
        for p in paths
    )
    return Manifest(URL, commit, PATHS, tuple(sorted(files, key=lambda f: f.path)))


def _records(path: Path) -> list[object]:
    value = json.loads(path.read_text(encoding="utf-8"))
    records: list[object] = value["results"] if isinstance(value, dict) else value
    return records


def make_pins(copy: Path, commit: str, target: Path) -> None:
    """Write `target`/PATH.dvc for each imported path."""
    with tempfile.TemporaryDirectory() as folder:
        upstream, project = Path(folder) / "upstream", Path(folder) / "project"
        for path in PATHS:
            (upstream / path).parent.mkdir(parents=True, exist_ok=True)
            copy_any = shutil.copytree if (copy / path).is_dir() else shutil.copyfile
            copy_any(copy / path, upstream / path)
        _run(upstream, "git", "init", "--quiet")
        _run(upstream, "git", "add", "--all")
        _run(upstream, "git", "commit", "--quiet", "--message", "release")
        project.mkdir()
        _run(project, "git", "init", "--quiet")
        _import(upstream, project, commit)
        for path in PATHS:
            atomic_write(target / f"{path}.dvc", (project / f"{path}.dvc").read_bytes())


def _import(upstream: Path, project: Path, commit: str) -> None:
    """`dvc init`, `dvc import` of each path, then name upstream in the pins; all in this process."""
    from dvc.repo import Repo

    with Repo.init(str(project)) as repo:
        for path in PATHS:
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            repo.imp(str(upstream), path, out=str(project / path))
            (stage,) = repo.stage.load_file(str(project / f"{path}.dvc"))
            stage.deps[0].def_repo = {"url": URL, "rev_lock": commit}
            stage.md5 = stage.compute_md5()
            stage.dump()


def _run(folder: Path, *command: str) -> None:
    identity = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    environment = {**os.environ, **dict.fromkeys(identity, "pin"), "DVC_NO_ANALYTICS": "1"}
    subprocess.run(command, cwd=folder, check=True, env=environment)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("copy", type=Path)
    parser.add_argument("commit")
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--pins", type=Path, default=Path("artifacts/release"))
    arguments = parser.parse_args()
    atomic_write(arguments.manifest, make_manifest(arguments.copy, arguments.commit).to_json())
    make_pins(arguments.copy, arguments.commit, arguments.pins)


if __name__ == "__main__":
    main()
