"""The arm of language models as a person runs it: the real command, sandbox, training and scoring.

Only the model is not there: the local server speaks its API.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from actors import ANALYSIS, Actors, changed_program, marks, proposes, reading
from messages_server import Behaviour, Failure, structured, text, tool_call

from asi_repro.discover.operators.library import seed_program

ROOT = Path(__file__).resolve().parents[3]
NEW, REPAIRED = changed_program("0.5"), changed_program("0.7")
LEAKS = seed_program().replace(
    "        return out\n", "        return out + 0.1 * out.mean(1, keepdim=True)\n"
)
# Takes one step of training, which is what is checked before a training, and not a second one.
KEEPS_ITS_GRAPH = seed_program().replace(
    "        return out\n",
    "        kept = getattr(self, '_kept', 0.0)\n"
    "        self._kept = out.mean()\n"
    "        return out + 0.0 * kept\n",
)


def scripts() -> dict[str, list[Behaviour]]:
    """Turned down for novelty, then by the sandbox; the third fails in training, is repaired and succeeds."""
    return {
        "summary": [text("Plain DeltaNet.")],
        "researcher": [
            *proposes(NEW, name="first_idea"),
            Failure(529, "overloaded_error"),
            *proposes(LEAKS, name="second_idea"),
            *proposes(KEEPS_ITS_GRAPH, name="third_idea"),
        ],
        "novelty": [
            structured({"repeats": 1, "reason": "It is the first program with a constant."}),
            structured({"repeats": None, "reason": "A mean over positions is new."}),
            structured({"repeats": None, "reason": "A mean is kept."}),
        ],
        "checker": [reading()],
        "engineer": [
            tool_call("write_program", {"program": REPAIRED}),
            structured({"repaired": True, "cause": "The graph of the last step was kept."}),
        ],
        "judge": [marks()],
        "analyst": [structured(ANALYSIS)],
    }


def command(project: Path, *arguments: str, **environment: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC_")}
    done = subprocess.run(
        [sys.executable, "-m", "asi_repro.cli", *arguments],
        env={**kept, "ASI_REPRO_HOME": str(project), "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_from_proposal_to_commit_and_again_from_the_record_elsewhere(workspace, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(workspace.project.root, project)
    params = json.loads((project / "params.yaml").read_text())
    params["llm"] = {"roles": {"default": {"model": "claude-sonnet-5-5"}}, "first_wait": 0.01}
    tasks = {"tasks": ["piqa"], "limit": 4, "steps": 10}
    params["discover"] = {"promote": 0, "exploration": tasks, "verification": tasks}
    (project / "params.yaml").write_text(json.dumps(params))
    (project / "dvc.yaml").touch()
    with Actors(**scripts()) as server:
        key = {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "<made up for a test>"}
        asked = ("discover", "--arm", "llm", "--run", "live", "--experiments", "2", "--record", "--json")
        summary = json.loads(command(project, *asked, **key))
        log = server.first_text("engineer")
    assert (summary["experiments"], summary["failed"]) == (2, 0)
    assert "backward through the graph a second time" in log
    assert 'File "/' not in log
    rejected = json.loads((project / "artifacts/runs/live/rejected/0000002.json").read_text())
    assert [each["by"] for each in rejected["turned_down"]] == ["novelty", "check", "lab"]

    note = command(project, "trace", "2", "--run", "live")
    head = note[note.index("## In short") : note.index("## 0. sample")]
    steps = [line.partition(". ")[2] for line in head.splitlines() if line.startswith("- ")]
    assert [step.partition(":")[0] for step in steps] == [
        "sample",
        *("propose", "novelty"),
        *("propose", "novelty", "check the program"),
        *("propose", "novelty", "check the program", "read the program", "train and evaluate"),
        *("repair", "check the program", "read the program", "train and evaluate"),
        *("judge", "analyse"),
    ]
    assert "**turned down**: first" in steps[2]
    assert "**turned down**: causality" in steps[5]
    assert "failed: LabFailure" in steps[10]
    assert "training loss" in steps[14]
    for line in (
        "-        self._kept = out.mean()",
        "+        _scale = 0.7\n",
    ):  # the repair, as what it changed
        assert line in note
    assert "made up for a test" not in note

    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(project / "artifacts" / "recorded", elsewhere / "artifacts" / "recorded")
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(project / name, elsewhere / name)
    again = json.loads(command(elsewhere, "discover", "--recorded", "live", "--json"))
    assert again["compared"] == 2
