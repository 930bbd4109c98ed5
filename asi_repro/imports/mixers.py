"""Which programs of an imported run can be checked: token mixers. All others are text, and are never run."""

from __future__ import annotations

import ast

_MOST_CHARACTERS = 1_000_000


def is_token_mixer(source: str) -> bool:
    """Whether a program defines a class that derives from a torch module; found without running it."""
    if len(source) > _MOST_CHARACTERS:
        return False
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    return any(_name(base) == "Module" for found in classes for base in found.bases)


def _name(base: ast.expr) -> str:
    return base.attr if isinstance(base, ast.Attribute) else base.id if isinstance(base, ast.Name) else ""
