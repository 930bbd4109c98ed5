"""`asi-repro doctor --gpu`: each part on the CPU with tiny sizes, and that each finds a fault.

fla's kernels themselves need triton (its interpreter runs them on a CPU): tests/models has those.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from asi_repro.config.corpus import CorpusSettings
from asi_repro.data.corpus import build_corpus
from asi_repro.doctor.gpu import check, kernels, trainings
from asi_repro.doctor.gpu.check import Machine, line_of, run_parts, write_report
from asi_repro.doctor.gpu.messages import Row, RowWriter, Setting, read_rows
from asi_repro.doctor.gpu.plain import Speed
from asi_repro.models import fla_cpu
from asi_repro.models.baselines import load_baseline
from asi_repro.results.training import read_curve

ROOT = Path(__file__).resolve().parents[2]
HERE = Machine({"card": "none"}, "")
TINY: dict[str, Any] = {
    "device": "cpu",
    "scale": "smoke",
    "steps": 5,
    "batch": 1,
    "length": 16,
    "programs": 1,
}


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    return Setting(str(ROOT), str(tmp_path), **TINY)


def rows_of(part: Callable[..., None], setting: Setting, **options: Any) -> list[Row]:
    path = Path(setting.work) / f"{part.__name__}-{len(list(Path(setting.work).iterdir()))}.jsonl"
    part(setting, RowWriter(part.__name__, path), **options)
    return read_rows(path)


def statuses(rows: list[Row]) -> dict[str, str]:
    return {row.what: row.status for row in rows}


def test_modules_agree_with_themselves_and_a_perturbed_kernel_is_found(setting: Setting) -> None:
    good = rows_of(kernels.modules, setting, theirs=fla_cpu)
    assert len(good) == 12
    assert set(statuses(good).values()) == {"passed"}

    def off(x: Any, *rest: Any, **options: Any) -> Any:
        return fla_cpu.l2norm(x, *rest, **options) * 1.05

    perturbed = SimpleNamespace(**{name: getattr(fla_cpu, name) for name in fla_cpu.__all__})
    perturbed.l2norm = off
    bad = rows_of(kernels.modules, setting, theirs=perturbed)
    assert {what for what, status in statuses(bad).items() if status == "failed"} == {
        "l2norm fp32",
        "l2norm bf16",
    }


@pytest.mark.parametrize("name", ["NaN", "another shape", "another dtype", "another name", "another index"])
def test_what_cannot_be_compared_is_a_difference(name: str) -> None:
    ours = {"a": torch.ones(3), "i": torch.arange(3)}
    theirs = {
        "NaN": {**ours, "a": torch.full((3,), torch.nan)},
        "another shape": {**ours, "a": torch.ones(4)},
        "another dtype": {**ours, "a": torch.ones(3, dtype=torch.bfloat16)},
        "another name": {"b": ours["a"], "i": ours["i"]},
        "another index": {**ours, "i": torch.tensor([0, 1, 3])},
    }
    assert kernels.difference(ours, ours)[0] == 0
    assert kernels.difference(ours, theirs[name])[0] == float("inf")


@pytest.mark.parametrize("factor", [1.0, 1.2])
def test_baselines(setting: Setting, factor: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "BASELINES_IN_FLA", ("delta_net",))

    class Scaled(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = load_baseline("delta_net", backend="cpu").build(64, 2)

        def load_state_dict(self, state: Any, **_: Any) -> Any:
            return self.inner.load_state_dict(state)

        def forward(self, x: Any) -> Any:
            return self.inner(x)[0] * factor

    found = rows_of(kernels.baselines, setting, layer=lambda name: Scaled(), theirs=fla_cpu)
    assert [row.status for row in found] == ["passed" if factor == 1.0 else "failed"] * 2
    assert "bf16 itself costs" in found[1].detail


def test_a_program_runs_in_the_sandbox_and_one_that_is_refused_is_a_row(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = {"#1": trainings.PROGRAM, "#2": "import os\n"}
    monkeypatch.setattr(kernels, "released", lambda setting: sources)
    found = statuses(rows_of(kernels.programs, setting))
    assert list(found.values()) == ["not run", "passed", "failed"]
    missing = replace(setting, release=setting.work)
    monkeypatch.undo()
    assert [row.status for row in rows_of(kernels.programs, missing)] == ["not run"]


def test_a_difference_between_devices_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = kernels.run_program

    def off(source: str, **options: Any) -> Any:
        found = plain(source, **options)
        return {n: t * 1.5 for n, t in found.items()} if options.get("device") == "cpu" else found

    monkeypatch.setattr(kernels, "run_program", off)
    told = kernels.compare_devices({"source": trainings.PROGRAM, "device": "cpu"})
    assert all(worst > allowed for worst, allowed in told.values())


@pytest.mark.slow
def test_training_evaluation_and_speed(
    setting: Setting, gpt2: Any, made_up: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real trainings, one after another; then with what each of them must not accept."""
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(60):
        (texts / f"{number}.txt").write_text(f"Text {number} is about nothing. " * 40)
    build_corpus(CorpusSettings(source=str(texts)), 1, tmp_path / "corpus", tokenizer=gpt2)
    setting = replace(setting, corpus=str(tmp_path / "corpus"), items=str(made_up))
    bare = rows_of(trainings.bare, setting)
    inside = rows_of(trainings.sandboxed, setting)
    scored = rows_of(trainings.evaluation, setting)
    assert [row.status for row in [*bare, *inside, *scored]] == ["passed"] * 5, [*bare, *inside, *scored]
    assert "at most 0.0e+00 from the curve outside it" in inside[0].detail
    assert [row.facts["tier"] for row in scored][1] == "none"
    speeds = rows_of(trainings.speed, setting)
    assert speeds[0].status == "passed"
    assert speeds[1].facts["of_plain"] > 0

    fast = Speed(tokens_per_second=1e12, flops_per_second=1e12, parameters=1)
    monkeypatch.setattr(trainings, "plain_speed", lambda *_: fast)
    assert [row.status for row in rows_of(trainings.speed, setting)] == ["passed", "failed"]

    curve = read_curve(trainings._folder(setting, "bare", trainings.OWN))
    other = [point.model_copy(update={"loss": (point.loss or 0) + 1}) for point in curve]
    real = trainings.read_curve
    monkeypatch.setattr(trainings, "read_curve", lambda f: other if "bare" in str(f) else real(f))
    assert [row.status for row in rows_of(trainings.sandboxed, setting)] == ["failed"]


def test_without_a_model_there_is_nothing_to_evaluate(setting: Setting) -> None:
    assert [(row.status, row.detail) for row in rows_of(trainings.evaluation, setting)] == [
        ("not run", "no training left a model")
    ]


def test_scores_that_part_are_found(
    setting: Setting, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def scored(folder: Path, tasks: Any, *, sandbox: bool, **_: Any) -> Any:
        metric = SimpleNamespace(value=0.5)
        task = SimpleNamespace(metrics={"acc": metric}, main_metric="acc")
        perplexity = 20.0 if sandbox else 40.0
        return SimpleNamespace(
            tasks=[task], validation=SimpleNamespace(perplexity=perplexity), sandbox="bubblewrap"
        )

    trainings._folder(setting, "bare", trainings.OWN).mkdir(parents=True)
    monkeypatch.setattr(trainings, "evaluate_checkpoint", scored)
    monkeypatch.setattr(trainings, "_items", lambda s: tmp_path)
    monkeypatch.setattr(trainings, "_corpus", lambda s: SimpleNamespace(folder=tmp_path))
    assert [row.status for row in rows_of(trainings.evaluation, setting)] == ["passed", "failed"]


def test_parts_that_crash_or_hang_are_rows_and_the_others_go_on(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child = (
        "import sys, time, os\n"
        "part, setting, rows = sys.argv[1:]\n"
        'row = \'{"part": "%s", "what": "first", "status": "passed", "detail": "d"}\'\n'
        "open(rows, 'a').write(row % part + '\\n')\n"
        "if part == 'crashes': print('it broke'); os.abort()\n"
        "if part == 'hangs': time.sleep(600)\n"
    )
    (tmp_path / "child.py").write_text(child)
    monkeypatch.setattr(check, "_CHILD", (str(tmp_path / "child.py"),))
    parts = {"crashes": 60.0, "hangs": 5.0, "works": 60.0}
    found = list(run_parts(setting, HERE, parts))
    assert [(row.part, row.what, row.status) for row in found] == [
        ("crashes", "first", "passed"),
        ("crashes", "crashes", "failed"),
        ("hangs", "first", "passed"),
        ("hangs", "hangs", "failed"),
        ("works", "first", "passed"),
    ]
    assert "it broke" in found[1].detail
    assert "not finished within 5 s" in found[3].detail
    late = list(run_parts(setting, HERE, parts, seconds=0.5))
    assert {row.status for row in late} == {"not run"}


def test_all_parts_fit_eight_minutes() -> None:
    assert sum(check.PARTS.values()) <= 480
    assert check.SECONDS <= 480


def test_a_machine_without_cuda_says_so_and_the_report_holds_it(tmp_path: Path) -> None:
    machine = Machine({"card": "none", "torch": "2"}, "torch finds no CUDA device on this machine")
    rows = list(run_parts(Setting(str(ROOT), ""), machine))
    assert [row.part for row in rows] == list(check.PARTS)
    assert {(row.status, row.detail) for row in rows} == {("not run", machine.missing)}
    text = write_report(tmp_path, machine, rows).read_text()
    assert text.startswith("asi-repro doctor --gpu\ncard: none\ntorch: 2\n")
    assert f"0 passed, 0 failed, {len(check.PARTS)} not run" in text
    assert all(line_of(row) in text for row in rows)
    assert json.loads((tmp_path / "report.json").read_text())["counts"]["not run"] == len(check.PARTS)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA here")
def test_the_command(tmp_path: Path) -> None:
    """In a project of its own; nothing failed, so the exit status is 0. The real child of one part, too."""
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())
    (tmp_path / "dvc.yaml").write_bytes((ROOT / "dvc.yaml").read_bytes())
    code = "import sys; from asi_repro.cli import main; sys.argv[0] = 'asi-repro'; main()"
    environment = {
        "PATH": "/usr/bin:/bin",
        "ASI_REPRO_HOME": str(tmp_path),
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
    }
    done = subprocess.run(
        [sys.executable, "-c", code, "doctor", "--gpu"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "not run  modules" in done.stdout
    assert "no CUDA device" in (tmp_path / "artifacts" / "gpu" / "report.txt").read_text()
    found = list(run_parts(Setting(str(tmp_path), "", **TINY), HERE, {"modules": 120.0}))
    assert [(row.what, row.status) for row in found] == [("fla's kernels", "not run")]
