"""The run's repository: refs are made but once, also after a git that was killed in the middle."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from asi_repro.archive.history.commits import Commit
from asi_repro.discover.run.store import RunStore
from asi_repro.errors import DataError

COMMIT = Commit(7, {"program.py": b"x = 1\n"}, b"seven\n", None)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    found = RunStore(tmp_path / "run.git")
    found.create()
    return found


def test_a_lock_that_a_killed_git_left_is_no_obstacle(store: RunStore) -> None:
    store.add(replace(COMMIT, index=6))
    left = store.folder / "refs" / "experiments" / "0000007.lock"
    left.touch()
    assert store.add(COMMIT) == COMMIT.id
    assert store.commits()[7] == COMMIT.id
    assert not left.exists()
    git = ["git", f"--git-dir={store.folder}", "fsck", "--strict"]
    subprocess.run(git, check=True, capture_output=True)


def test_the_same_again_changes_nothing_and_another_is_refused(store: RunStore) -> None:
    assert store.add(COMMIT) == store.add(COMMIT)
    with pytest.raises(DataError, match="already exists as another commit"):
        store.add(replace(COMMIT, message=b"other\n"))
    assert store.commits() == {7: COMMIT.id}


def test_a_damaged_repository_is_one_error_that_says_what_to_do(store: RunStore) -> None:
    """Whichever object it is, the commit, its folder or a file; half of it is there, or a bit is flipped."""
    files = {"analysis.md": b"It may be left out.\n", "program.py": b"x = 1\n"}
    store.add(replace(COMMIT, files=files))
    listed = store.commits().values()
    assert store.files(listed, [*files, "trace.jsonl"]) == [files]
    objects = [path for path in (store.folder / "objects").glob("??/*") if path.is_file()]
    assert len(objects) == 4
    for path in objects:
        whole = path.read_bytes()
        path.chmod(0o600)
        for place in range(0, len(whole), 3):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << (place * 5 + 3) % 8
            path.write_bytes(flipped)
            with suppress(DataError):  # or a bit that the compression does not use
                assert store.files(listed, files) == [files]
        path.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError, match="is missing or damaged") as caught:
            store.files(listed, files)
        assert "git fsck" in str(caught.value.hint)
        path.write_bytes(whole)
