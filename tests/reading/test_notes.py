"""A run as linked notes: every link leads somewhere, both ways; hostile texts stay text; edits are kept."""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from asi_repro.archive.notes import MANIFEST, run_notes
from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import read_parquet
from asi_repro.cli import app
from asi_repro.errors import AsiReproError, DataError
from asi_repro.store.generated_folder import Kept, keep_folder

LINK = re.compile(r"\]\(((?:\.\./)?[\w./-]+\.md)\)")


def links(folder: Path) -> dict[str, set[str]]:
    """For each note below a folder, the notes that it links to."""
    found = {}
    for path in folder.rglob("*.md"):
        name = path.relative_to(folder).as_posix()
        targets = LINK.findall(path.read_text())
        found[name] = {posixpath.normpath(posixpath.join(posixpath.dirname(name), one)) for one in targets}
    return found


def notes_of(folder: Path) -> dict[int, str]:
    """The experiments' notes by index."""
    return {int(path.name[:5]): f"experiments/{path.name}" for path in (folder / "experiments").iterdir()}


def note_of(folder: Path, index: int) -> str:
    return notes_of(folder)[index]


def check_links(archive: Archive, folder: Path) -> None:
    found, note = links(folder), notes_of(folder)
    for name, targets in found.items():
        assert targets <= set(found), name
    for index, one in archive.experiments.items():
        if one.parent is not None:
            child, parent = note[index], note[one.parent]
            assert parent in found[child]
            assert child in found[parent]
    assert len([name for name in found if name.startswith("experiments/")]) == len(archive.experiments)


def write(archive: Archive, folder: Path) -> Kept:
    return keep_folder(folder, run_notes(archive, "The run"), MANIFEST)


def test_links_lead_both_ways_and_a_second_run_changes_nothing(plain_archive: Path, tmp_path: Path) -> None:
    archive, folder = Archive(plain_archive), tmp_path / "vault"
    assert write(archive, folder) == Kept(16, 0, 0, 0)
    check_links(archive, folder)
    before = {
        path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()
    }
    assert write(archive, folder) == Kept(0, 16, 0, 0)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in before} == before
    text = (folder / note_of(folder, 12)).read_text()
    assert "Training loss 5 at step 401." in text
    assert "Blend \\*\\*retention\\*\\* with gates." in text
    assert "piqa" in text


def test_hostile_names_and_texts_are_neither_paths_nor_markup(hostile_archive: Path, tmp_path: Path) -> None:
    archive, folder = Archive(hostile_archive), tmp_path / "vault"
    write(archive, folder)
    check_links(archive, folder)
    for path in folder.rglob("*.md"):
        assert re.fullmatch(r"[a-z0-9-]{1,80}\.md", path.name)
        text = path.read_text()
        if text.startswith("---\n"):
            front = yaml.safe_load(text.split("---\n")[1])
            assert front["name"] == archive.experiments[front["index"]].name
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e\u2028]", text)
        for token in MarkdownIt().parse(text):
            for inline in token.children or ():
                assert inline.type not in ("html_inline", "image")
                assert not str(inline.attrGet("href") or "").startswith(("http", "javascript"))
            assert token.type != "html_block"


def test_what_somebody_edited_or_added_is_kept_and_what_is_gone_is_removed(
    plain_archive: Path, tmp_path: Path
) -> None:
    archive, folder = Archive(plain_archive), tmp_path / "vault"
    write(archive, folder)
    edited, lost, own = folder / note_of(folder, 3), folder / note_of(folder, 4), folder / "my thoughts.md"
    edited.write_text("mine")
    own.write_text("also mine")
    lost.unlink()
    files = dict(run_notes(archive, "The run"))
    gone = note_of(folder, 5)
    del files[gone]
    assert keep_folder(folder, files.items(), MANIFEST) == Kept(1, 13, 1, 1)
    assert (edited.read_text(), own.read_text()) == ("mine", "also mine")
    assert lost.is_file()
    assert not (folder / gone).exists()
    assert write(archive, folder) == Kept(1, 14, 0, 1)


def test_a_file_in_the_way_and_a_damaged_list_are_errors_and_nothing_is_touched(
    plain_archive: Path, tmp_path: Path
) -> None:
    archive, folder = Archive(plain_archive), tmp_path / "vault"
    folder.mkdir()
    (folder / "index.md").write_text("somebody's")
    with pytest.raises(AsiReproError, match=r"index\.md is in the way"):
        write(archive, folder)
    assert [path.name for path in folder.iterdir()] == ["index.md"]
    shutil.rmtree(folder)
    write(archive, folder)
    for damaged in (
        "{",
        '{"files": {"../../outside.md": "0"}}',
        '{"files": [1]}',
        '{"files": {"/etc/x": "0"}}',
    ):
        (folder / MANIFEST).write_text(damaged)
        with pytest.raises(DataError, match="damaged"):
            write(archive, folder)


def test_an_update_that_was_killed_is_finished_by_the_next(plain_archive: Path, tmp_path: Path) -> None:
    """Killed after each number of files: notes are replaced one by one, the list of them last."""
    archive = Archive(plain_archive)
    new = dict(run_notes(archive, "Another title of the run"))
    for files in range(0, 16, 5):
        folder = tmp_path / f"vault{files}"
        write(archive, folder)
        for name in sorted(new)[:files]:
            (folder / name).write_bytes(new[name])
        keep_folder(folder, new.items(), MANIFEST)
        assert {name: (folder / name).read_bytes() for name in new} == new


def test_the_command_and_what_it_refuses(plain_archive: Path, tmp_path: Path, monkeypatch) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        (tmp_path / name).write_text("{}\n")
    shutil.copytree(plain_archive, tmp_path / "artifacts" / "archive")
    monkeypatch.setenv("ASI_REPRO_HOME", str(tmp_path))
    done = CliRunner().invoke(app, ["trace", "--notes", str(tmp_path / "vault")])
    assert done.exit_code == 0, done.output
    assert "16 notes written" in done.stdout
    for arguments in (["3", "--notes", "x"], [], ["--notes", str(tmp_path / "x"), "--run", "nothing"]):
        assert CliRunner().invoke(app, ["trace", *arguments]).exit_code != 0


def test_the_release_as_notes(tmp_path: Path, release_archive: Path) -> None:
    archive, folder = Archive(release_archive), tmp_path / "vault"
    kept = write(archive, folder)
    assert (
        kept.written
        == 1 + len(archive.experiments) + read_parquet(release_archive / "cognition.parquet").num_rows
    )
    check_links(archive, folder)
    assert write(archive, folder) == Kept(0, kept.written, 0, 0)
