"""The hash of code in the keys of results."""

from __future__ import annotations

import pytest

from asi_repro.train.code import code_sha256, package_code

CODE = b'''"""Says what it is."""

def double(x):
    """Twice."""
    return 2 * x  # fast
'''


@pytest.mark.parametrize(
    "same",
    [
        CODE.replace(b"Twice.", b"Two times."),
        CODE.replace(b"  # fast", b""),
        CODE.replace(b"    ", b"  "),
        CODE + b"\n\n# the end\n",
        CODE.replace(b"return", b"# why\n    return"),
    ],
)
def test_words_and_layout_do_not_count(same):
    assert code_sha256(same) == code_sha256(CODE)


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace(b"2 * x", b"2 + x"),
        CODE.replace(b"2 * x", b'"a" * x'),
        CODE.replace(b"    return 2 * x", b"    pass\nreturn_ = 2"),
        CODE.replace(b"double", b"twice"),
    ],
)
def test_every_change_of_code_counts(other):
    assert code_sha256(other) != code_sha256(CODE)


def test_strings_that_are_values_count():
    assert code_sha256(b'x = "a"\n') != code_sha256(b'x = "b"\n')
    assert code_sha256(b'f(\n    "a",\n)\n') != code_sha256(b'f(\n    "b",\n)\n')


def test_the_packages_own_code_has_a_hash():
    assert package_code(["train/guards.py"]) != package_code(["train/loop.py"])
    assert len(package_code(["models", "evaluate"])) == 64
