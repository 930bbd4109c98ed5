"""The check of a bundle against its archive: each way to differ is found and named."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from history_runs import architecture, archive_of, experiment, git, small_run

from asi_repro.archive.history.bundle import read_header
from asi_repro.archive.history.clone import open_history
from asi_repro.archive.history.verify import MAX_PROBLEMS, verify_history
from asi_repro.archive.history.writing import write_history
from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import Run, write_archive
from asi_repro.errors import DataError, MissingInput

REF = "refs/experiments/"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write_history(archive_of(small_run(), tmp_path / "true"), tmp_path / "h.bundle")
    return tmp_path / "h.bundle"


def against(bundle: Path, change: Callable[[Run], None]) -> list[str]:
    """The bundle of the unchanged small run, against the archive of a changed one."""
    run = small_run()
    change(run)
    return verify_history(bundle, archive_of(run, bundle.parent / "changed"))


def set_field(table: str, position: int, **fields: object) -> Callable[[Run], None]:
    def change(run: Run) -> None:
        getattr(run, table)[position].update(fields)

    return change


def test_a_true_bundle_has_no_problems(bundle: Path) -> None:
    assert against(bundle, lambda run: None) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            set_field("experiments", 1, score=0.25),
            [
                f"{REF}0000001: another commit message",
                f"{REF}0000001: experiment.json is not what the archive gives",
            ],
        ),
        (
            set_field("programs", 1, motivation="other"),
            [f"{REF}0000009: {n} is not what the archive gives" for n in ("README.md", "experiment.json")],
        ),
        (
            set_field("curves", -1, loss=4.0),
            [f"{REF}0000012: {n} is not what the archive gives" for n in ("README.md", "experiment.json")],
        ),
        (
            lambda run: run.experiments.append(experiment(14, 13)),
            [f"{REF}0000014 is missing"],
        ),
        (lambda run: run.experiments.pop(), [f"{REF}0000013 is no ref of this run"]),
    ],
)
def test_a_difference_is_named(bundle: Path, change: Callable[[Run], None], expected: list[str]) -> None:
    found = against(bundle, change)
    assert [p for p in found if p.startswith(REF)] == expected, "and only there, not in its descendants"


def test_another_parent_is_named(bundle: Path) -> None:
    found = against(bundle, set_field("experiments", -1, parent=7))
    assert f"{REF}0000013: its git parent is not the commit of experiment 7" in found


def test_refs_that_moved_are_named(bundle: Path) -> None:
    refs, _ = read_header(bundle)
    data = bundle.read_bytes()
    nine, one = refs[f"{REF}0000009"].encode(), refs[f"{REF}0000001"].encode()
    bundle.write_bytes(data.replace(nine + b" refs/heads/main", one + b" refs/heads/main"))
    found = verify_history(bundle, Archive(bundle.parent / "true"))
    assert found == [f"refs/heads/main is at {one.decode()}, where {nine.decode()} belongs"]
    bundle.write_bytes(data.replace(nine + b" refs/tags", b"1" * 40 + b" refs/tags"))
    found = verify_history(bundle, Archive(bundle.parent / "true"))
    assert "which is no commit of the pack" in found[1]


def test_a_forged_commit_is_named(bundle: Path, tmp_path: Path) -> None:
    """A commit that git finds in order, with a file more, another author and another date."""
    clone = open_history(bundle, tmp_path / "clone").folder
    (clone / "setup.py").write_text("evil = 1\n")
    git(clone, "checkout", "-q", "--detach", f"{REF}0000012")
    (clone / "setup.py").write_text("evil = 1\n")
    git(clone, "add", ".")
    who = ("-c", "user.name=x", "-c", "user.email=x@x.invalid")
    git(clone, *who, "commit", "-q", "--amend", "--no-edit", "--reset-author")
    git(clone, "update-ref", f"{REF}0000012", "HEAD")
    git(clone, "for-each-ref", "--format=delete %(refname)", "refs/remotes")
    refs = git(
        clone, "for-each-ref", "--format=%(refname)", "refs/experiments", "refs/tags", "refs/heads"
    ).split()
    git(clone, "checkout", "-q", "main", "--force")
    git(clone, "bundle", "create", "-q", "--version=2", str(tmp_path / "forged.bundle"), "HEAD", *refs)
    found = verify_history(tmp_path / "forged.bundle", Archive(bundle.parent / "true"))
    assert f"{REF}0000012: setup.py does not belong there" in found
    assert f"{REF}0000012: another author, committer or date" in found
    assert len(found) == 2


def test_damage_in_the_pack_is_found(bundle: Path) -> None:
    data = bytearray(bundle.read_bytes())
    _, offset = read_header(bundle)
    archive = Archive(bundle.parent / "true")
    for position in range(offset + 12, len(data), 97):
        broken = bytearray(data)
        broken[position] ^= 1
        bundle.write_bytes(bytes(broken))
        found = verify_history(bundle, archive)
        assert len(found) == 1, position
        assert found[0].startswith("the pack is damaged: git index-pack failed"), found
    bundle.write_bytes(bytes(data[:-1]))
    assert "the pack is damaged" in verify_history(bundle, archive)[0]


@pytest.mark.parametrize(
    "data", [b"", b"# v3 git bundle\n", b"# v2 git bundle\n-1234\n\n", b"# v2 git bundle\n" + b"a" * 9999]
)
def test_what_is_no_bundle_of_ours_is_refused(bundle: Path, data: bytes) -> None:
    bundle.write_bytes(data)
    with pytest.raises(DataError, match="bundle"):
        verify_history(bundle, Archive(bundle.parent / "true"))


def test_a_missing_bundle(bundle: Path) -> None:
    with pytest.raises(MissingInput, match="no history"):
        verify_history(bundle.with_name("none"), Archive(bundle.parent / "true"))


def test_many_differences_are_cut_short(tmp_path: Path) -> None:
    run = Run(experiments=[experiment(i, i - 1 if i else None) for i in range(200)])
    archive = archive_of(run, tmp_path / "a")
    write_history(archive, tmp_path / "h.bundle")
    other = Run(experiments=[{**row, "score": 7.0} for row in run.experiments])
    found = verify_history(tmp_path / "h.bundle", archive_of(other, tmp_path / "b"))
    assert len(found) == MAX_PROBLEMS + 1
    assert found[-1] == "and more"


def test_the_real_release(release_archive: Path, tmp_path: Path) -> None:
    archive = Archive(release_archive)
    first = write_history(archive, tmp_path / "h.bundle")
    second = write_history(Archive(release_archive), tmp_path / "again.bundle")
    assert first == second
    assert (tmp_path / "h.bundle").read_bytes() == (tmp_path / "again.bundle").read_bytes()
    assert (first.experiments, first.programs, first.tags, first.roots, first.main) == (
        1772,
        106,
        106,
        1,
        965,
    )
    assert verify_history(tmp_path / "h.bundle", archive) == []
    clone = open_history(tmp_path / "h.bundle", tmp_path / "clone").folder
    assert git(clone, "fsck", "--strict", check=False) == ""
    assert len(git(clone, "for-each-ref", "refs/experiments/").splitlines()) == 1772
    assert len(git(clone, "tag", "--list", "gallery/*").splitlines()) == 106
    assert git(clone, "rev-list", "--count", "--all").strip() == "1772"
    assert git(clone, "rev-list", "--max-parents=0", "--all").split() == [
        git(clone, "rev-parse", f"{REF}0000001").strip()
    ]
    depths = {
        int(line) for line in (git(clone, "rev-list", "--count", f"{REF}{i:07d}") for i in (1, 965, 1789))
    }
    assert depths == {archive.lineage.depth(i) + 1 for i in (1, 965, 1789)}
    for program in archive.programs():
        assert git(clone, "show", f"{REF}{program.index:07d}:program.py") == program.source
    tags = git(clone, "tag", "--list").split()
    assert git(clone, "diff", "--stat", tags[0], tags[1], "--", "program.py").startswith(" program.py")
    run = Run(**{t: archive.table(t).to_pylist() for t in (f.name for f in dataclasses.fields(Run))})
    for row in run.experiments:
        row.pop("depth"), row.pop("children")
    run.benchmarks[0]["value"] = 0.999
    write_archive(run, tmp_path / "changed")
    index = run.benchmarks[0]["index"]
    assert verify_history(tmp_path / "h.bundle", Archive(tmp_path / "changed"))[-2:] == [
        f"{REF}{index:07d}: {n} is not what the archive gives" for n in ("README.md", "experiment.json")
    ]


def test_a_thousand_programs_are_streamed(tmp_path: Path) -> None:
    """More than one batch of every table."""
    run = Run()
    for index in range(1000):
        architecture(run, index, index // 3 if index else None, source=f"N = {index}\n" * 40)
    archive = archive_of(run, tmp_path / "a")
    write_history(archive, tmp_path / "h.bundle")
    assert verify_history(tmp_path / "h.bundle", archive) == []
