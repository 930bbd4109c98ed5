"""The whole of it once: the stages on the real release, pushed, and pulled by a stranger who then checks it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from checkouts import ROOT, new_checkout
from outputs import PUBLISHED, tree
from s3_server import BUCKET, Bucket

STAGES = ("archive", "history", "discover", "corpus")
PLACES = (
    "artifacts/archive",
    "artifacts/history.bundle",
    "artifacts/recorded/control/archive",
    "artifacts/recorded/control/run.git",
    "artifacts/recorded/control/discoveries.json",
    "artifacts/corpus",
    *PUBLISHED,
)
CARRIED = (
    "artifacts/release/data/106.json.dvc",
    "artifacts/release/data/tree.json.dvc",
    "artifacts/release/cognition_base/cognition.dvc",
    "artifacts/recorded/control/commits.txt",
    "artifacts/recorded/control/lab.jsonl",
    "artifacts/recorded/control/settings.json",
    "artifacts/recorded/control/.gitignore",
)


@pytest.mark.slow
def test_a_stranger_pulls_what_the_stages_made_of_the_release(
    release_dir: Path, bucket: Bucket, tmp_path: Path
) -> None:
    owner = new_checkout(tmp_path / "owner", bucket.address)
    owner.environment["ASI_REPRO_RELEASE"] = str(release_dir)
    for name in CARRIED:
        if (ROOT / name).is_file():
            (owner.folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, owner.folder / name)
    owner.repro("pull")
    owner.dvc("repro", *STAGES)
    owner.repro("train", "delta_net")
    owner.repro("verify", "880")
    assert "no problems; 9 of 9 checks ran" in owner.repro("fsck")
    for place, made in zip(PUBLISHED, ("trained/smoke/delta_net", "certificates"), strict=True):
        shutil.copytree(owner.folder / "artifacts" / made, owner.folder / place)
    owner.dvc("add", *PUBLISHED)
    owner.dvc("remote", "add", "-d", "mine", f"s3://{BUCKET}/real")
    owner.dvc("remote", "modify", "mine", "verify", "true")
    owner.git("add", "--all")
    owner.git("commit", "--quiet", "--message", "Outputs")
    owner.dvc("push")

    stranger = owner.clone(tmp_path / "stranger")
    stranger.repro("pull")
    stranger.pull(*STAGES, *PUBLISHED)
    for name in PLACES:
        assert tree(stranger.folder / name), name
        assert tree(stranger.folder / name) == tree(owner.folder / name), name
    assert "up to date" in stranger.dvc("status", *STAGES)
    said = stranger.repro("fsck")
    print(said)
    assert "no problems; 8 of 9 checks ran" in said
    assert "Trace of experiment 12" in stranger.repro("trace", "12", "--run", "control")
    assert "880" in stranger.repro("certificate", "880", "--certificates", PUBLISHED[1])
    assert stranger.git("status", "--porcelain") == ""
