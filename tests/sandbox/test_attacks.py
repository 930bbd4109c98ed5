"""Attacks on the sandbox, in every tier that works here: each is contained, and named in the outcome."""

from __future__ import annotations

import os
import platform
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attacks import ALL, WITHOUT_A_SANDBOX, Attack

import asi_repro
from asi_repro.sandbox import landlock, seccomp
from asi_repro.sandbox.client import SandboxWorker
from asi_repro.sandbox.launch import TIERS, Tier
from asi_repro.sandbox.outcome import BadResult, Limits, SandboxOutcome
from asi_repro.sandbox.tiers import probe_tier

TASKS = "asi_repro.sandbox.selftest"
SECRET = "a-secret-that-must-stay-outside"
LIMITS = {
    "memory_bytes": 256 << 20,
    "cpu_seconds": 8.0,
    "processes": 32,
    "scratch_bytes": 4 << 20,
    "output_bytes": 4 << 20,
    "frame_bytes": 1 << 20,
}
# System calls by number: x86_64, aarch64.
NUMBERS = {
    "fork": (56, 220),
    "memfd_create": (319, 279),
    "unshare": (272, 97),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "prctl": (157, 167),
}

AVAILABLE: list[Tier] = [tier for tier in TIERS if probe_tier(tier).works]
# The tier of the GPU is bubblewrap's with device nodes. Any node shows whether it still holds.
NODES = ("/dev/full",)
if "bubblewrap" in AVAILABLE:
    AVAILABLE.append("gpu")


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """Things on this machine to attack: a secret file, an environment variable, a listening socket."""
    folder = tmp_path_factory.mktemp("outside")
    secret = folder / "secret"
    secret.write_text(SECRET)
    os.environ["ASI_REPRO_TEST_KEY"] = SECRET
    package = Path(asi_repro.__file__).resolve().parent
    column = 0 if platform.machine() == "x86_64" else 1
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"\0asi-repro-test-{os.getpid()}")
        listener.listen()
        yield {
            "secret": str(secret),
            "outside": str(folder / "written"),
            "home": str(Path.home()),
            "parent": os.getpid(),
            "package": str(package),
            "git": str(package.parent / ".git"),
            "abstract": f"asi-repro-test-{os.getpid()}",
            "call": 1,
            **{name: numbers[column] for name, numbers in NUMBERS.items()},
        }
    del os.environ["ASI_REPRO_TEST_KEY"]


def attempt(attack: Attack, tier: Tier, targets: dict[str, object]) -> tuple[SandboxOutcome, int]:
    """The outcome of an attack and the pid of the worker that ran it."""
    limits = Limits(**{**LIMITS, **attack.limits})  # type: ignore[arg-type]
    payload = {**targets, "source": attack.source}
    with SandboxWorker(TASKS, limits, tier=tier, unsafe=tier == "unsafe", devices=NODES) as worker:
        outcome = worker.try_call("run", payload, timeout=attack.timeout)
        return outcome, worker.pid


def check_contained(
    attack: Attack, outcome: SandboxOutcome, pid: int, tier: Tier, targets: dict[str, object]
) -> None:
    said = f"{outcome.detail}\n{outcome.traceback}\n{outcome.stderr}"
    assert outcome.kind in attack.kinds, said
    assert outcome.tier == tier
    assert attack.says in said
    assert outcome.detail or outcome.ok
    assert SECRET not in repr(outcome)
    assert len(outcome.stdout) + len(outcome.stderr) <= 2 * Limits().kept_output_bytes
    assert len(outcome.detail) + len(outcome.traceback) < 20_000
    assert Path(str(targets["secret"])).read_text() == SECRET
    assert not Path(str(targets["outside"])).exists()
    assert gone(pid), "the worker outlived its call"


def gone(pid: int) -> bool:
    """Whether no process has `pid` any more, within two seconds."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":  # dead, and only waiting for a parent that is not us
            return True
        time.sleep(0.02)
    return False


def test_a_tier_is_available() -> None:
    """The other tests run per tier: one that stopped working would be left out in silence."""
    probes = {tier: probe_tier(tier) for tier in TIERS}
    leaks = {tier: probe.detail for tier, probe in probes.items() if not all(probe.contained.values())}
    assert leaks == {}
    if landlock.abi() >= 1 and seccomp.supported():
        assert probes["landlock"].works, probes


@pytest.mark.parametrize("tier", AVAILABLE)
@pytest.mark.parametrize("name", ALL)
def test_attack_is_contained_and_named(name: str, tier: Tier, targets: dict[str, object]) -> None:
    outcome, pid = attempt(ALL[name], tier, targets)
    check_contained(ALL[name], outcome, pid, tier, targets)


@pytest.mark.parametrize("name", WITHOUT_A_SANDBOX)
def test_limits_hold_without_a_sandbox(name: str, targets: dict[str, object]) -> None:
    outcome, pid = attempt(WITHOUT_A_SANDBOX[name], "unsafe", targets)
    check_contained(WITHOUT_A_SANDBOX[name], outcome, pid, "unsafe", targets)


LEAVE_A_RESULT = {
    "symbolic link": "import os\ndef main(p): os.symlink(p['secret'], 'result')",
    "fifo": "import os\ndef main(p): os.mkfifo('result')",
    "hard link": "import os\ndef main(p):\n    open('a', 'w').write('x')\n    os.link('a', 'result')",
    "folder": "import os\ndef main(p): os.mkdir('result')",
    "device": "import os, stat\ndef main(p): os.mknod('result', stat.S_IFCHR | 0o666, os.makedev(1, 5))",
    "too large": "def main(p): open('result', 'wb').write(b'x' * (3 << 20))",
    "pickle": "import pickle\ndef main(p): open('result', 'wb').write(pickle.dumps({'a': 1}))",
    "missing": "def main(p): pass",
    "a header that lies": (
        "def main(p): open('result', 'wb').write((1 << 40).to_bytes(8, 'little') + b'{}')"
    ),
}


REASONS = {
    "symbolic link": "symbolic link",
    "fifo": "is a fifo",
    "hard link": "2 hard links",
    "folder": "is a folder",
    "device": "cannot be opened",  # not even root may make one: the worker has no capability
    "too large": "over the limit",
    "pickle": "not a safetensors file",
    "missing": "No such file",
    "a header that lies": "not a safetensors file",
}


@pytest.mark.parametrize("tier", [*AVAILABLE, "unsafe"])
@pytest.mark.parametrize("name", LEAVE_A_RESULT)
def test_result_file_that_is_not_one(name: str, tier: Tier, targets: dict[str, object]) -> None:
    """Either the worker may not make it, or the caller refuses to read it. It never gets followed or loaded."""
    limits = Limits(**LIMITS)  # type: ignore[arg-type]
    with SandboxWorker(TASKS, limits, tier=tier, unsafe=tier == "unsafe", devices=NODES) as worker:
        outcome = worker.try_call("run", {**targets, "source": LEAVE_A_RESULT[name]})
        assert outcome.kind in ("ok", "denied"), outcome
        with pytest.raises(BadResult, match="result") as caught:
            worker.scratch.read_tensors("result", max_bytes=1 << 20)
        if tier != "unsafe" and name in ("symbolic link", "fifo", "hard link", "device"):
            assert outcome.kind == "denied"
        else:
            assert REASONS[name] in str(caught.value)


@pytest.mark.parametrize("tier", AVAILABLE)
def test_a_worker_dies_with_its_caller(tier: Tier, tmp_path: Path) -> None:
    """kill -9 of the caller leaves nothing behind."""
    script = (
        "import sys, time\n"
        "from asi_repro.sandbox.client import SandboxWorker\n"
        f"w = SandboxWorker({TASKS!r}, tier={tier!r}, devices={NODES!r})\n"
        "w.start(); print(w.pid, flush=True)\n"
        "w.try_call('run', {'source': 'def main(p):\\n    while True: pass'}, timeout=60)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(asi_repro.__file__).resolve().parents[1])}
    caller = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=env, text=True)
    assert caller.stdout is not None
    pid = int(caller.stdout.readline())
    assert Path(f"/proc/{pid}").exists()
    caller.send_signal(signal.SIGKILL)
    caller.wait()
    caller.stdout.close()
    assert gone(pid)


@pytest.mark.parametrize("ending", ["return pid", "os.write(1, b'%d' % pid); os._exit(0)"])
def test_what_an_unsafe_worker_forks_dies_with_it(ending: str) -> None:
    """Without a sandbox a program can fork; its process group is killed whole, also after it left itself."""
    source = (
        f"import os, time\ndef main(p):\n    pid = os.fork()\n    if pid == 0: time.sleep(600)\n    {ending}"
    )
    with SandboxWorker(TASKS, unsafe=True) as worker:
        outcome = worker.try_call("run", {"source": source}, timeout=5)
        pid = int(outcome.value["returned"] if outcome.value else outcome.stdout)
    assert gone(pid)


@pytest.mark.parametrize("tier", AVAILABLE)
def test_memory_bound_holds_in_torch(tier: Tier) -> None:
    """torch has an allocator and an error of its own."""
    pytest.importorskip("torch")
    source = "import torch\ndef main(p): return torch.ones(p['n']).sum().item()"
    limits = Limits(memory_bytes=512 << 20)
    with SandboxWorker(TASKS, limits, tier=tier, preload=("torch",), devices=NODES) as worker:
        assert worker.call("run", {"source": source, "n": 1000}) == {"returned": 1000.0}
        outcome = worker.try_call("run", {"source": source, "n": 1 << 30})
        assert outcome.kind == "memory", outcome


@pytest.mark.parametrize("tier", AVAILABLE)
def test_one_worker_does_not_see_another(tier: Tier) -> None:
    with (
        SandboxWorker(TASKS, tier=tier, devices=NODES) as first,
        SandboxWorker(TASKS, tier=tier, devices=NODES) as second,
    ):
        first.call("run", {"source": "def main(p): open('mine', 'w').write('x')"})
        look = "import os\ndef main(p): return os.listdir('.')"
        assert first.call("run", {"source": look}) == {"returned": ["mine"]}
        assert second.call("run", {"source": look}) == {"returned": []}
        kill = "import os\ndef main(p): os.kill(p['pid'], 9)"
        assert second.try_call("run", {"source": kill, "pid": first.pid}).kind == "denied"
        assert first.alive
