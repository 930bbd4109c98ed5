"""One's own class, whatever its arguments are called, and what continuous integration reads of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from in_process import call

from asi_repro.errors import AsiReproError
from asi_repro.models.program import load_program
from asi_repro.verify.adapt import Choice, own_mixer
from asi_repro.verify.ci import sarif
from asi_repro.verify.files import Checked
from asi_repro.verify.wording import line_of
from tests.verify.corpus import CONVOLUTION

# A part with a parameter that nothing uses (line 9), and a mixer that needs an argument (line 15).
TWO_CLASSES = """\
import torch
from torch import nn


class Gate(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dim))
        self.unused = nn.Parameter(torch.ones(dim))

    def forward(self, x):
        return x * self.weight


class Sum(nn.Module):
    def __init__(self, d_model, window):
        super().__init__()
        self.window = window
        self.gate = Gate(d_model)

    def forward(self, x):
        return self.gate(x).cumsum(1) / self.window
"""
TWO_ROOTS = TWO_CLASSES.replace("self.gate = Gate(d_model)", "self.gate = nn.Linear(d_model, d_model)")


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(TWO_CLASSES)
    return str(path)


def test_a_class_is_found_and_built_with_its_own_names(mine: str) -> None:
    done = call("verify", mine, "--only", "dead", "--set", "window=0.5", "--json")
    assert done.returncode == 1, done.stderr
    rows = {row["check"]: row for row in json.loads(done.stdout)["checks"]}
    assert list(rows["dead_parameters"]["detail"]["dead"]) == ["mixer.gate.unused"]


def test_the_table_names_the_line_of_what_failed(mine: str) -> None:
    done = call("verify", mine, "--only", "dead", "--only", "masking", "--set", "window=2", COLUMNS="500")
    assert done.returncode == 1, done.stderr
    assert "mine.py: Sum (line 15), width 32, 2 heads" in done.stdout
    assert "line 9: 1 parameters, where at most 0 is allowed (mixer.gate.unused)" in done.stdout
    assert "the forward takes no attention_mask" in done.stdout
    assert "1 fail, 0 pass, 4 not run" in done.stdout


def test_a_width_that_is_asked_for_is_the_one_probed(mine: str) -> None:
    words = ("--only", "batch", "--set", "window=2", "--hidden-size", "24", "--heads", "3", "--json")
    probe = json.loads(call("verify", mine, *words).stdout)["probe"]
    assert (probe["hidden_size"], probe["num_heads"]) == (24, 3)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--set", "window"], "NAME=VALUE"),
        (["--set", "window=__import__('os')"], "neither JSON nor a Python literal"),
        (["--set", "windows=3"], "takes no argument 'windows'"),
        ([], "needs window"),
        (["--class", "Product"], "no class 'Product'"),
        (["--hidden-size", "32"], "number of heads"),
        (["--format", "xml"], "unknown format"),
        (["--format", "sarif", "--json"], "cannot be combined"),
    ],
)
def test_what_does_not_fit_the_class_is_an_error(mine: str, words: list[str], says: str) -> None:
    done = call("verify", mine, "--only", "batch", *words)
    assert done.returncode not in (0, None)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_one_of_several_classes_is_chosen_by_name() -> None:
    with pytest.raises(AsiReproError, match="Gate .line 5., Sum .line 15."):
        own_mixer(TWO_ROOTS, "two.py")
    chosen = own_mixer(TWO_ROOTS, "two.py", Choice("Gate"))
    assert (chosen.class_name, chosen.line) == ("Gate", 5)
    assert load_program(chosen.source).build(8, 1).mixer.weight.shape == (8,)


def test_a_program_that_has_the_interface_is_taken_as_it_is() -> None:
    assert own_mixer(CONVOLUTION, "a.py").source == CONVOLUTION


def test_arguments_are_written_as_literals_only() -> None:
    program = load_program(own_mixer(TWO_CLASSES, "a.py", Choice(arguments={"window": [1, "a'b"]})).source)
    assert program.build(8, 1).mixer.window == [1, "a'b"]
    with pytest.raises(AsiReproError, match="no literal"):
        own_mixer(TWO_CLASSES, "a.py", Choice(arguments={"window": float("inf")}))


def test_sarif_has_what_its_schema_requires(mine: str, tmp_path: Path) -> None:
    """A fault at its line and a file that cannot be checked; both in one valid log."""
    (tmp_path / "refused.py").write_text("import torch\nimport socket\n")
    done = call("verify", str(tmp_path), "--only", "dead", "--set", "window=2", "--format", "sarif")
    assert done.returncode == 3
    log = json.loads(done.stdout)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert run["tool"]["driver"]["name"] == "asi-repro"
    assert run["invocations"][0]["executionSuccessful"] is False
    found = {result["ruleId"]: result for result in run["results"]}
    assert set(found) == {"program", "dead_parameters"}
    for name, result in found.items():
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == name
        assert result["message"]["text"]
    assert _place(found["dead_parameters"]) == (Path(mine).as_uri(), 9)
    assert _place(found["program"]) == ((tmp_path / "refused.py").as_uri(), 2)


def _place(result: dict[str, Any]) -> tuple[str, int]:
    (location,) = result["locations"]
    physical = location["physicalLocation"]
    return physical["artifactLocation"]["uri"], physical["region"]["startLine"]


def test_junit_counts_what_its_cases_say(mine: str) -> None:
    done = call("verify", mine, "--only", "dead", "--only", "batch", "--set", "window=2", "--format", "junit")
    assert done.returncode == 1
    (suite,) = ElementTree.fromstring(done.stdout)  # our own text
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "0")
    (failure,) = suite.iter("failure")
    assert "mixer.gate.unused" in str(failure.get("message"))


def test_text_of_a_program_cannot_break_a_log() -> None:
    problem = AsiReproError("\x1b[2J<evil>\u202e\ufffe", where="a.py, line 4")
    (result,) = sarif([Checked("a b.py", problem=problem)])["runs"][0]["results"]
    assert result["message"]["text"] == "\\x1b[2J<evil>\\u202e\ufffd (a.py, line 4)"
    assert _place(result) == ("a%20b.py", 4)


def test_a_line_is_the_one_stated_or_the_class_s() -> None:
    from asi_repro.verify.results import not_run

    assert line_of(not_run("a", "TypeError at line 7 of <program 12ab>"), TWO_CLASSES, 15) == 7
    assert line_of(not_run("a", "no reason"), TWO_CLASSES, 15) == 15
