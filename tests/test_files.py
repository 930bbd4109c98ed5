"""Writing whole or not at all, and what kills leave behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from asi_repro.store.files import atomic_dir, atomic_file, atomic_write, scratch_beside

KILLED = """
import os, signal, sys
from pathlib import Path
from asi_repro.store.files import atomic_dir, atomic_file
with {how}(Path(sys.argv[1])) as temporary:
    place = temporary / "half" if temporary.is_dir() else temporary
    place.write_text("half")
    {then}
"""


def start(how: str, place: Path, then: str) -> subprocess.Popen[bytes]:
    code = KILLED.format(how=how, then=then)
    return subprocess.Popen([sys.executable, "-c", code, str(place)], stdout=subprocess.PIPE)


def strays(folder: Path) -> list[Path]:
    return sorted(folder.glob(".*"))


def age(folder: Path) -> None:
    """As if it had been left an hour ago."""
    for stray in strays(folder):
        os.utime(stray, (time.time() - 3600, time.time() - 3600))


@pytest.mark.parametrize("how", ["atomic_file", "atomic_dir"])
def test_what_a_kill_left_is_removed_by_the_next_write(how: str, tmp_path: Path) -> None:
    place = tmp_path / "made"
    process = start(how, place, "os.kill(os.getpid(), signal.SIGKILL)")
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert len(strays(tmp_path)) == 1
    write = (lambda: atomic_write(place, "x")) if how == "atomic_file" else (lambda: make_folder(place))
    write()
    assert len(strays(tmp_path)) == 1  # it is young: it could belong to somebody who has not locked it yet
    age(tmp_path)
    (tmp_path / ".made.x.other").touch()
    write()
    assert strays(tmp_path) == [tmp_path / ".made.x.other"]


@pytest.mark.parametrize("how", ["atomic_file", "atomic_dir"])
def test_what_another_process_is_writing_stays(how: str, tmp_path: Path) -> None:
    place = tmp_path / "made"
    process = start(how, place, "print(flush=True); signal.pause()")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    age(tmp_path)
    if how == "atomic_file":
        atomic_write(place, "x")
    else:
        make_folder(place)
    assert len(strays(tmp_path)) == 1
    process.kill()
    process.wait()


def make_folder(place: Path) -> None:
    with atomic_dir(place) as new:
        (new / "whole").write_text("x")


def test_a_body_that_fails_leaves_nothing_and_the_old_file(tmp_path: Path) -> None:
    place = tmp_path / "made"
    atomic_write(place, "old")
    with pytest.raises(ValueError):
        fail(place)
    assert place.read_text() == "old"
    assert strays(tmp_path) == []


def fail(place: Path) -> None:
    with atomic_file(place) as temporary:
        temporary.write_text("new")
        raise ValueError


def test_a_long_piece_of_work_does_not_take_its_own_folder_for_a_leftover(tmp_path: Path) -> None:
    place = tmp_path / "made"
    with scratch_beside(place) as folder:
        age(tmp_path)
        atomic_write(place, "x")
        assert folder.is_dir()
    assert strays(tmp_path) == []
