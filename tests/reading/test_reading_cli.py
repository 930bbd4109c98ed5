"""The reading verbs as a person and a program meet them."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from runs_to_read import HOSTILE, NEW_SOURCE
from typer.testing import CliRunner

from asi_repro.cli import app

# What a terminal obeys: controls but newline and tab, C1 controls, bidirectional marks.
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
LIST_KEYS = [
    "index", "name", "display_name", "parent", "depth", "children", "score", "in_gallery", "has_program",
]  # fmt: skip


def run(folder: Path, *arguments: str, code: int = 0) -> str:
    """Standard output of a verb, run in this process."""
    verb, *rest = arguments
    result = CliRunner().invoke(app, [verb, "--archive", str(folder), *rest])
    assert result.exit_code == code, (result.exit_code, result.output, result.stderr, result.exception)
    return result.stdout if code == 0 else result.stderr


def run_json(folder: Path, *arguments: str) -> Any:
    verb, *rest = arguments
    return json.loads(run(folder, verb, "--json", *rest))


def spawn(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """A verb in a process of its own, its output piped."""
    command = [sys.executable, "-m", "asi_repro.cli", *arguments, "--archive", str(folder)]
    return subprocess.run(command, capture_output=True, env=_environment(environment))


def _environment(extra: dict[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")}
    return {**kept, "TERM": "xterm-256color", "PYTHONPATH": os.pathsep.join(sys.path), **extra}


def on_terminal(folder: Path, *arguments: str, **environment: str) -> str:
    """What a verb writes to a terminal."""
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "asi_repro.cli", *arguments, "--archive", str(folder)]
    process = subprocess.Popen(
        command, stdout=slave, stderr=slave, stdin=subprocess.DEVNULL, env=_environment(environment)
    )
    os.close(slave)
    data = b""
    while select.select([master], [], [], 60)[0]:
        try:
            block = os.read(master, 65536)
        except OSError:
            break
        if not block:
            break
        data += block
    os.close(master)
    assert process.wait(60) == 0, data
    return data.decode().replace("\r\n", "\n")


# --- list


def test_list_json_has_the_promised_keys(plain_archive: Path) -> None:
    rows = run_json(plain_archive, "list")
    assert [row["index"] for row in rows] == list(range(1, 13))
    assert all(list(row) == LIST_KEYS for row in rows)
    assert rows[0]["parent"] is None
    assert rows[2]["score"] is None


def test_list_options_and_expression_mean_the_same(plain_archive: Path) -> None:
    by_option = run_json(plain_archive, "list", "--gallery", "--parent", "1", "--min-score", "1")
    by_term = run_json(plain_archive, "list", "gallery:yes parent=1", "score>=1")
    assert by_option == by_term
    assert [row["index"] for row in by_term] == [2]
    assert [r["index"] for r in run_json(plain_archive, "list", "--depth", "1", "--name", "SLOT")] == [9]
    assert [r["index"] for r in run_json(plain_archive, "list", "--has-program", "--", "-name:gate")] == [12]
    assert run_json(plain_archive, "list", "--max-score", "0") == []


def test_list_sorts_and_limits(plain_archive: Path) -> None:
    rows = run_json(plain_archive, "list", "--sort", "score", "--reverse", "-n", "4")
    scores = [row["score"] for row in rows]
    assert scores == sorted(scores, reverse=True)
    assert len(rows) == 4


@pytest.mark.parametrize(("arguments", "part"), [(["score:2"], "compare"), (["--sort", "x"], "cannot sort")])
def test_list_refuses_what_it_does_not_know(plain_archive: Path, arguments: list[str], part: str) -> None:
    error = run(plain_archive, "list", *arguments, code=2)
    assert error.startswith("error: ")
    assert part in error
    assert "what to do:" in error


def test_list_in_a_pipe_is_whole_lines(hostile_archive: Path) -> None:
    lines = spawn(hostile_archive, "list").stdout.decode().splitlines()
    assert len(lines) == 1 + len(HOSTILE)
    assert "x" * 400 in lines[-1]
    assert lines[0].split() == ["index", "score", "depth", "parent", "name"]


# --- show


def test_show_json(plain_archive: Path) -> None:
    found = run_json(plain_archive, "show", "12")
    assert [*LIST_KEYS, "lineage", "child_indices", "program", "benchmarks", "curve"] == list(found)
    assert [row["index"] for row in found["lineage"]] == [1, 2, 4, 8, 12]
    assert found["benchmarks"][1]["value"] is None
    assert (found["curve"][0], len(found["curve"])) == ({"step": 1, "loss": 9.0}, 6)
    assert "source" not in found["program"]
    assert run_json(plain_archive, "show", "12", "--program")["program"]["source"] == NEW_SOURCE
    assert run_json(plain_archive, "show", "5")["program"] is None


def test_show_tells_the_facts(plain_archive: Path) -> None:
    text = run(plain_archive, "show", "mixer_leaf")
    for part in (
        "12  mixer_leaf",
        "12,500,000",
        "no value",
        "9.000 at step 1 → 5.000 at step 401",
        "# Heading",
    ):
        assert part in text
    assert "Not released for this experiment: program, motivation, benchmarks and curve" in run(
        plain_archive, "show", "5"
    )


def test_show_asks_for_the_index_where_names_repeat(plain_archive: Path) -> None:
    error = run(plain_archive, "show", "mixer_gate", code=5)
    assert "2 experiments are called 'mixer_gate'" in error
    assert "2 (" in error
    assert "4 (" in error


def test_show_program_is_the_source_byte_for_byte_in_a_pipe(plain_archive: Path) -> None:
    written = spawn(plain_archive, "show", "12", "--program").stdout
    assert written == NEW_SOURCE.encode()
    stated = run_json(plain_archive, "show", "12")["program"]["sha256"]
    assert hashlib.sha256(written).hexdigest() == stated


def test_an_unknown_experiment_gets_near_ones(plain_archive: Path) -> None:
    assert "nearest: 11, 12" in run(plain_archive, "show", "99", code=5)
    assert "similar: " in run(plain_archive, "show", "mixer_gat", code=5)


# --- lineage, diff, search, cognition


def test_lineage_json_and_directions(plain_archive: Path) -> None:
    def indices(*arguments: str) -> list[int]:
        return [row["index"] for row in run_json(plain_archive, "lineage", *arguments)]

    assert indices("8") == [1, 2, 4, 8, 12]
    assert indices("8", "--ancestors") == [1, 2, 4, 8]
    assert indices("4", "--descendants") == [4, 7, 10, 8, 12]
    assert indices("4", "--depth", "1") == [2, 4, 7, 8]
    assert len(indices()) == 12
    assert {tuple(r) for r in run_json(plain_archive, "lineage")} == {(*LIST_KEYS, "hidden_children")}


def test_lineage_text(plain_archive: Path) -> None:
    lines = run(plain_archive, "lineage", "4", "--depth", "1").splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["└─", "4"], ["├─", "7"], ["└─", "8"]]
    assert "… 1 child" in lines[-1]


@pytest.mark.parametrize(("form", "start"), [("dot", "digraph"), ("mermaid", "flowchart"), ("newick", "(")])
def test_lineage_formats(plain_archive: Path, form: str, start: str) -> None:
    assert run(plain_archive, "lineage", "--format", form).startswith(start)


def test_diff_json(plain_archive: Path) -> None:
    found = run_json(plain_archive, "diff", "12")
    assert list(found) == ["old", "new", "steps", "added", "removed", "similarity", "diff"]
    assert (found["old"]["index"], found["added"], found["removed"]) == (2, 3, 2)
    assert "diff" not in run_json(plain_archive, "diff", "12", "2", "--stat")
    assert "was not released" in run(plain_archive, "diff", "5", code=5)


def test_diff_in_a_pipe_is_a_unified_diff(plain_archive: Path) -> None:
    lines = run(plain_archive, "diff", "12").splitlines()
    assert lines[0].startswith("--- 2/mixer_gate.py")
    assert lines[1].startswith("+++ 12/mixer_leaf.py")
    assert "+\\x0c# \\x1b[31mred" in lines


def test_search_json(plain_archive: Path) -> None:
    found = run_json(plain_archive, "search", "kernel", "gate")
    assert list(found) == ["query", "experiments", "programs", "cognition"]
    assert list(found["experiments"][0]) == [*LIST_KEYS, "relevance", "field", "snippet"]
    assert list(found["cognition"][0]) == ["id", "relevance", "field", "snippet"]
    assert "Nothing matches" in run(plain_archive, "search", "zzzz")


def test_cognition(plain_archive: Path) -> None:
    assert [row["id"] for row in run_json(plain_archive, "cognition")] == [
        "paper_0#0",
        "paper_0#1",
        "paper_1#0",
    ]
    entry = run_json(plain_archive, "cognition", "paper_0#1")
    assert entry["title"] == "Kernel feature maps"
    assert run_json(plain_archive, "cognition", "kernel")["cognition"][0]["id"] == "paper_0#1"
    assert "there are: paper_0#0, paper_0#1" in run(plain_archive, "cognition", "paper_0#7", code=5)
    assert "Implementation guidance" in run(plain_archive, "cognition", "paper_0#1")


# --- hostile texts, terminals, pipes

VERBS = [
    ["list"], ["show", "10"], ["show", "2"], ["lineage"], ["lineage", "3", "-f", "dot"],
    ["lineage", "-f", "mermaid"], ["lineage", "-f", "newick"], ["diff", "10"], ["search", "display1", "red"],
    ["cognition"], ["cognition", "stripes"], ["cognition", "paper_1#0"],
]  # fmt: skip


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_hostile_texts_are_shown_not_obeyed(hostile_archive: Path, verb: list[str]) -> None:
    text = run(hostile_archive, *verb)
    assert not OBEYED.search(text), OBEYED.search(text)
    if verb[0] in ("list", "lineage") and len(verb) == 1:
        assert "[bold red]markup[/bold red] :smile:" in text


@pytest.mark.parametrize("verb", [v for v in VERBS if "-f" not in v], ids=" ".join)
def test_json_is_one_safe_document(hostile_archive: Path, verb: list[str]) -> None:
    text = run(hostile_archive, verb[0], "--json", *verb[1:])
    json.loads(text)
    assert not OBEYED.search(text)


def test_json_keeps_the_text_exactly(hostile_archive: Path) -> None:
    assert [row["name"] for row in run_json(hostile_archive, "list")] == HOSTILE


@pytest.mark.parametrize(
    "verb", [["list"], ["show", "10"], ["lineage"], ["diff", "10"], ["search", "red"]], ids=" ".join
)
def test_a_terminal_of_40_columns(hostile_archive: Path, verb: list[str]) -> None:
    from rich.cells import cell_len

    text = on_terminal(hostile_archive, *verb, COLUMNS="40", NO_COLOR="1")
    bare = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert not OBEYED.search(bare)
    if verb[0] != "diff":  # code is left for the terminal to wrap
        assert max(map(cell_len, bare.expandtabs().splitlines())) <= 40


@pytest.mark.parametrize("verb", [["list"], ["show", "10"], ["diff", "10"]], ids=" ".join)
def test_colour_only_where_it_is_wanted(plain_archive: Path, verb: list[str]) -> None:
    arguments = [verb[0], *(["12"] if len(verb) > 1 else [])]
    colour = re.compile(r"\x1b\[[0-9;]*3[0-7]")
    assert colour.search(on_terminal(plain_archive, *arguments))
    assert not colour.search(on_terminal(plain_archive, *arguments, NO_COLOR="1"))
    assert b"\x1b" not in spawn(plain_archive, *arguments).stdout


@pytest.mark.parametrize("verb", ["list", "list --json", "lineage", "lineage -f dot"])
def test_a_reader_that_leaves(release_archive: Path, verb: str) -> None:
    command = (
        f'"{sys.executable}" -m asi_repro.cli {verb} --archive "$0" | head -n 1; echo "${{PIPESTATUS[0]}}"'
    )
    done = subprocess.run(["bash", "-c", command, str(release_archive)], capture_output=True, text=True,
                          env=_environment({}))  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] in ("0", "141"), "0 where it all fitted into the pipe"
    assert len(done.stdout.splitlines()) == 2


def test_a_full_disk_is_an_error(plain_archive: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    command = [sys.executable, "-m", "asi_repro.cli", "list", "--archive", str(plain_archive)]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, env=_environment({}))
    assert done.returncode == 1
    assert b"No space left" in done.stderr
    assert b"Traceback" not in done.stderr


def test_other_locales_get_utf8(plain_archive: Path) -> None:
    done = spawn(plain_archive, "lineage", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert "├─" in done.stdout.decode()
    done = spawn(plain_archive, "show", "12", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr


def test_no_archive_says_what_to_do(tmp_path: Path) -> None:
    error = run(tmp_path, "list", code=4)
    assert "there is no archive" in error
    assert "dvc repro archive" in error
