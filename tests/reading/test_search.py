from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asi_repro.archive.reader import Archive
from asi_repro.archive.search import KINDS, MARK_END, MARK_START, QueryError, search, split_words


def test_names_are_found_by_their_words(plain_archive: Path) -> None:
    found = search(Archive(plain_archive), "gate", kinds=("experiment",))["experiment"]
    assert {hit.key for hit in found[:2]} == {2, 4}
    assert found == sorted(found, key=lambda hit: -hit.relevance)


def test_texts_are_found_with_the_words_marked(plain_archive: Path) -> None:
    hits = search(Archive(plain_archive), "blending")["experiment"]
    assert {hit.key for hit in hits} == {2, 12}, "a word's other forms are found too"
    assert all(hit.field == "motivation" for hit in hits)
    assert all(f"{MARK_START}Blend{MARK_END}" in hit.snippet for hit in hits)


def test_cognition_is_ranked_and_keyed_by_id(plain_archive: Path) -> None:
    hits = search(Archive(plain_archive), "kernel feature", kinds=("cognition",))["cognition"]
    assert [hit.key for hit in hits] == ["paper_0#1"]


def test_phrases_and_beginnings(plain_archive: Path) -> None:
    archive = Archive(plain_archive)
    assert not search(archive, '"feature kernel"')["cognition"]
    assert search(archive, '"kernel feature"')["cognition"]
    assert not search(archive, "zeb")["cognition"]
    assert search(archive, "zeb*")["cognition"]


def test_limit_and_kinds(plain_archive: Path) -> None:
    archive = Archive(plain_archive)
    assert [len(hits) for hits in search(archive, "mixer flat", limit=3).values()] == [3, 0, 3]
    assert list(search(archive, "mixer", kinds=("cognition",))) == ["cognition"]
    assert len(search(archive, "mixer", limit=None)["experiment"]) == 12


@pytest.mark.parametrize("text", ["", "  ", "--- ***", '""', "_ _"])
def test_a_question_without_a_word_is_refused(plain_archive: Path, text: str) -> None:
    with pytest.raises(QueryError, match="no word"):
        search(Archive(plain_archive), text)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(max_size=40)
    | st.from_regex(r'(NEAR\(|AND|OR|NOT|"|\*|\^|:|name:|-|\+| |gate){1,8}', fullmatch=True)
)
def test_no_text_breaks_the_query_language(plain_archive: Path, text: str) -> None:
    try:
        found = search(Archive(plain_archive), text)
    except QueryError:
        return
    assert list(found) == list(KINDS)


def test_operators_are_words(plain_archive: Path) -> None:
    archive = Archive(plain_archive)
    assert search(archive, "gate NOT gate")["experiment"], "NOT is a word to look for, not an operator"
    assert search(archive, "motivation : gate")["experiment"]


def test_marks_come_from_the_search_only(hostile_archive: Path) -> None:
    hits = search(Archive(hostile_archive), "gates")["experiment"]
    assert hits
    for hit in hits:
        assert hit.snippet.count(MARK_START) == hit.snippet.count(MARK_END) > 0


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("PathGateFusionNet", "Path Gate Fusion Net"),
        ("delta_net_v2", "delta net v 2"),
        ("FFTMixer", "FFT Mixer"),
        ("漢字", "漢字"),
    ],
)
def test_names_come_apart(name: str, words: str) -> None:
    assert split_words(name) == words


def test_the_release_is_searched_in_under_a_second(release_archive: Path) -> None:
    archive = Archive(release_archive)
    archive.table("experiments")  # the first table imports pyarrow
    start = time.process_time()
    found = search(archive, "gated delta rule")
    assert time.process_time() - start < 1
    assert found["experiment"]
    assert found["cognition"][0].key == "arxiv.org_abs_2412.06464#0", "the paper of that title"


def test_where_no_temporary_file_can_be_written_the_index_is_in_memory(tmp_path: Path) -> None:
    from asi_repro.imports.folder import write_import
    from asi_repro.imports.formats import read_run

    header = {"format": "asi_repro.run/1", "direction": "maximize"}
    text = "".join(f"word{n} = {n}\n" for n in range(200_000))
    nodes = [{"id": str(n), "program": f"# {n}\n{text}"} for n in range(6)]  # 24 MB, above SQLite's share
    (tmp_path / "run.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [header, *nodes]))
    write_import(read_run(tmp_path / "run.jsonl"), tmp_path / "run")
    full = (
        "import resource, signal, sys; from pathlib import Path\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), -1))\n"
        "from asi_repro.archive.reader import Archive; from asi_repro.archive.search import search\n"
        "hits = search(Archive(Path(sys.argv[1])), 'word199999', kinds=('program',))['program']\n"
        "print([hit.key for hit in hits], hits[0].snippet)"
    )
    found = {
        room: subprocess.run(
            [sys.executable, "-c", full, str(tmp_path / "run" / "archive"), room],
            capture_output=True, text=True, check=True,
        ).stdout
        for room in ("-1", "1000")
    }  # fmt: skip
    assert found["-1"].startswith("[1, 2, 3, 4, 5, 6]")
    assert found["1000"] == found["-1"]
