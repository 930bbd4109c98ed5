"""A finished run of the fake team, made once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """(order, commit lines) of an undisturbed run, which the tests compare others with."""
    from fake_team import begin, do_all, order

    from asi_repro.discover.recorded import commit_lines

    folder = tmp_path_factory.mktemp("whole") / "run"
    run = begin(folder)
    work = order(folder, log=folder.parent / "log")
    do_all(work)
    return work, commit_lines(run)
