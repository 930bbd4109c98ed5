"""When two programs are the same program: their syntax trees agree up to comments, docstrings, annotations
and the names they chose themselves.

A constant, an operator or an order of statements that differs makes another program. The rule is strict in
that direction: it misses a duplicate rather than reject a new idea.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence

from asi_repro.errors import DataError
from asi_repro.store.files import sha256_bytes

Programs = Callable[[Sequence[int]], Mapping[int, str]]
# Names with a meaning outside the program: what the release's interface and torch call by name.
_KEPT = frozenset({"DeltaNet", "forward", "extra_repr", "reset_parameters", "self"})


def fingerprint(source: str) -> str:
    """SHA-256 of the program's normalised syntax tree.

    Raises:
        DataError: where it does not parse.
    """
    try:
        tree = ast.parse(source)
        tree = _Normaliser(tree).visit(tree)
        return sha256_bytes(ast.dump(tree).encode())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f"line {error.lineno}" if isinstance(error, SyntaxError) else None
        raise DataError(f"the program does not parse: {error}", where=line) from error


class KnownPrograms:
    """Fingerprints of the programs that are there, each made once.

    Args:
        lookup: the programs of experiments by index; those that have none are left out.
    """

    def __init__(self, lookup: Programs) -> None:
        self._lookup = lookup
        self._prints: dict[int, str | None] = {}

    def duplicate_of(self, source: str, indices: Sequence[int]) -> int | None:
        """The smallest of `indices` whose program is this one; None where there is none.

        Raises:
            DataError: where `source` does not parse.
        """
        wanted = fingerprint(source)
        if new := [index for index in indices if index not in self._prints]:
            programs = self._lookup(new)
            self._prints |= {
                index: fingerprint(programs[index]) if index in programs else None for index in new
            }
        return next((index for index in sorted(indices) if self._prints[index] == wanted), None)


class _Normaliser(ast.NodeTransformer):
    """Renames what the program itself defines, in order of appearance; drops what never runs.

    Locals and attributes of `self` have a numbering each: `x.sum` is torch's whatever a local is called.
    """

    def __init__(self, tree: ast.AST) -> None:
        self._imported = _imported(tree)
        self._own = _bound_names(tree) - self._imported - _KEPT
        self._fields = _self_attributes(tree) - _KEPT
        # A name that a call passes by keyword may belong to a signature of the library: it stays.
        keywords = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
        self._own -= {name for name in keywords if name is not None}
        self._names: dict[str, str] = {}
        self._field_names: dict[str, str] = {}

    def visit_Name(self, node: ast.Name) -> ast.AST:
        node.id = self._name(node.id)
        return node

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if isinstance(node.value, ast.Name) and node.value.id == "self":
            node.attr = self._field(node.attr)
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.arg, node.annotation, node.type_comment = self._name(node.arg), None, None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if node.value is None:
            return None
        return self.visit(ast.Assign(targets=[node.target], value=node.value, lineno=node.lineno))  # type: ignore[no-any-return]

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant):
            return None  # a docstring, or a string used as a comment
        self.generic_visit(node)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._definition(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return self._definition(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.name = self._name(node.name)
        return self._body(node)

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST:
        # A method is reached through `self`, a function by its name.
        node.name = self._field(node.name) if node.name in self._fields else self._name(node.name)
        node.returns, node.type_comment = None, None
        return self._body(node)

    def _body(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node

    def _name(self, name: str) -> str:
        if name not in self._own:
            return name
        return self._names.setdefault(name, f"v{len(self._names)}")

    def _field(self, name: str) -> str:
        if name not in self._fields:
            return name
        return self._field_names.setdefault(name, f"f{len(self._field_names)}")


def _imported(tree: ast.AST) -> set[str]:
    return {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _bound_names(tree: ast.AST) -> set[str]:
    """Names of variables, arguments, functions and classes; methods that dunders name are left out."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
    return {name for name in found if not name.startswith("__")}


def _self_attributes(tree: ast.AST) -> set[str]:
    """Attributes that the program stores on `self`, and its classes' methods."""
    found = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            found |= {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
    return {name for name in found if not name.startswith("__")}
