"""Archives to read: an ordinary one, and one whose texts try to break what shows them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from runs_to_read import HOSTILE, make_run

from asi_repro.archive.tables import Run, write_archive


@pytest.fixture(scope="session")
def plain_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve experiments in a tree of depth four; 'mixer_gate' is the name of two."""
    words = "root gate fold gate hash ring loop wave slot path tree leaf"
    names = ["mixer_" + word for word in re.split(" ", words)]
    folder = tmp_path_factory.mktemp("plain") / "archive"
    write_archive(make_run(names, [None, 1, 1, 2, 2, 3, 4, 4, 1, 7, 9, 8]), folder)
    return folder


@pytest.fixture(scope="session")
def hostile_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every name is an attempt on the terminal or on an output format."""
    folder = tmp_path_factory.mktemp("hostile") / "archive"
    parents = [None, *(1 + n // 2 for n in range(len(HOSTILE) - 1))]
    write_archive(make_run(HOSTILE, parents), folder)
    return folder


@pytest.fixture
def archive_of(tmp_path: Path) -> Callable[[Run], Path]:
    """Write a run as an archive of its own."""

    def write(run: Run) -> Path:
        folder = tmp_path / "archive"
        write_archive(run, folder)
        return folder

    return write
