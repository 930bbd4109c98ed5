"""The verbs `verify` and `certificate` as a person calls them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from in_process import call

from asi_repro.archive.reader import Archive
from tests.verify.conftest import planted


def cli(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "asi_repro.cli", *words], capture_output=True, text=True)


@pytest.fixture
def made(archive_of: Callable[..., Archive], tmp_path: Path) -> tuple[str, ...]:
    """Options that name an archive with one planted program and the folder of its certificate."""
    archive = archive_of(planted("dead_gate"))
    options = ("--certificates", str(tmp_path / "artifacts" / "certificates"))
    (program,) = archive.programs()
    done = cli("verify", str(program.index), "--archive", str(archive.folder), *options, "--json")
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["made"] == counts["architectures"] == 1
    assert counts["rows"]["dead_parameters"] == {"pass": 0, "fail": 1, "not_run": 0}
    beside = {path.name for path in (tmp_path / "artifacts").iterdir()}
    assert beside == {"certificates", "verify-metrics.json", "verify-timings.json"}
    return (program.name, *options)


def test_a_certificate_as_json_and_as_markdown(made: tuple[str, ...]) -> None:
    name, *options = made
    data = json.loads(call("certificate", name, "--json", *options).stdout)
    assert data["name"] == name
    rows = {row["check"]: row for row in data["checks"]}
    assert {"check", "verdict", "value", "threshold"} <= set(rows["dead_parameters"])
    assert rows["dead_parameters"]["verdict"] == "fail"
    assert set(rows["dead_parameters"]["detail"]["dead"]) == {"cut", "unused.bias", "unused.weight"}
    assert rows["dead_parameters"]["detail"]["dead"]["cut"]["output_depends_on_it"] is True
    assert rows["dead_parameters"]["detail"]["dead"]["unused.bias"]["output_depends_on_it"] is False
    assert json.loads(call("certificate", "--all", "--json", *options).stdout) == [data]

    text = call("certificate", name, *options).stdout
    assert "| dead_parameters | **fail** | 3 |" in text
    assert "dead_parameters" in call("certificate", "--all", *options).stdout


def test_counts_of_all_programs_are_not_replaced_by_those_of_a_few(
    archive_of: Callable[..., Archive], tmp_path: Path
) -> None:
    archive = archive_of(planted("dead_gate"), planted("dead_gate") + "# another\n")
    options = ("--archive", str(archive.folder), "--certificates", str(tmp_path / "certificates"))
    counts = tmp_path / "verify-metrics.json"
    first, second = (str(program.index) for program in archive.programs())
    assert cli("verify", first, *options).returncode == 0
    assert not counts.exists()
    assert cli("verify", second, *options).returncode == 0
    assert json.loads(counts.read_text())["architectures"] == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("certificate",), "name an architecture, or pass --all"),
        (("certificate", "x", "--all"), "name an architecture, or pass --all"),
        (("verify", "--archive", "ARCHIVE"), "name the architectures to check, or pass --all"),
        (("verify", "nothing_like_it", "--archive", "ARCHIVE"), "no experiment is called"),
        (("certificate", "x", "--certificates", "/nowhere"), "there are no certificates"),
    ],
)
def test_mistakes_are_named(words: tuple[str, ...], message: str, archive_of: Callable[..., Archive]) -> None:
    folder = str(archive_of(planted("dead_gate")).folder)
    done = call(*(folder if word == "ARCHIVE" else word for word in words))
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_never_has_the_certificates_of_the_release(
    made: tuple[str, ...],
    archive_of: Callable[..., Archive],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {}\n", encoding="utf-8")
    (tmp_path / "params.yaml").write_text("{}\n", encoding="utf-8")
    monkeypatch.setenv("ASI_REPRO_HOME", str(tmp_path))
    archive = archive_of(planted("dead_gate")).folder
    shutil.copytree(archive, tmp_path / "artifacts" / "runs" / "mine" / "archive")
    assert call("certificate", made[0]).returncode == 0, "the release has one"
    hint = "run `asi-repro verify --all --run mine`"
    for words, message in (
        (("certificate", "--all", "--run", "mine"), hint),
        (("certificate", made[0], "--run", "mine"), hint),
        (("list", "leak:yes", "--run", "mine"), hint),
        (("certificate", "--all", "--run", "another"), "there is no run called 'another'"),
    ):
        done = call(*words)
        assert done.returncode != 0, words
        assert message in done.stderr


def test_the_verbs_load_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; import asi_repro.verify.stage, asi_repro.verify.markdown, asi_repro.cli.verify, "
        "asi_repro.verify.checks.static; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
