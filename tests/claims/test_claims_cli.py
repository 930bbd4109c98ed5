"""`asi-repro claims` as a person and a program use it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from in_process import call

from asi_repro.archive.tables import Run, write_archive

ROOT = Path(__file__).resolve().parents[2]
EXPERIMENT = {"name": "n", "display_name": None, "score": 1.0, "in_gallery": False, "has_program": False}


@pytest.fixture(scope="module")
def project(release_archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the real archive and its ledger; few resamples, to be quick."""
    root = tmp_path_factory.mktemp("project")
    (root / "dvc.yaml").write_text("stages: {}\n")
    params = (ROOT / "params.yaml").read_text()
    assert "resamples: 10000" in params
    (root / "params.yaml").write_text(params.replace("resamples: 10000", "resamples: 200"))
    shutil.copytree(release_archive, root / "artifacts" / "archive")
    built = spawn(root, "build")
    assert built.returncode == 0, built.stderr
    return root


def run(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return call("claims", *words, ASI_REPRO_HOME=str(root), **environment)


def spawn(root: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "asi_repro.cli", "claims", *words],
        env={**os.environ, "ASI_REPRO_HOME": str(root), **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def test_check_writes_nothing_and_says_which_verdicts_differ(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "project"
    shutil.copytree(project, root)
    ledger = root / "artifacts/claims.json"
    assert "50 of 50 verdicts are those recorded" in run(root, "check").stdout
    changed = json.loads(ledger.read_text())
    claim = next(one for one in changed["claims"] if one["id"] == "components")
    assert claim["verdict"] != "reproduced"
    changed["summary"][claim["verdict"]] -= 1
    changed["summary"]["reproduced"] += 1
    claim["verdict"] = "reproduced"
    text = json.dumps(changed)
    ledger.write_text(text)
    said = run(root, "check").stdout
    assert "components: recorded as reproduced, now " in said
    assert "49 of 50 verdicts" in said
    assert ledger.read_text() == text


def parsed(root: Path, *words: str) -> list[dict[str, Any]]:
    done = run(root, *words, "--json")
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def test_the_list_is_the_ledgers(project: Path) -> None:
    entries = parsed(project)
    ledger = json.loads((project / "artifacts" / "claims.json").read_text())
    assert entries == ledger["claims"]
    for entry in entries:
        assert {"id", "verdict", "claimed", "found", "method", "evidence"} <= set(entry)


def test_one_claim_is_a_list_of_one(project: Path) -> None:
    (entry,) = parsed(project, "experiments")
    assert entry["claimed_figures"] == {"experiments": 1773}
    assert entry["found_figures"]["records"] == 1772
    gaps = next(e["rows"] for e in entry["evidence"] if "without a record" in e["what"])
    assert len(gaps) == entry["found_figures"]["missing_indices"] == 20


def test_building_again_gives_the_same_bytes(tmp_path: Path) -> None:
    few = (ROOT / "params.yaml").read_text().replace("resamples: 10000", "resamples: 200")
    (tmp_path / "params.yaml").write_text(few)
    archive = tmp_path / "artifacts" / "archive"
    write_archive(
        Run(experiments=[{**EXPERIMENT, "index": n, "parent": n - 1 or None} for n in (1, 2)]), archive
    )
    found = []
    for hash_seed in ("1", "2"):
        done = spawn(tmp_path, "build", PYTHONHASHSEED=hash_seed)
        assert done.returncode == 0, done.stderr
        found.append({file.name: file.read_bytes() for file in archive.parent.glob("claims*")})
    assert len(found[0]) == 4
    assert found[0] == found[1]


def test_every_claim_shows_in_a_table_and_in_depth(project: Path) -> None:
    shown = run(project, COLUMNS="100").stdout
    for entry in parsed(project):
        line = next(line for line in shown.splitlines() if line.startswith(entry["id"] + " "))
        assert entry["verdict"] in line
        assert entry["effect"] in line
        assert len(line) <= 100
    deep = run(project, "parent-policy").stdout
    for heading in ("where", "claimed", "found", "method", "criterion", "what would change it", "notes"):
        assert f"\n{heading}\n" in deep


@pytest.mark.parametrize("width", ["20", "60", "200"])
def test_no_width_is_exceeded(project: Path, width: str) -> None:
    for words in ((), ("scaling-law",)):
        done = run(project, *words, COLUMNS=width, NO_COLOR="1")
        assert done.returncode == 0, done.stderr
        assert "\x1b" not in done.stdout
        assert max(map(len, done.stdout.splitlines())) <= int(width)


def test_a_closed_pipe_is_no_failure_to_speak_of(project: Path) -> None:
    environment = {**os.environ, "ASI_REPRO_HOME": str(project)}
    command = f"{sys.executable} -m asi_repro.cli claims --json | head -c 10"
    done = subprocess.run(command, shell=True, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr


def test_an_unknown_claim(project: Path) -> None:
    done = run(project, "scaling")
    assert done.returncode == 5
    assert "scaling-law" in done.stderr
    assert done.stdout == ""


def test_without_a_ledger_one_error_says_what_to_run(tmp_path: Path) -> None:
    done = run(tmp_path)
    assert done.returncode == 4
    assert "dvc repro claims" in done.stderr


def test_without_an_archive_building_says_what_to_run(tmp_path: Path) -> None:
    shutil.copy(ROOT / "params.yaml", tmp_path)
    done = run(tmp_path, "build")
    assert done.returncode == 4
    assert "asi-repro pull" in done.stderr
    assert not (tmp_path / "artifacts" / "claims.json").exists()


def test_reading_claims_imports_nothing_heavy(project: Path) -> None:
    code = (
        "import sys; from asi_repro.cli import main; sys.argv = ['asi-repro', 'claims', '--json']\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('torch', 'numpy', 'scipy', 'pyarrow') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "ASI_REPRO_HOME": str(project)},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.stderr.strip().endswith("[]"), done.stderr


def test_building_imports_no_torch(project: Path) -> None:
    code = (
        "import sys; from asi_repro.claims.registry import checks; import asi_repro.claims.building\n"
        "checks(); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
