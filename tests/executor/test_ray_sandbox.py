"""The attacks on the sandbox again, each from a task on a node of a real Ray cluster: the same outcomes."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "sandbox")]
pytest.importorskip("ray")

# ruff: noqa: E402 (after the path is set)
import test_attacks as alone
from attacks import ALL
from ray_attacks import Assault, attempt

from asi_repro.executor.on_ray import RayExecutor

pytestmark = [pytest.mark.slow, pytest.mark.machine, pytest.mark.xdist_group("ray")]
# Those on files, network, processes, other processes; the bounds on time, memory and output by one each.
GROUPS = ("processes", "secrets", "writing", "network", "others")
SINGLE = (
    "memory: one block",
    "time: infinite loop",
    "output: gigabytes of standard output",
    "errors: endless recursion",
)
NAMES = [name for name in ALL if name.split(":")[0] in GROUPS or name in SINGLE]


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Set before the cluster starts: its nodes inherit the environment, as they would a person's."""
    import asi_repro

    folder = tmp_path_factory.mktemp("outside")
    (folder / "secret").write_text(alone.SECRET)
    os.environ["ASI_REPRO_TEST_KEY"] = alone.SECRET
    package = Path(asi_repro.__file__).resolve().parent
    column = 0 if platform.machine() == "x86_64" else 1
    yield {
        "secret": str(folder / "secret"),
        "outside": str(folder / "written"),
        "variable": "ASI_REPRO_TEST_KEY",
        "home": str(Path.home()),
        "package": str(package),
        "git": str(package.parent / ".git"),
        "abstract": "asi-repro-test-nobody",
        "call": 1,
        **{name: numbers[column] for name, numbers in alone.NUMBERS.items()},
    }
    del os.environ["ASI_REPRO_TEST_KEY"]


@pytest.fixture(scope="module")
def found(
    targets: dict[str, Any], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Every attack's outcome by name and tier, all of them tried as tasks of one sweep over the cluster."""
    request.getfixturevalue("cluster")
    tasks = [
        Assault(f"{name} ({tier})", "run", {**targets, "source": ALL[name].source},
                {**alone.LIMITS, **ALL[name].limits}, tier, ALL[name].timeout, alone.NODES)
        for tier in alone.AVAILABLE for name in NAMES
    ]  # fmt: skip
    for tier in alone.AVAILABLE:
        how = (alone.LIMITS, tier, 20, alone.NODES)
        tasks.append(Assault(f"probe ({tier})", "probe", targets, *how))
        source = "import os\ndef main(p): return 1"
        tasks.append(Assault(f"static check ({tier})", "run_checked", {"source": source}, *how))
    outcomes: dict[str, Any] = {}
    lost = RayExecutor(tmp_path_factory.mktemp("shared")).run(
        attempt, tasks, on_result=lambda task, value: outcomes.update({task.name: value})
    )
    assert lost == []
    return outcomes


def test_a_tier_works_and_the_tasks_ran_elsewhere(found: dict[str, Any]) -> None:
    assert alone.AVAILABLE
    processes = {one["process"] for one in found.values()}
    assert os.getpid() not in processes
    assert len(processes) >= 2, "one of the two nodes did nothing"
    assert all(one["environment"] for one in found.values()), "there was no secret to leak"


@pytest.mark.parametrize("tier", alone.AVAILABLE)
@pytest.mark.parametrize("name", NAMES)
def test_an_attack_from_a_ray_task_ends_as_it_does_alone(
    name: str, tier: Any, found: dict[str, Any], targets: dict[str, Any]
) -> None:
    one, attack = found[f"{name} ({tier})"], ALL[name]
    assert one["kind"] in attack.kinds, one["said"]
    assert one["tier"] == tier
    assert attack.says in one["said"]
    assert alone.SECRET not in one["everything"]
    assert Path(targets["secret"]).read_text() == alone.SECRET
    assert not Path(targets["outside"]).exists()
    assert alone.gone(one["worker"])
    here, _ = alone.attempt(attack, tier, {**targets, "parent": os.getpid()})
    assert one["kind"] == here.kind


@pytest.mark.parametrize("tier", alone.AVAILABLE)
def test_what_doctor_probes_is_contained_on_a_node(tier: Any, found: dict[str, Any]) -> None:
    one = found[f"probe ({tier})"]
    assert one["kind"] == "ok", one["said"]
    assert one["value"]
    assert all(one["value"].values()), one["value"]


@pytest.mark.parametrize("tier", alone.AVAILABLE)
def test_the_static_check_refuses_on_a_node(tier: Any, found: dict[str, Any]) -> None:
    one = found[f"static check ({tier})"]
    assert one["kind"] == "refused", one["said"]
    assert "the module os is not in the allow-list" in one["said"]
