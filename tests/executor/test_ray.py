"""A real Ray cluster of several raylets on this machine."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from executor_tasks import Work, work

from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.executor.base import Resources
from asi_repro.executor.on_ray import RayExecutor

HERE = Path(__file__).resolve().parent
ray = pytest.importorskip("ray")
pytestmark = pytest.mark.xdist_group("ray")  # one cluster is enough


def test_gives_every_value_and_keeps_errors_and_deaths_to_their_tasks(cluster: Any, tmp_path: Path) -> None:
    how = {1: "raise", 2: "die", 3: "die once"}
    tasks = [Work(tmp_path, n, how.get(n, "")) for n in range(6)]
    took: dict[int, int] = {}
    lost = RayExecutor(tmp_path, retries=1).run(
        work, tasks, on_result=lambda task, value: took.update({task.number: value[0]})
    )
    assert took == {0: 0, 3: 9, 4: 16, 5: 25}
    found = {one.task.number: one for one in lost}
    assert set(found) == {1, 2}
    assert isinstance(found[1].error, DataError)
    assert "is not to be done" in found[1].reason
    assert found[2].error is None
    assert "died" in found[2].reason
    assert len(list(tmp_path.glob("began-2-*"))) == 2  # begun, and once more
    assert not list(tmp_path.glob(".ray-*"))


def test_a_task_that_no_node_can_hold_is_an_error_at_once(cluster: Any, tmp_path: Path) -> None:
    with pytest.raises(AsiReproError, match="no node of the Ray cluster has 1 CPUs, 4 GPUs"):
        RayExecutor(tmp_path).run(
            work, [Work(tmp_path, 0)], on_result=lambda task, value: None, resources=Resources(gpus=4)
        )
    assert not list(tmp_path.glob("began-*"))


def test_few_tasks_are_handed_over_at_a_time(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asi_repro.executor import on_ray

    executor = RayExecutor(tmp_path)
    most = 0
    real = ray.wait

    def watched(references: list[Any], **options: Any) -> Any:
        nonlocal most
        most = max(most, len(references))
        return real(references, **options)

    monkeypatch.setattr(ray, "wait", watched)
    done: list[int] = []
    # Tasks that outlast a wait must not let more in, one a wait.
    monkeypatch.setattr(on_ray, "_WAIT_SECONDS", 0.001)
    executor.run(
        work, [Work(tmp_path, n) for n in range(12)], on_result=lambda task, value: done.append(task.number)
    )
    assert sorted(done) == list(range(12))
    assert most == 4  # two nodes of one CPU each, and as many again waiting


def test_a_node_that_does_not_see_the_folder_says_so(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contextlib import contextmanager

    from asi_repro.executor import on_ray

    @contextmanager
    def elsewhere(shared: Path) -> Iterator[Path]:
        yield tmp_path / "not-there" / "token"

    monkeypatch.setattr(on_ray, "_token", elsewhere)
    lost = RayExecutor(tmp_path).run(work, [Work(tmp_path, 0)], on_result=lambda task, value: None)
    assert isinstance(lost[0].error, MissingInput)
    assert "cannot access" in lost[0].reason


def test_a_node_lost_in_the_middle_loses_no_task(cluster: Any, tmp_path: Path) -> None:
    """The second node goes while it holds a task; what it held is begun again on the first."""
    node = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    tasks = [Work(tmp_path, n, "wait") for n in range(6)]

    def kill_then_go() -> None:
        deadline = time.monotonic() + 60
        while len(list(tmp_path.glob("began-*"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        cluster.remove_node(node, allow_graceful=False)
        while all(map(lives, _pids(tmp_path))) and time.monotonic() < deadline:
            time.sleep(0.05)
        (tmp_path / "go").touch()

    killer = threading.Thread(target=kill_then_go)
    killer.start()
    took: dict[int, int] = {}
    lost = RayExecutor(tmp_path).run(
        work, tasks, on_result=lambda task, value: took.update({task.number: value[0]})
    )
    killer.join()
    assert lost == []
    assert took == {n: n**2 for n in range(6)}
    assert len(list(tmp_path.glob("began-*"))) > 6  # one was begun twice
    assert {path.name: path.read_text() for path in tmp_path.glob("result-*")} == {
        f"result-{n}": str(n**2) for n in range(6)
    }


def _pids(folder: Path) -> list[int]:
    return [int(path.name.split("-")[2]) for path in folder.glob("began-*")]


def lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_an_address_where_nothing_answers(tmp_path: Path) -> None:
    """In a process of its own: this one is connected."""
    import subprocess

    code = (
        "from pathlib import Path; from asi_repro.executor.on_ray import RayExecutor\n"
        f"RayExecutor(Path({str(tmp_path)!r}), address='127.0.0.1:9').run(print, [1], on_result=print)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert ran.returncode != 0
    assert "cannot reach a Ray cluster at 127.0.0.1:9" in ran.stderr
