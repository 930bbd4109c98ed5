"""The discovery loop with trainings and checks on a real Ray cluster: the commits of one machine."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "discover")]
pytest.importorskip("ray")

# ruff: noqa: E402 (after the path is set; a fixture's name is an argument's)
import ray_discovery
from fake_team import begin, do_all, fake_job
from ray_discovery import ClusterJob
from test_ray import lives

from asi_repro.config.executor import ExecutorSettings, Needs
from asi_repro.discover.lab.cluster import RESULTS, ClusterLabs, check_same_code, collect, leave
from asi_repro.discover.loop.events import ExperimentFinished, ignore
from asi_repro.discover.loop.workers import work_in_threads
from asi_repro.discover.run.folder import LAB, TIMINGS
from asi_repro.discover.run.recorded import commit_lines
from asi_repro.errors import AsiReproError, DataError
from asi_repro.executor.on_ray import RayExecutor
from asi_repro.sandbox.outcome import SandboxUnavailable
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_lines import read_lines

pytestmark = pytest.mark.xdist_group("ray")
LIGHT = ExecutorSettings(resources={"smoke": Needs(memory_gib=0.1)})
EXPERIMENTS = 16


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Commits of the same run on this machine."""
    run = begin(tmp_path_factory.mktemp("alone") / "run")
    do_all(fake_job(run.folder, EXPERIMENTS))
    return commit_lines(run)


@contextmanager
def labs_for(folder: Path, retries: int = 3) -> Any:
    with RayExecutor(folder.parent, retries=retries).session() as session:
        made: dict[str, Any] = {}
        yield ClusterLabs(
            session, threading.Event(), LIGHT, folder, folder, made, ray_discovery.train, ray_discovery.check
        )


def work(folder: Path, experiments: int = EXPERIMENTS, workers: int = 3, on_event: Any = ignore) -> None:
    with labs_for(folder) as labs:
        job = ClusterJob(folder=folder, root=folder, experiments=experiments, labs=labs)
        work_in_threads(job, workers, labs.stop, on_event)


def done(folder: Path) -> list[str]:
    """What nodes did, once a time it was done."""
    return sorted(
        path.name.rsplit("-", 2)[0]
        for path in folder.parent.iterdir()
        if path.name[:6] in ("train-", "check-")
    )


def test_the_commits_are_those_of_one_machine(cluster: Any, tmp_path: Path, alone: list[str]) -> None:
    run, events = begin(tmp_path / "run"), []
    work(run.folder, on_event=events.append)
    assert commit_lines(run) == alone
    assert sorted(one.index for one in events if isinstance(one, ExperimentFinished)) == list(
        range(1, EXPERIMENTS + 1)
    )
    listed = done(run.folder)
    assert listed
    assert len(listed) == len(set(listed)), "something was done twice"
    assert len(read_lines(run.folder / LAB)) == len(listed)
    assert any("step_seconds" in line for line in read_lines(run.folder / TIMINGS))
    processes = {path.name.split("-")[2] for path in tmp_path.glob("train-*")}
    assert len(processes) >= 2, "one of the two nodes did nothing"


@pytest.mark.slow
@pytest.mark.machine
def test_a_node_lost_in_the_middle_changes_no_commit(cluster: Any, tmp_path: Path, alone: list[str]) -> None:
    """It goes while each node holds a training; what it held is begun again elsewhere."""
    run = begin(tmp_path / "run")
    (tmp_path / "hold").touch()
    node = cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()

    def held() -> list[int]:
        marks = [path.name.split("-") for path in tmp_path.glob("train-*")]
        return [int(mark[2]) for mark in marks]

    def kill_then_go() -> None:
        deadline = time.monotonic() + 90
        while len(held()) < 4 and time.monotonic() < deadline:  # the first program's, and one a node
            time.sleep(0.05)
        cluster.remove_node(node, allow_graceful=False)
        while all(map(lives, held())) and time.monotonic() < deadline:
            time.sleep(0.05)
        (tmp_path / "hold").unlink()

    killer = threading.Thread(target=kill_then_go)
    killer.start()
    work(run.folder, workers=4)
    killer.join()
    assert commit_lines(run) == alone
    listed = done(run.folder)
    assert len(listed) > len(set(listed)), "no training was begun twice: the kill hit nothing"


def test_an_error_on_a_node_ends_the_run_and_the_next_goes_on(
    cluster: Any,
    tmp_path: Path,
    alone: list[str],
) -> None:
    run = begin(tmp_path / "run")
    (tmp_path / "broken").touch()
    with pytest.raises(SandboxUnavailable, match="no sandbox on this node"):
        work(run.folder)
    assert list(run.store.commits()) == [1]
    (tmp_path / "broken").unlink()
    before = set(done(run.folder))
    work(run.folder)
    assert commit_lines(run) == alone
    again = [what for what in done(run.folder) if what in before and what.startswith("check")]
    assert len(again) == len(set(again)), "a check whose verdict was left was done again"


def test_interrupted_it_stops_what_nodes_do(cluster: Any, tmp_path: Path) -> None:
    run = begin(tmp_path / "run")
    (tmp_path / "hold").touch()

    def held() -> set[int]:
        """Processes that train what is not the first program: they wait for `hold` to go."""
        first = sha256_bytes(b"0 # the first program\n")[:12]
        marks = [path.name.split("-") for path in tmp_path.glob("train-*")]
        return {int(mark[2]) for mark in marks if mark[1] != first}

    def press_ctrl_c() -> None:
        deadline = time.monotonic() + 60
        while len(held()) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press_ctrl_c, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        work(run.folder)
    assert not [t for t in threading.enumerate() if t.name.startswith("discover-")]
    assert list(run.store.commits()) == [1]
    deadline = time.monotonic() + 20
    while any(map(lives, held())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(held()) == 2
    assert not [pid for pid in held() if lives(pid)]


@pytest.mark.slow
@pytest.mark.machine
def test_what_a_node_left_before_the_driver_died_is_not_done_again(
    cluster: Any,
    tmp_path: Path,
    alone: list[str],
) -> None:
    run = begin(tmp_path / "run")
    work(run.folder)
    trained = len(done(run.folder))
    for name in ("run.git", "journal", "rejected"):  # as where the driver died before it booked anything
        shutil.rmtree(run.folder / name)
    (run.folder / LAB).unlink()
    run = begin(tmp_path / "run")
    work(run.folder)
    assert commit_lines(run) == alone
    assert len(done(run.folder)) == trained


def test_a_node_with_other_code_is_refused() -> None:
    from asi_repro.discover.lab.live import made_with

    check_same_code(made_with())
    with pytest.raises(AsiReproError, match="has a different code from the driver"):
        check_same_code({**made_with(), "code": "other"})
    with pytest.raises(AsiReproError, match="has a different torch"):
        check_same_code({**made_with(), "torch": "1.0"})


def test_what_a_node_left_is_read_only_if_it_is_whole_and_of_its_key(tmp_path: Path) -> None:
    assert collect(tmp_path, "a") is None
    leave(tmp_path, "a", {"leak": "b"}, [{"c": 1}])
    assert collect(tmp_path, "a") == ({"leak": "b"}, [{"c": 1}])
    (tmp_path / RESULTS / "b.json").write_text((tmp_path / RESULTS / "a.json").read_text())
    with pytest.raises(DataError, match="of another key"):
        collect(tmp_path, "b")
    (tmp_path / RESULTS / "a.json").write_text("{")
    with pytest.raises(DataError, match="a result that cannot be read"):
        collect(tmp_path, "a")
