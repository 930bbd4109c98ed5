"""Outputs of this pipeline to a server that speaks S3 and back, with DVC's command line.

A push that is killed, a server that stops, objects that are damaged or gone: what arrives is what was made,
or the command fails.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkouts import Checkout, Interrupted, checkout_with_outputs, killed_push
from outputs import INPUTS, OUTPUTS, PUBLISHED, STAGES, TRAINED, tree
from s3_server import Bucket

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from in_process import call

from asi_repro.archive.fsck.checks import Place, Result, run_checks
from asi_repro.archive.fsck.dvc import dvc_md5
from asi_repro.project import Project

HISTORY, TABLE, WEIGHTS = (
    "artifacts/history.bundle",
    "artifacts/archive/programs.parquet",
    f"{TRAINED}/seed-0/model/model.safetensors",
)


def key(folder: Path, name: str, prefix: str = "run") -> str:
    """Where DVC puts a file's content."""
    md5 = dvc_md5(folder / name, lambda path: path.name == "environment.json")
    assert md5 is not None
    return f"{prefix}/files/md5/{md5[:2]}/{md5[2:]}"


def flipped(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def same_outputs(one: Checkout, other: Checkout) -> None:
    for name in OUTPUTS:
        assert tree(one.folder / name) == tree(other.folder / name), name


def fsck(checkout: Checkout) -> dict[str, Result]:
    place = Place(Project(checkout.folder), checkout.folder / "artifacts/archive")
    return {one.check: one for one in run_checks(place)}


# What arrives


def test_a_killed_push_leaves_a_part_and_the_same_push_completes_it(
    interrupted: Interrupted, pushed: Checkout, bucket: Bucket
) -> None:
    assert interrupted.status == -signal.SIGKILL
    assert interrupted.keys
    there = set(bucket.keys("run/"))
    assert set(interrupted.keys) < there
    assert there == {
        f"run/{path.relative_to(pushed.folder / '.dvc/cache')}"
        for path in (pushed.folder / ".dvc/cache/files").rglob("*")
        if path.is_file()
    }


def test_a_stranger_has_what_the_owner_has(pulled: Checkout, pushed: Checkout) -> None:
    same_outputs(pulled, pushed)
    for name in INPUTS:  # pulled or made with other commands
        shutil.copytree(pushed.folder / name, pulled.folder / name, dirs_exist_ok=True)
    results = fsck(pulled)
    for check in ("tables", "programs", "history", "lock"):
        assert (results[check].status, results[check].problems) == ("ok", []), check
    assert pulled.git("status", "--porcelain") == ""


def test_what_was_pulled_is_read_by_its_readers(pulled: Checkout) -> None:
    from asi_repro.archive.reader import Archive
    from asi_repro.discover.run.folder import DiscoveryRun
    from asi_repro.discover.run.recorded import commit_lines
    from asi_repro.results.training import read_training
    from asi_repro.store.files import sha256_file
    from asi_repro.verify.certificate import read_certificates

    run = DiscoveryRun(pulled.folder / "artifacts/recorded/control")
    assert "\n".join(commit_lines(run)) + "\n" == (run.folder / "commits.txt").read_text()
    assert set(Archive(run.folder / "archive").experiments) == set(run.store.commits())
    shown = call("trace", "2", "--run", "control", "--json", ASI_REPRO_HOME=str(pulled.folder))
    assert shown.returncode == 0, shown.stderr
    assert {span["session.id"] for span in json.loads(shown.stdout)} == {"2"}
    trained = read_training(pulled.folder / TRAINED / "seed-0")
    assert trained.weights_sha256 == sha256_file(pulled.folder / WEIGHTS)
    assert [one.index for one in read_certificates(pulled.folder / PUBLISHED[1])] == [7]


# Objects that are not what was pushed


@pytest.fixture
def damaged(pushed: Checkout, bucket: Bucket) -> Iterator[dict[str, str]]:
    """One object with a flipped bit, one cut off, one gone; mended afterwards."""
    keys = {name: key(pushed.folder, name) for name in (HISTORY, TABLE, WEIGHTS)}
    whole = {name: bucket.read(where) for name, where in keys.items()}
    bucket.write(keys[HISTORY], flipped(whole[HISTORY]))
    bucket.write(keys[TABLE], whole[TABLE][: len(whole[TABLE]) // 2])
    bucket.remove(keys[WEIGHTS])
    yield keys
    for name, where in keys.items():
        bucket.write(where, whole[name])


def test_damaged_objects_are_errors_and_never_data(
    damaged: dict[str, str], pushed: Checkout, tmp_path: Path
) -> None:
    clone = pushed.clone(tmp_path / "clone")
    said = clone.dvc("pull", "archive", "history", TRAINED, fails=True)
    assert "failed to pull data" in said
    for name in (HISTORY, TABLE, WEIGHTS):
        assert not (clone.folder / name).exists(), name
    kept = {path.name for path in (clone.folder / ".dvc/cache").rglob("*") if path.is_file()}
    assert kept.isdisjoint(Path(where).name for where in damaged.values())


@pytest.mark.slow
def test_how_a_damaged_object_is_mended(
    damaged: dict[str, str], pushed: Checkout, bucket: Bucket, tmp_path: Path
) -> None:
    """As the guide says. A push alone looks at names, and of a folder only at that of its list."""
    pushed.dvc("push")
    assert bucket.read(damaged[HISTORY]) == flipped((pushed.folder / HISTORY).read_bytes())
    assert damaged[WEIGHTS] not in bucket.keys("run/")
    folders = (key(pushed.folder, TABLE.rpartition("/")[0]), key(pushed.folder, TRAINED))
    assert all(where.endswith(".dir") for where in folders)
    for where in (damaged[HISTORY], damaged[TABLE], *folders):
        bucket.remove(where)
    pushed.dvc("push")
    clone = pushed.clone(tmp_path / "clone")
    clone.pull(*STAGES, *PUBLISHED)
    same_outputs(clone, pushed)


@pytest.mark.slow
def test_without_verify_dvc_takes_what_it_gets_and_fsck_finds_it(
    damaged: dict[str, str], pushed: Checkout, tmp_path: Path
) -> None:
    """DVC's default, and why the guide sets `verify`."""
    clone = pushed.clone(tmp_path / "clone")
    clone.dvc("remote", "modify", "mine", "verify", "false")
    clone.pull("archive", "history")
    assert (clone.folder / HISTORY).read_bytes() == flipped((pushed.folder / HISTORY).read_bytes())
    results = fsck(clone)
    found = {problem.what.split(":")[0] for problem in results["lock"].problems}
    assert {"stage archive, output artifacts/archive", f"stage history, output {HISTORY}"} <= found
    assert results["tables"].status == "problem"


# A push that does not end


@pytest.mark.slow
@pytest.mark.parametrize("how", ["killed", "refused"])
def test_who_pulls_a_part_is_told_and_has_no_wrong_byte(how: str, bucket: Bucket, tmp_path: Path) -> None:
    owner = checkout_with_outputs(tmp_path / "owner", bucket, how)
    if how == "killed":
        assert killed_push(owner, bucket) == -signal.SIGKILL
    else:
        owner.environment["AWS_MAX_ATTEMPTS"] = "1"
        bucket.gate.shut(after=20, refuses=True)
        try:
            assert "failed to push data" in owner.dvc("push", fails=True)
        finally:
            bucket.gate.open()
    assert bucket.settled(f"{how}/")
    clone = owner.clone(tmp_path / "clone")
    assert "failed to pull data" in clone.dvc("pull", *STAGES, fails=True)
    for name in OUTPUTS:
        if (clone.folder / name).exists():
            assert tree(clone.folder / name).items() <= tree(owner.folder / name).items(), name
    owner.dvc("push")
    clone.pull(*STAGES, *PUBLISHED)
    same_outputs(clone, owner)
