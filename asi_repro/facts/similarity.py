"""How alike two programs are: the share of runs of tokens that they have in common."""

from __future__ import annotations

import ast
import io
import tokenize

import numpy as np

from asi_repro.facts.context import Vector
from asi_repro.verify.program_text import parsed

_LENGTH = 8  # tokens
_KINDS = (tokenize.NAME, tokenize.NUMBER, tokenize.OP)


class _WithoutFStrings(ast.NodeTransformer):
    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.Constant:
        return ast.Constant("")


def shingles(source: str) -> frozenset[tuple[str, ...]]:
    """Every run of eight names, numbers and operators, blind to comments, strings, parentheses and layout.

    Parentheses and f-strings are left out because Python's versions differ in where `ast.unparse` writes the
    first and in whether the second is one token. A program that does not parse has no runs.
    """
    tree = parsed(source)
    if tree is None:
        return frozenset()
    text = ast.unparse(_WithoutFStrings().visit(tree))
    tokens = [
        token.string
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type in _KINDS and token.string not in ("(", ")")
    ]
    return frozenset(tuple(tokens[k : k + _LENGTH]) for k in range(len(tokens) - _LENGTH + 1))


def similarities(sources: list[str]) -> Vector:
    """Jaccard similarity of every pair of programs, shape [programs, programs], 1 on the diagonal."""
    sets = [shingles(source) for source in sources]
    found = np.eye(len(sets))
    for i, first in enumerate(sets):
        for j in range(i):
            both = len(first & sets[j])
            union = len(first) + len(sets[j]) - both
            found[i, j] = found[j, i] = both / union if union else 0.0
    return found
