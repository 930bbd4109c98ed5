"""Every reader, given a damaged file, gives a value or an error of ours, within bounds of time and memory.

The ordinary tests draw a few damages for the quick readers; `-m slow` draws many for all of them. What is
drawn is the same every time. A damage that once broke a reader has a test of its own in test_findings.py.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bounds import bounded
from heavy_readers import HEAVY
from hypothesis import HealthCheck, Phase, given, settings
from import_readers import IMPORTS
from more_readers import MORE
from mutations import Mutation, damaged
from readers import STAGES, Reader
from run_readers import RUNS

from asi_repro.errors import AsiReproError

READERS = STAGES | RUNS | MORE | IMPORTS | HEAVY
QUICK, MANY, MANY_HEAVY = 15, 1500, 60
# What git, Arrow and safetensors are given cannot be made smaller by hypothesis in useful time.
PHASES = (Phase.explicit, Phase.generate)


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readers")


def fuzz(name: str, home: Path, examples: int) -> tuple[int, int]:
    """How many damaged files were read as valid, and how many were refused."""
    reader: Reader = READERS[name]
    folder = home / name.replace(" ", "-")
    folder.mkdir(exist_ok=True)
    path = reader.make(folder)
    valid = path.read_bytes()
    reader.read(folder)  # it is valid
    read, refused = 0, 0

    @settings(
        max_examples=examples, derandomize=True, database=None, deadline=None, phases=PHASES,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(damaged(reader.kind))
    def check(mutation: Mutation) -> None:
        nonlocal read, refused
        data = mutation(valid)
        path.write_bytes(data)
        try:
            with bounded():
                reader.read(folder)
            read += 1
        except AsiReproError as error:
            refused += 1
            assert str(error).encode("utf-8", "strict")

    try:
        check()
    finally:
        path.write_bytes(valid)
    return read, refused


@pytest.mark.parametrize("name", [name for name, reader in READERS.items() if not reader.heavy])
def test_a_damaged_file_is_read_or_refused(name: str, homes: Path) -> None:
    _, refused = fuzz(name, homes, QUICK)
    assert refused, "no damage was noticed: is the file read at all?"


@pytest.mark.slow
@pytest.mark.parametrize("name", READERS)
def test_many_damaged_files_are_read_or_refused(name: str, homes: Path) -> None:
    examples = int(os.environ.get("ASI_REPRO_FUZZ", MANY_HEAVY if READERS[name].heavy else MANY))
    read, refused = fuzz(name, homes, examples)
    print(f"{name}: {read} read, {refused} refused")
    assert refused
