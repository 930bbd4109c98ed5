"""`asi-repro doctor` says which remotes would give damaged data unseen; the guide's commands are enough for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from checkouts import new_checkout

from asi_repro.doctor.storage import read_remotes, storage

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "storage.md"
CORE = "[core]\n    analytics = false\n    remote = mine\n"


def remote(name: str, url: str, more: str = "") -> str:
    return f"['remote \"{name}\"']\n    url = {url}\n{more}"


def write(root: Path, name: str, text: str) -> None:
    (root / ".dvc").mkdir(exist_ok=True)
    (root / ".dvc" / name).write_text(text)


def test_without_a_remote_nothing_is_amiss(tmp_path: Path) -> None:
    assert storage(tmp_path).status == "ok"
    write(tmp_path, "config", CORE)
    assert storage(tmp_path).status == "ok"


@pytest.mark.parametrize(
    ("text", "trusting"),
    [
        (remote("mine", "s3://b/x"), ["mine"]),
        (remote("mine", "s3://b/x", "    verify = false\n"), ["mine"]),
        (remote("mine", "s3://b/x", "    verify = true\n"), []),
        (remote("mine", "gdrive://x"), []),
        (remote("a", "ssh://h/x", "    verify = True\n") + remote("b c", "gs://b"), ["b c"]),
    ],
)
def test_remotes_that_trust(text: str, trusting: list[str], tmp_path: Path) -> None:
    write(tmp_path, "config", CORE + text)
    found = storage(tmp_path)
    assert found.status == ("gap" if trusting else "ok")
    assert found.facts["unverified"] == trusting
    assert all(f"dvc remote modify {name} verify true" in found.todo for name in trusting)


def test_the_local_configuration_counts(tmp_path: Path) -> None:
    write(tmp_path, "config", CORE + remote("mine", "s3://b/x"))
    write(tmp_path, "config.local", "['remote \"mine\"']\n    verify = true\n")
    assert read_remotes(tmp_path) == {"mine": {"url": "s3://b/x", "verify": "true"}}
    assert storage(tmp_path).status == "ok"


def test_a_configuration_that_is_none(tmp_path: Path) -> None:
    write(tmp_path, "config", "url = x\n")
    with pytest.raises(ValueError, match="no section headers"):
        storage(tmp_path)


@pytest.mark.slow
def test_the_commands_of_the_guide_satisfy_doctor(tmp_path: Path) -> None:
    """As DVC's own command line writes them, for every kind of remote that the guide shows."""
    text = GUIDE.read_text(encoding="utf-8")
    commands = re.findall(r"(?m)^\$ dvc (remote (?:add|modify) .*?)(?: +#.*)?$", text)
    assert len(commands) > 5
    made = new_checkout(tmp_path / "checkout", "")
    for command in commands:
        made.dvc(*command.replace("add -d", "add -f -d").split())
    found = storage(made.folder)
    assert (found.status, found.facts["remotes"]) == ("ok", ["mine"])
