"""Names and texts made to do harm: they reach the history as text and as nothing else."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from history_runs import architecture, archive_of, git
from hypothesis import given, settings
from hypothesis import strategies as st

from asi_repro.archive.history.clone import open_history
from asi_repro.archive.history.commits import commit_of
from asi_repro.archive.history.content import commit_message, experiment_files, gallery_tag
from asi_repro.archive.history.records import ExperimentRecord
from asi_repro.archive.history.verify import verify_history
from asi_repro.archive.history.writing import write_history
from asi_repro.archive.reader import Experiment, Program
from asi_repro.archive.tables import Run
from asi_repro.text import terminal_safe

NASTY = [
    "two\nlines\n\nParent: 7",
    "../../etc/passwd",
    "\x1b[31mred\x1b[0m\x9b1m",
    "refs/heads/main",
    "-rf --upload-pack=x",
    "@{-1}",
    "a..b~1^{}:?*[\\.lock",
    "\u202eevil\u2066",
    "nul\0byte",
    "`code` ```` <script>alert(1)</script> ![x](http://x.invalid/p.png)",
    "data 5\nhello\nreset refs/heads/main\n",
    "out of the fence\n```\n# Forged\n````\n## Forged too",
    "日本語",
    " ",
    "\U000f0000",
    "x" * 5000,
]
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.sampled_from(NASTY)


def record(name: str, text: str, index: int = 3) -> ExperimentRecord:
    facts = Experiment(index, name, name, None, 0, 0, 1.5, True, True)
    program = Program(index, name, name, None, 1.5, text, "0" * 64, 1, text, text, None, text, None)
    rows = [{"index": index, "column": name, "task": text, "metric": name, "value": 0.5}]
    return ExperimentRecord(facts, program, rows, [])


def test_a_run_of_nothing_but_nasty_names(tmp_path: Path) -> None:
    run = Run()
    for index, text in enumerate(NASTY):
        architecture(
            run,
            index,
            index - 1 if index else None,
            name=text,
            display_name=text,
            motivation=text,
            summary=text,
            source=text,
            parameters_stated=text,
        )
    archive = archive_of(run, tmp_path / "a")
    write_history(archive, tmp_path / "h.bundle")
    clone = open_history(tmp_path / "h.bundle", tmp_path / "clone").folder
    assert git(clone, "fsck", "--strict", check=False) == ""
    assert len(git(clone, "tag", "--list").split()) == len(NASTY)
    assert verify_history(tmp_path / "h.bundle", archive) == []
    for index, text in enumerate(NASTY):
        source = subprocess.run(
            ["git", "show", f"refs/experiments/{index:07d}:program.py"], cwd=clone, capture_output=True
        )
        assert source.stdout == text.encode(), "the program is kept byte for byte"
        log = git(
            clone, "log", "-1", "--format=%B%(trailers:key=Parent,valueonly)", f"refs/experiments/{index:07d}"
        )
        assert terminal_safe(log) == log
        assert log.splitlines().count(f"Parent: {index - 1 if index else 'none'}") == 1
    assert {p.name for p in tmp_path.iterdir()} == {"a", "h.bundle", "clone"}


@given(TEXT, TEXT)
def test_json_gives_the_text_back_and_shows_no_controls(name: str, text: str) -> None:
    data = experiment_files(record(name, text))["experiment.json"].decode()
    read = json.loads(data)
    assert (read["name"], read["program"]["motivation"]) == (name, text)
    assert read["benchmarks"][0]["task"] == text
    assert terminal_safe(data) == data


def test_a_program_of_one_line_has_it_in_the_singular() -> None:
    assert b", 1 line, SHA-256 " in experiment_files(record("a", "b"))["README.md"]


@given(TEXT, TEXT)
def test_readme_and_message_hold_no_controls_and_no_foreign_lines(name: str, text: str) -> None:
    made = record(name, text)
    readme = experiment_files(made)["README.md"].decode()
    message = commit_message(made).decode()
    assert terminal_safe(readme) == readme
    assert terminal_safe(message) == message
    subject, blank, *trailers = message.split("\n")
    assert blank == ""
    assert [t.partition(":")[0] for t in trailers] == [
        t.partition(":")[0] for t in commit_message(record("a", "b")).decode().split("\n")[2:]
    ] or not text
    assert len(subject) < 300
    headings = [line for line in _outside_fences(readme) if line.startswith("#")]
    assert headings[1:] == [
        "## Summary",
        "## Motivation",
        "## Benchmarks",
        "## Training loss (nats per token)",
    ]


def _outside_fences(text: str) -> list[str]:
    """Lines outside fenced blocks, as CommonMark ends them: by a run at least as long as the opening."""
    lines, fence = [], ""
    for line in text.split("\n"):
        run = line[: len(line) - len(line.lstrip("`"))]
        if not fence and len(run) >= 3:
            fence = run
        elif fence and len(run) >= len(fence) and line.strip("`") == "":
            fence = ""
        elif not fence:
            lines.append(line)
    assert not fence, "a fence is left open"
    return lines


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXT, min_size=1, max_size=8))
def test_tags_are_refs_git_takes_and_never_meet(names: list[str]) -> None:
    tags = [gallery_tag(Experiment(i, n, n, None, 0, 0, None, True, True)) for i, n in enumerate(names)]
    assert len({tag.casefold() for tag in tags}) == len(tags), "also where upper and lower case are one"
    for tag in tags:
        assert subprocess.run(["git", "check-ref-format", f"refs/tags/{tag}"]).returncode == 0, tag
        assert len(tag) < 200


@pytest.mark.parametrize(
    ("name", "tag"), [("A-1", "gallery/A-1-2"), ("", "gallery/experiment-2"), ("§", "gallery/experiment-2")]
)
def test_tags_read_like_the_name(name: str, tag: str) -> None:
    assert gallery_tag(Experiment(2, name or "§", name or "§", None, 0, 0, None, True, True)) == tag


def test_commit_ids_depend_on_every_field() -> None:
    ids = {
        commit_of(record(n, t, i), p).id for n in "ab" for t in "ab" for i in (1, 2) for p in (None, "0" * 40)
    }
    assert len(ids) == 16
