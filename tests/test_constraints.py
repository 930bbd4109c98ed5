"""The pinned versions can be installed on every Python that the project says it runs on."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parent.parent
VERSIONS = ("3.10", "3.11", "3.12", "3.13")


def refused(pins: str, python: str) -> Iterator[str]:
    """Pins that apply to a version of Python and whose distribution, as installed here, does not run on it."""
    for line in pins.splitlines():
        if not line or line.startswith("#"):
            continue
        pin = Requirement(line)
        if pin.marker and not pin.marker.evaluate({"python_version": python}):
            continue
        for found in metadata.distributions(name=pin.name):
            needs = found.metadata.get("Requires-Python") or ""
            if found.version in pin.specifier and f"{python}.99" not in SpecifierSet(needs):
                yield f"{line} needs Python {needs}"


@pytest.mark.parametrize("python", VERSIONS)
def test_every_pin_runs_on_every_version(python):
    assert list(refused((ROOT / "constraints.txt").read_text(), python)) == []


def test_a_pin_that_needs_a_newer_python_is_found():
    (found,) = metadata.distributions(name="numpy")
    needs = found.metadata["Requires-Python"]
    assert "3.8.99" not in SpecifierSet(needs)
    pin = f"numpy=={found.version}"
    assert list(refused(f'# numbers\n{pin}\nnone==1\n{pin}; python_version > "3.9"\n', "3.8")) == [
        f"{pin} needs Python {needs}"
    ]
