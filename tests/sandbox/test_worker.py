"""A worker in ordinary use: calls, state, tensors, errors, limits, and what happens where no tier works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from asi_repro.sandbox import landlock, tiers
from asi_repro.sandbox.client import SandboxWorker, run_once
from asi_repro.sandbox.launch import TIERS, Tier
from asi_repro.sandbox.outcome import KINDS, BadResult, Limits, SandboxFailure, SandboxUnavailable
from asi_repro.sandbox.tiers import best_tier, probe_tier

TASKS = "asi_repro.sandbox.selftest"
ROOT = Path(__file__).resolve().parents[2]
USABLE: list[Tier] = [*(tier for tier in TIERS if probe_tier(tier).works), "unsafe"]
if "bubblewrap" in USABLE:
    USABLE.append("gpu")


@pytest.fixture(params=USABLE)
def worker(request: pytest.FixtureRequest) -> SandboxWorker:
    tier: Tier = request.param
    limits = Limits(scratch_bytes=8 << 20)
    with SandboxWorker(TASKS, limits, tier=tier, unsafe=tier == "unsafe", devices=("/dev/full",)) as started:
        yield started


def test_calls_are_warm_and_keep_state(worker: SandboxWorker) -> None:
    worker.call("run", {"source": "import builtins\nbuiltins.kept = 41"})
    assert worker.call("run", {"source": "def main(p): return kept + 1"}) == {"returned": 42}
    assert worker.call("echo", {"text": "\u03b1 \U0001f600", "deep": [[1.5, None, True]]}) == {
        "text": "\u03b1 \U0001f600",
        "deep": [[1.5, None, True]],
    }


def test_a_program_error_has_its_own_line_and_leaves_the_worker_alive(worker: SandboxWorker) -> None:
    outcome = worker.try_call("run", {"source": "print('seen')\ndef main(p):\n    return 1 / 0"})
    assert (outcome.kind, outcome.tier, outcome.value) == ("program_error", worker.tier, None)
    assert "ZeroDivisionError" in outcome.detail
    assert '"<program>", line 3' in outcome.traceback
    assert outcome.stdout == "seen\n"
    assert worker.call("echo", {"a": 1}) == {"a": 1}


def test_call_raises_with_the_outcome(worker: SandboxWorker) -> None:
    with pytest.raises(SandboxFailure, match="program_error") as caught:
        worker.call("run", {"source": "raise ValueError('no')"})
    assert caught.value.outcome.tier == worker.tier
    assert caught.value.where == f"sandbox tier {worker.tier}"


def test_a_dead_worker_says_so(worker: SandboxWorker) -> None:
    assert worker.try_call("run", {"source": "while True: pass"}, timeout=0.3).kind == "timeout"
    assert not worker.alive
    again = worker.try_call("echo", {})
    assert again.kind == "timeout"
    assert "earlier call" in again.detail


def test_scratch_can_be_read_after_a_time_out(worker: SandboxWorker) -> None:
    source = "open('part', 'wb').write(b'done so far')\nwhile True: pass"
    assert worker.try_call("run", {"source": source}, timeout=0.3).kind == "timeout"
    assert worker.scratch.read("part") == b"done so far"


def test_files_cross_both_ways(worker: SandboxWorker) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save

    given = {
        "x": torch.arange(6, dtype=torch.float64).reshape(2, 3),
        "b": torch.ones(2, dtype=torch.bfloat16),
    }
    worker.scratch.write("in.safetensors", save(given))
    copy = "def main(p): open('out.safetensors', 'wb').write(open('in.safetensors', 'rb').read())"
    worker.call("run", {"source": copy})
    back = worker.scratch.read_tensors("out.safetensors")
    assert {name: (t.dtype, t.tolist()) for name, t in back.items()} == {
        name: (t.dtype, t.tolist()) for name, t in given.items()
    }
    worker.scratch.remove("out.safetensors")
    with pytest.raises(BadResult, match=r"out\.safetensors"):
        worker.scratch.read("out.safetensors")


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", "/etc/passwd", ".hidden", "a\0b", "x" * 200, "-rf"]
)
def test_only_plain_names_are_read(name: str) -> None:
    with SandboxWorker(TASKS, unsafe=True) as worker:
        with pytest.raises(BadResult, match="not a plain file name"):
            worker.scratch.read(name)
        with pytest.raises(BadResult, match="not a plain file name"):
            worker.scratch.write(name, b"")


def test_a_name_that_is_taken_is_not_written_through(tmp_path: Path) -> None:
    """A program may wait with a link under the name that the caller will write."""
    target = tmp_path / "target"
    target.write_text("kept")
    with SandboxWorker(TASKS, unsafe=True) as worker:
        worker.call("run", {"source": f"import os\nos.symlink({str(target)!r}, 'in')"})
        with pytest.raises(BadResult, match="in cannot be opened"):
            worker.scratch.write("in", b"overwritten")
    assert target.read_text() == "kept"


def test_the_static_check_refuses_inside_too() -> None:
    outcome = run_once(
        TASKS, "run_checked", {"source": "import os"}, tier=USABLE[0], unsafe=USABLE == ["unsafe"]
    )
    assert outcome.kind == "refused"
    assert "the module os" in outcome.detail


def test_what_cannot_start_says_why() -> None:
    outcome = run_once("asi_repro.no_such_module", "echo", {}, unsafe=True)
    assert (outcome.kind, outcome.tier) == ("start_failed", "unsafe")
    assert "no_such_module" in outcome.detail
    for module in ("os", "asi_repro", "asi_repro.sandbox", "asi_repro..x", "asi_repro.sandbox.launch"):
        assert run_once(module, "echo", {}, unsafe=True).kind == "start_failed"
    with (
        pytest.raises(SandboxFailure, match="no_such_module"),
        SandboxWorker(TASKS, unsafe=True, preload=("no_such_module",)),
    ):
        pass


def test_a_start_that_takes_too_long_is_ended() -> None:
    with (
        pytest.raises(SandboxFailure, match=r"no answer within 0\.001 s"),
        SandboxWorker(TASKS, Limits(start_seconds=0.001), unsafe=True),
    ):
        pass


def test_a_task_that_is_not_there(worker: SandboxWorker) -> None:
    assert "no task 'nothing'" in worker.try_call("nothing", {}).detail


def test_a_callers_payload_that_is_not_json_is_the_callers_mistake(worker: SandboxWorker) -> None:
    with pytest.raises(BadResult, match="not JSON"):
        worker.try_call("echo", {"x": float("nan")})
    assert worker.call("echo", {}) == {}


def test_only_known_variables_reach_a_worker() -> None:
    with pytest.raises(ValueError, match="ANTHROPIC_API_KEY"):
        SandboxWorker(TASKS, unsafe=True, environment={"ANTHROPIC_API_KEY": "x"}).start()
    with SandboxWorker(TASKS, unsafe=True, environment={"OMP_NUM_THREADS": "2"}) as worker:
        source = "import os\ndef main(p): return [os.environ['OMP_NUM_THREADS'], 'HOME' in os.environ]"
        assert worker.call("run", {"source": source}) == {"returned": ["2", True]}


def test_nothing_is_left_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for tier in USABLE:
        with SandboxWorker(TASKS, tier=tier, unsafe=tier == "unsafe", devices=("/dev/full",)) as worker:
            worker.try_call("run", {"source": "open('x', 'w').write('y')\nimport os\nos._exit(1)"})
    assert list(tmp_path.iterdir()) == []


def test_no_descriptor_leaks() -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    run_once(TASKS, "echo", {}, tier=USABLE[0], unsafe=USABLE == ["unsafe"])
    before = count()
    for source in ("", "raise ValueError", "import os\nos._exit(0)"):
        run_once(TASKS, "run", {"source": source}, tier=USABLE[0], unsafe=USABLE == ["unsafe"])
    assert count() == before


def test_without_bubblewrap_landlock_takes_over() -> None:
    """A real run with an empty PATH."""
    if not probe_tier("landlock").works:
        pytest.skip(f"landlock does not work here: {probe_tier('landlock').detail}")
    code = "from asi_repro.sandbox.tiers import best_tier, probe_tier; print(best_tier(), probe_tier('bubblewrap').detail)"
    env = {**os.environ, "PATH": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "landlock bwrap is not on the PATH"


def test_where_no_tier_works_nothing_runs_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(landlock, "abi", lambda: 0)
    probe_tier.cache_clear()
    try:
        with pytest.raises(SandboxUnavailable, match="no sandbox tier works") as caught:
            best_tier()
        assert "bwrap is not on the PATH" in str(caught.value)
        assert "apt-get install bubblewrap" in str(caught.value)
        with pytest.raises(SandboxUnavailable):
            run_once(TASKS, "echo", {})
        assert run_once(TASKS, "echo", {"a": 1}, unsafe=True).value == {"a": 1}
    finally:
        probe_tier.cache_clear()


def test_a_tier_that_leaks_does_not_count_as_working(monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe run without a sandbox finds everything uncontained: it can fail."""
    monkeypatch.setattr(tiers, "_missing", lambda tier: None)
    probe = probe_tier.__wrapped__("unsafe")
    assert not probe.works
    assert not any(held for name, held in probe.contained.items() if name != "environment cleared")
    assert "not contained" in probe.detail


def test_every_outcome_kind_is_json(worker: SandboxWorker) -> None:
    outcome = worker.try_call("echo", {})
    assert outcome.kind in KINDS
    assert json.loads(json.dumps(outcome.__dict__))["tier"] == worker.tier
