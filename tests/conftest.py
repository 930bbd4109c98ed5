"""What tests share: the real release where it is there, and synthetic runs where it is not."""

from __future__ import annotations

import os
from pathlib import Path

import dvc.logger  # noqa: F401
import pytest

# DVC is imported here as its log handlers keep the stdout of the first import, which a test would close.

# Tests run side by side: threads of one process's tensors would only wait for those of the other's. Set
# before torch is imported, and passed on to child processes.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parent.parent


def find_release() -> Path | None:
    """The release at ASI_REPRO_RELEASE, or beside the checkout in ../shared/release."""
    candidates = [os.environ.get("ASI_REPRO_RELEASE"), str(ROOT.parent / "shared" / "release")]
    for candidate in filter(None, candidates):
        folder = Path(candidate)
        if (folder / "data" / "tree.json").is_file():
            return folder.resolve()
    return None


@pytest.fixture(scope="session")
def release_dir() -> Path:
    """The real release, or a skip that says where it was looked for."""
    folder = find_release()
    if folder is None:
        pytest.skip("the ASI-ARCH release is not here: set ASI_REPRO_RELEASE to a copy")
    return folder


@pytest.fixture(scope="session")
def release_archive(release_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The real release as Parquet tables."""
    from asi_repro.archive.release import read_release
    from asi_repro.archive.tables import write_archive

    folder = tmp_path_factory.mktemp("release") / "archive"
    write_archive(read_release(release_dir), folder)
    return folder
