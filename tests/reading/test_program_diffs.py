from __future__ import annotations

import difflib
from pathlib import Path

import pytest
from runs_to_read import NEW_SOURCE, OLD_SOURCE

from asi_repro.archive.program_diff import diff_programs
from asi_repro.archive.reader import Archive
from asi_repro.errors import NotFound


def test_against_the_nearest_ancestor_with_a_program(plain_archive: Path) -> None:
    found = diff_programs(Archive(plain_archive), 12)
    assert (found.old.index, found.new.index, found.steps) == (2, 12, 3)
    assert (found.added, found.removed) == (3, 2)
    old = OLD_SOURCE.split("\n")[:-1]
    new = NEW_SOURCE.split("\n")[:-1]
    assert list(difflib.restore(difflib.ndiff(old, new), 2)) == new
    assert [line for line in found.lines if line[:1] == "-"][1:] == ["-def mix(x):", "-    return x"]
    assert "\x0c" in found.lines[-1], "a form feed is part of a line, not its end"


def test_against_another_branch_or_itself(plain_archive: Path) -> None:
    archive = Archive(plain_archive)
    back = diff_programs(archive, 2, 12)
    assert (back.steps, back.added, back.removed) == (None, 2, 3)
    same = diff_programs(archive, 12, 12)
    assert (same.lines, same.similarity) == ([], 1.0)


def test_no_program_is_a_clear_error(plain_archive: Path) -> None:
    archive = Archive(plain_archive)
    with pytest.raises(NotFound, match="program of experiment 5 .* was not released"):
        diff_programs(archive, 5)
    with pytest.raises(NotFound, match="no ancestor of experiment 2") as raised:
        diff_programs(archive, 2)
    assert "asi-repro diff 2 OTHER" in (raised.value.hint or "")


def test_the_release(release_archive: Path) -> None:
    archive = Archive(release_archive)
    bases = {p.index: archive.nearest_program_ancestor(p.index) for p in archive.programs()}
    assert sum(base is None for base in bases.values()) == 51
    for index, base in bases.items():
        if base is not None:
            found = diff_programs(archive, index)
            assert found.old.index == base
            assert 0 <= found.similarity < 1
            assert found.steps is not None
