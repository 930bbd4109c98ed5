"""kill -9 during an import leaves the old run or the new one."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from random import Random

import pytest
from faults.commands import Running, asi_repro
from import_places import contents, imported, make_project, write_neutral

NODES = [
    {
        "id": f"n{i}",
        "parents": [f"n{i // 2}"] if i else [],
        "score": i / 7,
        "program": f"x = {i}\n",
        "iteration": i,
    }
    for i in range(400)
]


@pytest.mark.slow
def test_a_kill_leaves_the_old_run_or_the_new_one(tmp_path: Path) -> None:
    project, draw = make_project(tmp_path / "project"), Random(16)
    folder = project / "artifacts" / "runs" / "r"
    states = []
    for count in (300, 400):
        write_neutral(tmp_path / f"{count}.jsonl", NODES[:count])
        imported(tmp_path / f"{count}.jsonl", tmp_path / str(count))
        states.append(contents(tmp_path / str(count)))
    imported(tmp_path / "300.jsonl", folder)
    began = time.monotonic()
    command = asi_repro("import", str(tmp_path / "400.jsonl"), "--run", "r")
    assert Running(command, project).end(60).status == 0
    length = time.monotonic() - began
    assert contents(folder) == states[1]
    seen = set()
    for number in range(12):
        place = tmp_path / ("300.jsonl" if number % 2 == 0 else "400.jsonl")
        running = Running(asi_repro("import", str(place), "--run", "r"), project)
        time.sleep(length * draw.uniform(0.5, 1.05))
        running.send(signal.SIGKILL)
        assert running.end(30).left == ()
        found = contents(folder)
        assert found in states
        seen.add(states.index(found))
    assert Running(command, project).end(60).status == 0
    assert contents(folder) == states[1]
