"""The recipes of deploy/: what they name is there, and they run here, with stand-ins for srun and scontrol.

Two raylets of this machine stand for two nodes. What this does not show is a scheduler, or two machines.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SLURM, SKY = ROOT / "deploy" / "slurm-ray.sbatch", ROOT / "deploy" / "skypilot.yaml"
# Of SkyPilot's task files (docs.skypilot.co, "SkyPilot YAML"), what may stand at the top and in a mount.
SKY_TOP = {
    "name",
    "num_nodes",
    "resources",
    "workdir",
    "file_mounts",
    "envs",
    "secrets",
    "setup",
    "run",
    "config",
}
SKY_MOUNT = {"name", "source", "store", "mode", "persistent"}
SHORT = {
    "steps": 3,
    "warmup_steps": 1,
    "decay_steps": 1,
    "batch": 2,
    "length": 16,
    "micro_batch": 2,
    "curve_every": 1,
}
RAY = "--num-cpus=1 --memory=3000000000 --object-store-memory=80000000"


def sky() -> dict:
    return yaml.safe_load(SKY.read_text())


def check_shell(script: str) -> None:
    found = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def check_command(words: list[str]) -> None:
    """The verb is there and takes the options, --executor among them."""
    command = [sys.executable, "-m", "asi_repro.cli", words[0], "--help"]
    found = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "200"})
    assert found.returncode == 0, found.stderr
    for option in [word for word in [*words, "--executor"] if word.startswith("--")]:
        assert option in found.stdout


def test_the_slurm_script_is_a_script_and_its_example_a_command():
    text = SLURM.read_text()
    check_shell(text)
    example = next(line for line in text.splitlines() if line.startswith("#     sbatch"))
    check_command(shlex.split(example.split("slurm-ray.sbatch", 1)[1]))


def test_the_skypilot_file_has_the_shape_and_its_commands_are_there():
    task = sky()
    assert set(task) <= SKY_TOP
    assert set(task["file_mounts"]["/shared"]) <= SKY_MOUNT
    assert task["file_mounts"]["/shared"]["mode"] in ("MOUNT", "MOUNT_CACHED", "COPY")
    assert isinstance(task["num_nodes"], int)
    check_shell(task["setup"])
    check_shell(task["run"])
    check_command(shlex.split(task["envs"]["COMMAND"]))
    assert "\ninstall: " in (ROOT / "Makefile").read_text()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a short recipe, and in .venv/bin what the recipes call: the real ray and asi-repro."""
    pytest.importorskip("ray")
    from asi_repro.config.corpus import CorpusSettings
    from asi_repro.data.corpus import build_corpus
    from asi_repro.data.packages import GPT2_BPE
    from asi_repro.data.tokenizer import load_tokenizer

    if not GPT2_BPE.installed():
        pytest.skip(f"not run: {GPT2_BPE.command}")
    root = tmp_path / "project"
    (root / "texts").mkdir(parents=True)
    for number in range(60):
        (root / "texts" / f"{number}.txt").write_text(f"Text {number}: " + "ash birch elm " * 12)
    build_corpus(
        CorpusSettings(source=str(root / "texts")),
        1,
        root / "artifacts" / "corpus",
        tokenizer=load_tokenizer("package"),
    )
    params = {
        "seed": 1,
        "claims": {"resamples": 500},
        "train": {"recipes": dict.fromkeys(("smoke", "laptop", "20m", "340m"), SHORT)},
        "executor": {"resources": {"smoke": {"memory_gib": 0.5}}},
    }
    (root / "params.yaml").write_text(json.dumps(params))
    (root / "dvc.yaml").write_text("stages: {}\n")
    count = "import os, ray; ray.init(address=os.environ['RAY_ADDRESS'], logging_level=50); print(len(ray.nodes()))"
    script(
        root / ".venv" / "bin" / "asi-repro",
        f'if [ -e "{root}/hold" ]; then touch "{root}/driving"; exec sleep 600; fi',
        # The last of two nodes may still be on its way.
        f'for _ in $(seq 60); do [ "$({sys.executable} -c "{count}" 2>/dev/null)" = 2 ] && break; sleep 1; done',
        f'{sys.executable} -c "{count}" >"{root}/nodes" 2>/dev/null',
        f'exec {sys.executable} -m asi_repro.cli "$@"',
    )
    ray = Path(sys.executable).parent / "ray"
    script(
        root / ".venv" / "bin" / "ray",
        f'if [ "$1" = start ]; then shift; echo $$ >>"{root}/began"; exec {ray} start "$@" {RAY}; fi',
        f'exec {ray} "$@"',
    )
    return root


def script(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/usr/bin/env bash", *lines, ""]))
    path.chmod(0o755)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("", 0))
        return int(taken.getsockname()[1])


def environment(**more: str) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_agent_register_timeout_ms": "180000",
        **more,
    }


def slurm(root: Path, port: int, *command: str) -> subprocess.Popen[str]:
    """The batch script as Slurm would start it on the first of two nodes."""
    script(
        root / "slurm" / "scontrol",
        '[ "$1 $2 $3" = "show hostnames node-[1-2]" ] && printf "node-1\\nnode-2\\n"',
    )
    script(
        root / "slurm" / "srun",
        f'echo "$@" >>"{root}/steps"',
        'while [ "${1#--}" != "$1" ]; do shift; done',
        'exec "$@"',
    )
    return subprocess.Popen(
        ["bash", str(SLURM), *command],
        cwd=root,
        env=environment(
            PATH=f"{root / 'slurm'}:{os.environ['PATH']}",
            SLURM_SUBMIT_DIR=str(root),
            SLURM_JOB_NODELIST="node-[1-2]",
            SLURM_CPUS_ON_NODE="1",
            RAY_PORT=str(port),
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def skypilot(root: Path, shared: Path, port: int, rank: int, command: str) -> subprocess.Popen[str]:
    """The task's `run` as SkyPilot would start it on one of two nodes, with another folder for /shared."""
    run = sky()["run"].replace("/shared", str(shared)).replace("6479", str(port))
    return subprocess.Popen(
        ["bash", "-c", run],
        cwd=root,
        env=environment(
            SKYPILOT_NODE_IPS=f"{address()}\n{address()}",
            SKYPILOT_NODE_RANK=str(rank),
            COMMAND=command,
            RAY_AUTH_TOKEN="0" * 64,
        ),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def address() -> str:
    """Where a node's Ray listens: it takes the loopback address for this one."""
    return str(pytest.importorskip("ray").util.get_node_ip_address())


def check_trained(root: Path, nodes: Path | None = None) -> None:
    assert (nodes or root / "nodes").read_text().strip() == "2"
    found = json.loads((root / "artifacts/trained/smoke/delta_net/seed-0/result.json").read_text())
    assert (found["status"], found["steps"]) == ("completed", 3)


def check_nothing_left(root: Path, port: int) -> None:
    """Every `ray start` of the recipe has ended, and nothing answers at the port."""
    began = [int(pid) for pid in (root / "began").read_text().split()]
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() for pid in began) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert len(began) == 2
    assert not [pid for pid in began if Path(f"/proc/{pid}").exists()]
    with socket.socket() as asked:
        assert asked.connect_ex((address(), port)) != 0


@pytest.mark.slow
@pytest.mark.machine
def test_the_slurm_script_makes_a_cluster_of_its_nodes_runs_a_command_and_takes_it_down(project: Path):
    port = free_port()
    job = slurm(project, port, "sweep", "delta_net", "--only", "train")
    output = job.communicate(timeout=170)[0]
    assert job.returncode == 0, output[-3000:]
    check_trained(project)
    steps = (project / "steps").read_text().splitlines()
    assert [line.split("--nodelist=")[1].split()[0] for line in steps] == ["node-1", "node-1", "node-2"]
    check_nothing_left(project, port)


@pytest.mark.slow
@pytest.mark.machine
def test_the_slurm_script_fails_as_its_command_does_and_stops_when_it_is_told_to(project: Path):
    port = free_port()
    job = slurm(project, port, "sweep", "no_such_model")
    output = job.communicate(timeout=170)[0]
    assert job.returncode not in (0, None)
    assert "no_such_model" in output
    (project / "began").unlink()
    (project / "hold").touch()
    job = slurm(project, port, "sweep", "delta_net")
    deadline = time.monotonic() + 300
    while not (project / "driving").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    job.send_signal(signal.SIGTERM)  # as at preemption
    job.communicate(timeout=120)
    assert job.returncode == 143
    check_nothing_left(project, port)


@pytest.mark.slow
@pytest.mark.machine
def test_the_skypilot_task_runs_on_two_nodes_and_takes_its_cluster_down(project: Path, tmp_path: Path):
    shared, port = tmp_path / "shared", free_port()
    shared.mkdir()
    (project / "artifacts").rename(shared / "artifacts")  # as its `setup` copies what is there
    second = skypilot(project, shared, port, 1, "")
    first = skypilot(project, shared, port, 0, "sweep delta_net --only train")
    said = first.communicate(timeout=170)[0]
    assert first.returncode == 0, said[-3000:]
    assert second.communicate(timeout=120)[0] is not None
    assert second.returncode == 0
    check_trained(shared, project / "nodes")
    check_nothing_left(project, port)
