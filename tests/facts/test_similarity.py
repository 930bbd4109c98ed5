"""How alike two programs are, whichever version of Python asks."""

from __future__ import annotations

import pytest

from asi_repro.facts.similarity import shingles, similarities

# Python 3.10 writes the tuple of a subscript in parentheses; from 3.12 on, an f-string is several tokens.
PROGRAM = '''
def forward(x, n):  # a comment
    """A docstring of more than eight words, which is no name, number or operator."""
    y = x[:, None]
    return y * (n + 1), f"{x.shape[0]} of {n}"
'''
# fmt: off
TOKENS = ("def", "forward", "x", ",", "n", ":", "y", "=", "x", "[", ":", ",", "None", "]", "return", "y", "*", "n", "+",
          "1", ",")
# fmt: on


def test_tokens_are_the_same_in_every_version_of_python() -> None:
    assert shingles(PROGRAM) == {tuple(TOKENS[k : k + 8]) for k in range(len(TOKENS) - 7)}


def test_what_does_not_parse_is_like_nothing_else() -> None:
    assert shingles("def forward(") == frozenset()
    matrix = similarities([PROGRAM, PROGRAM.replace("# a comment", ""), "def forward("])
    assert matrix[0] == pytest.approx([1, 1, 0])
    assert matrix[2, 2] == 1
