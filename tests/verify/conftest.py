"""Archives whose programs are the planted ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic_release import write_synthetic_release

from asi_repro.archive.reader import Archive
from asi_repro.archive.release import GALLERY, read_release
from asi_repro.archive.tables import write_archive

PLANTED = Path(__file__).parent / "planted"


@pytest.fixture
def archive_of(tmp_path: Path) -> Callable[..., Archive]:
    """Makes an archive whose gallery has the given programs, by index from the best down."""

    def make(*sources: str) -> Archive:
        release = tmp_path / "made" / "release"
        write_synthetic_release(release, 30, gallery=len(sources), seed=3)
        gallery = release / GALLERY
        records = json.loads(gallery.read_text())
        for record, source in zip(records, sources, strict=True):
            record["program"] = source
        gallery.write_text(json.dumps(records))
        folder = tmp_path / "made" / "archive"
        write_archive(read_release(release), folder)
        return Archive(folder)

    return make


def planted(name: str) -> str:
    """The text of one planted program."""
    return (PLANTED / f"{name}.py").read_text(encoding="utf-8")
