"""When two programs are the same: never where they compute something else."""

from __future__ import annotations

import ast

import pytest

from asi_repro.discover.novelty.fingerprint import KnownPrograms, fingerprint
from asi_repro.errors import DataError

PROGRAM = '''
"""A mixer."""
import torch
from torch import nn

class Gate(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width))  # per channel

    def shaped(self, x: torch.Tensor) -> torch.Tensor:
        """Scale it."""
        total = x.sum(dim=-1, keepdim=True)
        return self.scale * x / total

    def forward(self, x):
        return self.shaped(x)

class DeltaNet(nn.Module):
    def __init__(self, hidden_size: int = 64, **kwargs):
        super().__init__()
        self.gate = Gate(hidden_size)

    def forward(self, x, attention_mask=None, **kwargs):
        out: torch.Tensor = self.gate(x)
        return out + 0.5 * x, None, None
'''

SAME = {
    "other comments": ("  # per channel", ""),
    "another docstring": ('"""Scale it."""', '"""Something else."""'),
    "no docstring": ('        """Scale it."""\n', ""),
    "another local": ("total", "whole"),
    "another local that shadows a method of torch": ("total", "mean"),
    "another attribute": ("self.scale", "self.weights"),
    "another method": ("shaped", "scaled_by_total"),
    "another helper class": ("Gate", "Scaler"),
    "no annotation": (": torch.Tensor = self.gate", " = self.gate"),
    "another layout": (
        "return self.scale * x / total",
        "return (\n            self.scale * x / total\n        )",
    ),
}
OTHER = {
    "another constant": ("0.5 * x", "0.25 * x"),
    "another function of torch": ("x.sum(", "x.mean("),
    "another operator": ("out + 0.5", "out - 0.5"),
    "another axis": ("dim=-1", "dim=-2"),
    "another default": ("hidden_size: int = 64", "hidden_size: int = 128"),
    "another order of factors": ("self.scale * x / total", "x * self.scale / total"),
    "a statement more": ("        total =", "        x = x.float()\n        total ="),
    "swapped locals": ("return out + 0.5 * x", "return x + 0.5 * out"),
    "another name by keyword": ("hidden_size: int = 64, **kwargs", "hidden_size: int = 64, bias=1, **kwargs"),
}


@pytest.mark.parametrize("change", SAME, ids=str)
def test_a_program_told_otherwise_is_the_same(change: str) -> None:
    old, new = SAME[change]
    changed = PROGRAM.replace(old, new)
    assert changed != PROGRAM
    ast.parse(changed)
    assert fingerprint(changed) == fingerprint(PROGRAM)


@pytest.mark.parametrize("change", OTHER, ids=str)
def test_a_program_that_computes_something_else_is_another(change: str) -> None:
    old, new = OTHER[change]
    changed = PROGRAM.replace(old, new)
    assert changed != PROGRAM
    assert fingerprint(changed) != fingerprint(PROGRAM)


def test_a_field_and_a_method_of_torch_are_not_confused() -> None:
    first = "def f(x):\n    sum = x.sum()\n    return sum"
    second = "def f(x):\n    mean = x.mean()\n    return mean"
    assert fingerprint(first) != fingerprint(second)
    kept = "class A:\n    def f(self, x):\n        self.{0} = 1\n        return x.{0}() + self.{0}"
    assert fingerprint(kept.format("sum")) != fingerprint(kept.format("mean"))


def test_what_does_not_parse_says_where() -> None:
    with pytest.raises(DataError, match="does not parse"):
        fingerprint("x = (")
    with pytest.raises(DataError):
        fingerprint("x = " + "(" * 5000 + ")" * 5000)


def test_known_programs_are_read_once_and_the_smallest_index_is_named() -> None:
    renamed = PROGRAM.replace("total", "whole")
    asked: list[list[int]] = []
    stored = {3: PROGRAM, 1: "x = 1", 7: renamed}

    def lookup(indices):
        asked.append(sorted(indices))
        return {index: stored[index] for index in indices if index in stored}

    known = KnownPrograms(lookup)
    assert known.duplicate_of(renamed, [7, 3, 1, 9]) == 3
    assert known.duplicate_of("y = 2", [7, 3, 1, 9]) is None
    assert known.duplicate_of("y = 2", [7, 3, 1, 9, 4]) is None
    assert asked == [[1, 3, 7, 9], [4]]


def test_the_releases_programs_all_differ(release_archive) -> None:
    from asi_repro.archive.reader import Archive

    sources = [program.source for program in Archive(release_archive).programs()][:8]
    assert len({fingerprint(source) for source in sources}) == 8
