"""What the syntax trees of programs say, read without running them."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from asi_repro.files import sha256_bytes


@dataclass(frozen=True)
class Call:
    """A call: its line, the name called, and whether it is a method (or a module's function)."""

    line: int
    name: str
    method: bool


@dataclass(frozen=True)
class Syntax:
    """The facts of one program.

    Attributes:
        digest: SHA-256 of the tree, the same for programs that differ in comments and layout only.
        calls: every call, in line order.
        identifiers: names of classes, functions and attributes, in lower case.
    """

    digest: str
    calls: tuple[Call, ...]
    identifiers: frozenset[str]


def read_syntax(source: str) -> Syntax | None:
    """The facts of a program, or None where it does not parse."""
    try:
        tree = ast.parse(source)
        digest = sha256_bytes(ast.dump(tree).encode("utf-8", "surrogatepass"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls: list[Call] = []
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            names.add(node.attr.lower())
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name.lower())
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                calls.append(Call(node.lineno, node.func.attr, True))
            elif isinstance(node.func, ast.Name):
                calls.append(Call(node.lineno, node.func.id, False))
    return Syntax(digest, tuple(sorted(calls, key=lambda call: call.line)), frozenset(names))
