"""What is this machine's disk's fault is not blamed on the network, the file or the program."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from asi_repro.discover.run import sharing
from asi_repro.discover.run.remote import reaching
from asi_repro.errors import AsiReproError, DataError
from asi_repro.store.git import run_git


def full(*arguments: object, **more: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "from", None, "to")


def test_a_full_disk_is_no_matter_of_the_network(tmp_path: Path) -> None:
    with (
        pytest.raises(AsiReproError, match="cannot write to: No space left") as error,
        reaching(str(tmp_path / "x")),
    ):
        full()
    assert "df -h" in str(error.value.hint)
    with pytest.raises(AsiReproError, match="cannot be reached") as error, reaching(str(tmp_path / "x")):
        raise ConnectionRefusedError
    assert "network" in str(error.value.hint)


def test_a_shared_file_that_did_not_fit_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing.shutil, "copyfile", full)
    with pytest.raises(AsiReproError, match="No space left"):
        sharing.put_file(tmp_path / "from", str(tmp_path / "to"))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "kind"),
    [("fatal: write error: No space left on device", AsiReproError), ("fatal: pack", DataError)],
)
def test_a_bundle_is_damaged_only_where_the_disk_was_not_full(
    said: str, kind: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(arguments: list[str]) -> bytes:
        raise AsiReproError(f"git fetch failed with status 1: {said}", where="there", hint="df -h")

    monkeypatch.setattr(sharing, "run_git", run)
    monkeypatch.setattr(sharing, "init_bare", lambda folder: None)
    monkeypatch.setattr(sharing, "require_git", lambda: None)
    with pytest.raises(AsiReproError, match=said) as error:
        sharing._unpack(tmp_path / "bundle", tmp_path / "made", "place")
    assert type(error.value) is kind


def test_an_error_of_git_says_what_it_was_to_do_and_where(tmp_path: Path) -> None:
    with pytest.raises(AsiReproError) as error:
        run_git(["-c", "core.fsync=none", f"--git-dir={tmp_path / 'none'}", "for-each-ref"])
    assert error.value.what.startswith("git for-each-ref failed")
    assert error.value.where == str(tmp_path / "none")
    with pytest.raises(AsiReproError) as error:
        run_git(["init", "--quiet", "--bare", "/dev/null/x"])
    assert error.value.where == "/dev/null/x"
