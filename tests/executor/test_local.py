"""Threads and processes of this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # children import the tasks by name
from executor_tasks import Work, work

from asi_repro.config.executor import ExecutorSettings
from asi_repro.errors import DataError, NotFound
from asi_repro.executor.base import Executor
from asi_repro.executor.choose import make_executor
from asi_repro.executor.local import ProcessExecutor, ThreadExecutor


@pytest.mark.parametrize("executor", [ThreadExecutor(2), ProcessExecutor(2)], ids=["threads", "processes"])
class TestEither:
    def test_gives_every_value_once_and_keeps_an_error_to_its_task(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        tasks = [Work(tmp_path, n, "raise" if n == 1 else "") for n in range(4)]
        took: dict[Work, int] = {}
        lost = executor.run(work, tasks, on_result=lambda task, value: took.update({task: value[0]}))
        assert {task.number: value for task, value in took.items()} == {0: 0, 2: 4, 3: 9}
        assert [(one.task.number, type(one.error)) for one in lost] == [(1, DataError)]
        assert lost[0].error.hint == "leave it"
        assert len(list(tmp_path.glob("began-*"))) == 4

    def test_stops_everything_when_the_driver_is_interrupted(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        def interrupt(task: Work, value: tuple[int, int]) -> None:
            raise KeyboardInterrupt

        tasks = [Work(tmp_path, 0), *(Work(tmp_path, n, "wait") for n in range(1, 20))]
        with pytest.raises(KeyboardInterrupt):
            executor.run(work, tasks, on_result=interrupt)
        assert len(list(tmp_path.glob("began-*"))) <= 4

    def test_no_tasks(self, executor: Executor, tmp_path: Path) -> None:
        assert executor.run(work, [], on_result=lambda task, value: None) == []


def test_a_process_that_dies_loses_only_its_own_task(tmp_path: Path) -> None:
    tasks = [Work(tmp_path, n, "die" if n == 2 else "") for n in range(6)]
    took: dict[int, int] = {}
    lost = ProcessExecutor(2).run(
        work, tasks, on_result=lambda task, value: took.update({task.number: value[0]})
    )
    assert [(one.task.number, one.reason, one.error) for one in lost] == [(2, "its process died", None)]
    assert sorted(took) == [0, 1, 3, 4, 5]


def test_processes_differ_from_the_driver_and_are_used_again(tmp_path: Path) -> None:
    import os

    seen: set[int] = set()
    ProcessExecutor(1).run(
        work, [Work(tmp_path, n) for n in range(5)], on_result=lambda task, value: seen.add(value[1])
    )
    assert len(seen) == 1
    assert os.getpid() not in seen


def test_settings_choose_and_the_command_line_wins(tmp_path: Path) -> None:
    from asi_repro.executor.on_ray import RayExecutor

    settings = ExecutorSettings(name="ray", ray_address="10.0.0.1:6379", retries=5)
    chosen = make_executor(settings, tmp_path)
    assert chosen == RayExecutor(tmp_path, "10.0.0.1:6379", 5, None)
    assert make_executor(settings, tmp_path, name="local", workers=3) == ProcessExecutor(3)
    with pytest.raises(NotFound, match="unknown executor 'slurm'"):
        make_executor(settings, tmp_path, name="slurm")


INTERRUPTED = """
import os, signal, sys, threading, time
from pathlib import Path
import psutil
sys.path[:0] = {path!r}
from executor_tasks import Work, work
from asi_repro.executor.local import ProcessExecutor

def starting():
    return [p for p in psutil.Process().children() if any("spawn_main" in word for word in p.cmdline())]

def working():
    return list(Path({folder!r}).glob("began-*"))

def send():
    while len({when}()) < 2:
        time.sleep(0.005)
    time.sleep({after})
    os.killpg(0, signal.SIGINT)

if __name__ == "__main__":
    threading.Thread(target=send).start()
    tasks = [Work(Path({folder!r}), n, "wait") for n in range(4)]
    try:
        ProcessExecutor(2).run(work, tasks, on_result=lambda task, value: None)
    except KeyboardInterrupt:
        print("stopped", flush=True)
"""


@pytest.mark.parametrize(("when", "after"), [("starting", 0.03), ("starting", 0.08), ("working", 0.0)])
def test_ctrl_c_on_a_terminal_is_the_parent_s_business(tmp_path: Path, when: str, after: float) -> None:
    """It reaches the whole group; the children say nothing of it."""
    code = tmp_path / "driver.py"
    folder = tmp_path / "work"
    folder.mkdir()
    path = [str(Path(__file__).parent), *sys.path]
    code.write_text(INTERRUPTED.format(path=path, folder=str(folder), when=when, after=after))
    done = subprocess.run(
        [sys.executable, str(code)], capture_output=True, text=True, timeout=120, start_new_session=True
    )
    assert done.stdout == "stopped\n"
    assert "Traceback" not in done.stderr
