"""The cognition base: its own entries, the file format, adding, and recalling by trigger."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asi_repro.discover.cognition.adding import add_file
from asi_repro.discover.cognition.base import (
    OWN_ENTRIES,
    CognitionBase,
    Note,
    own_notes,
    read_folder,
    release_notes,
)
from asi_repro.discover.cognition.entry import Entry, Source
from asi_repro.discover.cognition.files import parse_entries, read_entries, to_markdown
from asi_repro.errors import DataError, MissingInput

ENTRY = """---
id: {id}
source:
  title: A paper on gates
  authors: [Ada Author, Ben Author]
  year: 2024
  arxiv: '2401.00001'
---

## Trigger

Loss stalls once the gates have closed.

## Insight

Gates that start open keep learning.

## Mechanism

g = sigmoid(w x + b), with b = 2 at the start.

## Guidance

Leave the bias out of weight decay.
"""


def entry_file(
    folder: Path, key: str = "open-gates", text: str | None = None, name: str = "paper.md"
) -> Path:
    path = folder / name
    path.write_text(ENTRY.format(id=key) if text is None else text)
    return path


# Our own entries


def test_there_are_forty_entries_each_with_its_paper() -> None:
    entries = [entry for path in sorted(OWN_ENTRIES.glob("*.md")) for entry in read_entries(path)]
    assert len(entries) >= 20
    assert all(entry.source.arxiv and entry.source.authors for entry in entries)
    assert all(path.stem == read_entries(path)[0].id for path in OWN_ENTRIES.glob("*.md"))
    # One entry a paper: another number with the same title, or the reverse, would be a slip.
    assert len({entry.source.arxiv for entry in entries}) == len(entries)
    assert len({entry.source.title for entry in entries}) == len(entries)
    # An arXiv number begins with year and month; a paper is first published in that year.
    assert all(int(entry.source.arxiv[:2]) + 2000 == entry.source.year for entry in entries)


def test_our_entries_share_no_sentence_with_the_release(release_archive: Path) -> None:
    from asi_repro.archive.reader import Archive

    theirs = "\n".join(
        " ".join(f"{note.trigger} {note.insight} {note.mechanism} {note.guidance}".split())
        for note in release_notes(Archive(release_archive))
    )
    for note in own_notes():
        for text in (note.trigger, note.insight, note.mechanism, note.guidance):
            words = " ".join(text.split())
            for start in range(0, max(len(words) - 45, 1), 15):
                assert words[start : start + 45] not in theirs, (note.id, words[start : start + 45])


# Recall


@pytest.mark.parametrize(
    ("shortcoming", "wanted"),
    [
        ("One branch takes nearly all of the mixing weight early in training.", "router-balance"),
        (
            "The loss is above the parent's in the first steps because of the added branch.",
            "residual-scaling",
        ),
        ("Scores fall on texts longer than those in training.", "distance-bias"),
        ("Parity and counting tasks are not learned at any size.", "negative-eigenvalues"),
        ("A loop over time steps is the bottleneck of training.", "parallel-scan"),
    ],
)
def test_a_shortcoming_recalls_what_it_should(embedder, shortcoming: str, wanted: str) -> None:
    found = CognitionBase(own_notes(), embedder).recall(shortcoming)
    assert len(found) == 3
    assert wanted in {each.note.id for each in found}
    assert [each.similarity for each in found] == sorted((e.similarity for e in found), reverse=True)


def test_only_the_trigger_counts(embedder) -> None:
    def note(key: str, trigger: str, insight: str) -> Note:
        return Note(key, trigger, insight, "mechanism", "guidance", "source")

    base = CognitionBase(
        [note("a", "loss spikes", "slow recall of names"), note("b", "slow recall of names", "loss spikes")],
        embedder,
    )
    assert base.recall("loss spikes", 1)[0].note.id == "a"
    assert base.recall("  ", 3) == []
    both = base.recall_any(["loss spikes", "slow recall of names"], 3)
    assert [(each.note.id, each.similarity) for each in both] == [("a", 1.0), ("b", 1.0)]


def test_the_releases_entries_are_recalled_alike(release_archive: Path, embedder) -> None:
    from asi_repro.archive.reader import Archive

    notes = release_notes(Archive(release_archive))
    base = CognitionBase(notes, embedder)
    assert len(base) == 230
    assert base.recall(notes[17].trigger, 1)[0].note.trigger == notes[17].trigger


def test_an_id_stands_once(embedder) -> None:
    notes = own_notes()[:2]
    with pytest.raises(DataError, match="two entries"):
        CognitionBase([*notes, notes[0]], embedder)


# Files

_TEXT = st.text(min_size=20, max_size=120).filter(lambda text: len(text.strip()) >= 20)


@settings(max_examples=60, deadline=None)
@given(st.tuples(_TEXT, _TEXT, _TEXT, _TEXT), st.text(min_size=3, max_size=30))
def test_what_is_written_is_read_again_or_refused(texts, title) -> None:
    try:
        entry = Entry(
            id="made",
            trigger=texts[0],
            insight=texts[1],
            mechanism=texts[2],
            guidance=texts[3],
            source=Source(title=title, authors=["A"], year=2024),
        )
    except ValueError:
        return
    try:
        written = to_markdown(entry)
    except DataError:
        return
    assert parse_entries(written, markdown=True, where="made.md") == [entry]


def test_a_heading_inside_a_text_is_refused_not_lost(tmp_path: Path) -> None:
    text = ENTRY.format(id="x-1").replace("Gates that start", "## Insight\n\nGates that start")
    with pytest.raises(DataError, match="Insight appears twice"):
        read_entries(entry_file(tmp_path, text=text))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("id: bad", "id: ../bad"), "id"),
        (("2401.00001", "https://arxiv.org/abs/2401.00001"), "arxiv"),
        (("year: 2024", "year: soon"), "year"),
        (("## Guidance", "## Guidence"), "guidance"),
        (("authors: [Ada Author, Ben Author]", "authors: []"), "authors"),
        (("id: bad", "id: bad\ncolour: red"), "colour"),
        (("  title: A paper on gates", "  title: &t A paper on gates\n  note: *t"), "aliases"),
        (("---\nid: bad", "id: bad"), "front matter"),
        (("  year: 2024", "\tyear: 2024"), "YAML"),
        (("\n## Trigger", "\nAnd this.\n\n## Trigger"), "before the first section"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_bad_entry_says_what_and_where(tmp_path: Path, change, said: str) -> None:
    text = ENTRY.format(id="bad")
    assert change[0] in text
    with pytest.raises(DataError, match=said) as caught:
        read_entries(entry_file(tmp_path, text=text.replace(*change)))
    assert "paper.md" in (caught.value.where or "")


# Adding


def test_an_entry_is_added_once_and_replaced_on_request(tmp_path: Path) -> None:
    folder = tmp_path / "cognition"
    [path] = add_file(entry_file(tmp_path), folder)
    assert path == folder / "open-gates.md"
    assert [note.id for note in read_folder(folder)] == ["open-gates"]
    with pytest.raises(DataError, match="already"):
        add_file(entry_file(tmp_path), folder)
    changed = ENTRY.format(id="open-gates").replace("b = 2", "b = 3")
    add_file(entry_file(tmp_path, text=changed), folder, replace=True)
    assert "b = 3" in read_folder(folder)[0].mechanism
    assert read_folder(folder)[0].source == "Ada Author and others, A paper on gates, 2024, arXiv 2401.00001"


def test_several_entries_come_as_yaml_all_or_none(tmp_path: Path) -> None:
    first = read_entries(entry_file(tmp_path))[0].model_dump()
    second = {**first, "id": "other-gates"}
    path = entry_file(tmp_path, text=json.dumps([first, second]), name="both.yaml")
    assert [p.name for p in add_file(path, tmp_path / "a")] == ["open-gates.md", "other-gates.md"]
    path.write_text(json.dumps([first, {**second, "trigger": "short"}]))
    with pytest.raises(DataError, match="trigger"):
        add_file(path, tmp_path / "b")
    path.write_text(json.dumps([first, first]))
    with pytest.raises(DataError, match="already"):
        add_file(path, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_our_own_ids_are_taken(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="already an entry 'delta-rule'"):
        add_file(entry_file(tmp_path, "delta-rule"), tmp_path / "c", replace=True)


def test_a_papers_text_needs_a_model(tmp_path: Path) -> None:
    path = entry_file(tmp_path, text="We present gates that start open.", name="paper.txt")
    with pytest.raises(DataError, match="requires an LLM"):
        add_file(path, tmp_path / "c")
    made = read_entries(entry_file(tmp_path, "delta-rule"))
    written = add_file(path, tmp_path / "c", distil=lambda text: made)
    assert [p.name for p in written] == ["delta-rule-2.md"]


def test_what_is_no_text_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "paper.pdf"
    path.write_bytes(b"%PDF-1.7\n\xff\xfe\x00")
    with pytest.raises(DataError, match="not UTF-8") as caught:
        add_file(path, tmp_path / "c")
    assert "pdftotext" in (caught.value.hint or "")
    with pytest.raises(MissingInput):
        add_file(tmp_path / "absent.md", tmp_path / "c")
    path.write_bytes(b"a" * (3 << 20))
    with pytest.raises(DataError, match="larger than 2 MiB"):
        add_file(path, tmp_path / "c")
