"""The command line stays light: what each verb imports, and how long it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ["torch", "transformers", "textual", "fla", "dvc", "matplotlib", "scipy", "pandas"]
PROBE = """
import sys
from asi_repro.cli import main
try:
    main()
finally:
    print("\\0" + " ".join(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def imported(*arguments: str) -> set[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.rpartition("\0")[2].split())


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_imports_only_the_command_line(option: str) -> None:
    found = imported(option)
    assert "typer" in found
    assert not found & {*HEAVY, "pyarrow", "pydantic", "numpy", "rich", "yaml"}


@pytest.mark.parametrize(
    "verb", [["list", "-n", "3"], ["show", "2"], ["lineage"], ["search", "gate"]], ids=str
)
def test_reading_imports_nothing_heavy(plain_archive: Path, verb: list[str]) -> None:
    found = imported(*verb, "--archive", str(plain_archive))
    assert "pyarrow" in found
    assert not found & {*HEAVY, "pydantic", "yaml", "jinja2", "jsonschema"}


@pytest.mark.parametrize(
    "verb", [["list"], ["show", "2"], ["lineage"], ["search", "x"], ["trace", "2"]], ids=" ".join
)
def test_reading_an_imported_run_imports_nothing_heavy(
    verb: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asi_repro.imports.folder import write_import
    from asi_repro.imports.formats import read_run

    nodes = [{"id": "a", "score": 1.0, "program": "x = 1\n"}, {"id": "b", "parents": ["a"], "score": 2.0}]
    header = {"format": "asi_repro.run/1", "direction": "maximize"}
    (tmp_path / "run.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [header, *nodes]))
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    write_import(read_run(tmp_path / "run.jsonl"), tmp_path / "artifacts" / "runs" / "mine")
    monkeypatch.setenv("ASI_REPRO_HOME", str(tmp_path))
    found = imported(*verb, "--run", "mine")
    assert "pyarrow" in found
    assert not found & {*HEAVY}


def test_plain_values_are_what_typer_would_make_of_them() -> None:
    import typer

    from asi_repro.cli import COMMANDS
    from asi_repro.cli.lazy import PlainValue

    words = ["", "0", "3", "8000", "70000", "-1", "x", "1.5", "a/b", "dot", "sweep", "²"]
    compared = 0
    for panel in COMMANDS.values():
        for name, lazy in panel.items():
            for parameter in lazy.load(name).params:
                if not hasattr(parameter, "_runtime_param"):
                    pytest.skip("this version of Typer makes no adapters")
                context = typer.Context(lazy.load(name))
                many = parameter.multiple or parameter.nargs == -1
                for value in [None, *((word,) if many else word for word in words)]:
                    found = []
                    for coercion in (PlainValue(), None):
                        parameter._runtime_param = coercion
                        try:
                            made = parameter.get_runtime_param().coerce(value, param=parameter, ctx=context)
                            found.append((type(made), made))
                        except Exception as error:
                            found.append((type(error), str(error)))
                    assert found[0] == found[1], (name, parameter.name, value)
                    compared += 1
    assert compared > 1000


def test_every_command_can_be_loaded_and_explains_itself() -> None:
    from typer.testing import CliRunner

    from asi_repro.cli import COMMANDS, app

    for panel in COMMANDS.values():
        for name in panel:
            done = CliRunner().invoke(app, [name, "--help"])
            assert done.exit_code == 0, (name, done.output, done.exception)
            assert "usage: " in done.output.lower()


def test_a_mistyped_command_gets_a_suggestion() -> None:
    from typer.testing import CliRunner

    from asi_repro.cli import app

    done = CliRunner().invoke(app, ["serch"])
    assert done.exit_code == 2
    assert "search" in done.output + done.stderr


def test_completion_lists_commands_without_loading_them() -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "_ASI_REPRO_COMPLETE": "complete_bash",
        "COMP_WORDS": "asi-repro l",
        "COMP_CWORD": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "asi_repro.cli"], capture_output=True, text=True, env=environment
    )
    assert done.stdout.split() == ["list", "lineage"]
