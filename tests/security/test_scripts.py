"""The secret scan finds what is planted, the bill of materials is the pins, the audit never passes unasked."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


scanning, auditing = script("secret_scan"), script("audit")

# Put together here, so that this file holds no key itself.
KEYS = {
    "anthropic": "sk-" + "ant-api03-" + "Zk3" * 12,
    "aws": "AK" + "IA" + "Z3" * 8,
    "github": "gh" + "p_" + "aB3" * 12,
    "hugging face": "h" + "f_" + "aB3" * 12,
    "private key": "-----BEGIN "
    + "RSA PRIVATE KEY-----\n"
    + "MIIEow" * 20
    + "\n-----END RSA PRIVATE KEY-----",
    "header": "author" + "ization: Bearer " + "c29tZQ" * 5,
    "address": "https://me:" + "hunter2hunter2" + "@example.invalid/x",
}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout with what looks like a secret at first sight, and is none."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "program.py").write_text(
        'token = key @ query.T  # sk-learn\napi_key = os.environ["ANTHROPIC_API_KEY"]\n'
        'url = f"https://me:{password}@host"\n"-----BEGIN PRIVATE KEY-----" in text\nsha = "'
        + "0a" * 32
        + '"\n'
    )
    (tmp_path / "artifacts" / "runs" / "one").mkdir(parents=True)
    (tmp_path / "traces").mkdir()
    track(tmp_path)
    return tmp_path


def track(folder: Path) -> None:
    subprocess.run(["git", "-C", str(folder), "add", "--all"], check=True)


def scan(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "secret_scan.py"), str(folder)],
        capture_output=True, text=True, env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_a_checkout_without_a_secret(checkout: Path) -> None:
    assert list(scanning.scan(checkout)) == []


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_key_in_a_tracked_file(key: str, checkout: Path) -> None:
    (checkout / "notes.md").write_text(f"one\ntwo\nuse {key}\n")
    track(checkout)
    [found] = scanning.scan(checkout)
    assert found.startswith("notes.md:3: looks like a secret: ")
    assert key[8:20] not in found


def test_a_key_in_a_record_a_trace_and_a_runs_repository_and_the_exit_status(checkout: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from asi_repro.archive.history.commits import Commit
    from asi_repro.discover.run.store import RunStore

    key = KEYS["anthropic"]
    (checkout / "artifacts/runs/one/llm.jsonl").write_text(json.dumps({"request": {"x": f"a\n{key}"}}) + "\n")
    pq.write_table(
        pa.table({"n": [1, 2], "output.value": ["fine", f"it is {key}"]}), checkout / "traces/one.parquet"
    )
    store = RunStore(checkout / "artifacts/runs/one/run.git")
    store.create()
    store.add(Commit(1, {"program.py": f"# {key}\n".encode()}, b"One\n", None))
    ran = scan(checkout)
    assert ran.returncode == 1
    places = [line.split(": looks")[0] for line in ran.stdout.splitlines()]
    assert places[0] == "artifacts/runs/one/llm.jsonl:1"
    assert places[1] == "traces/one.parquet, column output.value:2"
    assert re.fullmatch(r"artifacts/runs/one/run\.git, [0-9a-f]{12}:1", places[2])
    assert len(places) == 3
    assert key not in ran.stdout + ran.stderr


def test_the_value_of_a_secret_variable_counts_too(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "correct-" + "Horse-7-battery"
    monkeypatch.setenv("SOME_API_KEY", secret)
    (checkout / "notes.md").write_text(f"it is {secret}")
    track(checkout)
    assert len(list(scanning.scan(checkout))) == 1


def test_what_is_no_checkout(tmp_path: Path) -> None:
    ran = scan(tmp_path)
    assert ran.returncode == 2
    assert "cannot read" in ran.stderr


@pytest.mark.parametrize("before", ["\\n", "\\t", "\\u00e9", "\\\\n"])
@pytest.mark.parametrize("key", ["anthropic", "aws", "github", "hugging face"])
def test_a_key_after_an_escape_is_found_and_scrubbed(before: str, key: str) -> None:
    """In JSON inside a text, the letter of an escape stands before the key."""
    from asi_repro.traces.scrub import find_secrets, scrub

    text = f'{{"log": "failed{before}{KEYS[key]}"}}'
    assert [found for _, found in find_secrets(text)] == [KEYS[key]]
    assert KEYS[key] not in scrub(text)


@pytest.mark.slow  # CI runs the script itself
def test_this_checkout_has_none() -> None:
    assert list(scanning.scan(ROOT)) == []


# The audit


def test_an_audit_that_nobody_answers_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The real pip-audit, with a proxy at which nobody listens."""
    pytest.importorskip("pip_audit")
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setattr(sys, "argv", ["audit.py"])
    assert auditing.main() == 0
    assert capsys.readouterr().out == auditing.NOT_AUDITED + "\n"


SAID = {
    "a mirror without advisories": ({"name": "a", "skip_reason": "not found"}, 0, "not audited: no advisory service"),
    "nothing known": ({"name": "a", "version": "1", "vulns": []}, 0, "audited 1 of 1 packages with pypi: 0 with"),
    "a vulnerability": (
        {"name": "a", "version": "1", "vulns": [{"id": "GHSA-1", "fix_versions": ["2"]}]}, 1, "a 1: GHSA-1 (fixed in: 2)",
    ),
}  # fmt: skip


@pytest.mark.parametrize("said", SAID.values(), ids=SAID)
def test_what_the_service_says(
    said: tuple[dict, int, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answer, status, text = said
    monkeypatch.setattr(auditing, "ask", lambda path, service: [answer])
    monkeypatch.setattr(sys, "argv", ["audit.py"])
    assert auditing.main() == status
    assert text in capsys.readouterr().out


def test_an_audit_that_fails_otherwise_is_no_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["audit.py", str(tmp_path / "not-there.txt")])
    assert auditing.main() == 2
    (tmp_path / "empty.txt").write_text("# nothing\n")
    monkeypatch.setattr(sys, "argv", ["audit.py", str(tmp_path / "empty.txt")])
    assert auditing.main() == 2


# The bill of materials


def test_the_bill_is_the_pins_valid_and_the_same_every_time(tmp_path: Path) -> None:
    pytest.importorskip("cyclonedx")
    making = script("make_sbom")
    text = making.bill()
    assert text == making.bill()
    made = json.loads(text)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert "timestamp" not in text
    lines = (ROOT / "constraints.txt").read_text() + (ROOT / "data-packages.txt").read_text()
    pinned = re.findall(r"(?m)^[A-Za-z0-9._-]+==[^\s;#]+", lines)
    assert len(made["components"]) == len(set(pinned))
    torch = next(part for part in made["components"] if part["name"] == "torch")
    assert f"torch=={torch['version']}" in pinned
    assert torch["purl"] == f"pkg:pypi/torch@{torch['version']}"
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
