"""Reading a program before it runs: what it imports, names and does at import.

A filter, not a wall. It refuses, with line and reason, what a token mixer has no use for, so that mistakes
and plain attacks stop here and the cost of a sandbox is spared. Python can be written so that no reading
tells what it does; a program that passes is still run only inside the sandbox.

The rules' data is `allowlist.yaml`. No torch here, and nothing of the program is executed.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

from asi_repro.sandbox.allowlist import AllowList, allow_list
from asi_repro.sandbox.import_time import check_import_time
from asi_repro.sandbox.refusal import ProgramRefused, Refusal, at
from asi_repro.sandbox.scopes import Names
from asi_repro.sandbox.source_text import check_identifiers, check_shape, check_text, parse

_BUILTINS = frozenset(dir(builtins)) | {"__builtins__", "__loader__", "__spec__", "__file__", "__path__"}
_BY_NAME = {"getattr": (2, 3), "setattr": (3, 3), "hasattr": (2, 2)}
_FORMAT_OF_DUNDER = re.compile(r"\{[^{}]*__")
_MAX_REFUSALS = 50


def check_program(source: str) -> list[Refusal]:
    """Every refusal of `source`, by line; an empty list lets it run (in the sandbox).

    Never raises for a program's sake, whatever its text. At most 50 refusals are returned.
    """
    allowed = allow_list()
    if refusals := list(check_text(source, allowed.limits))[:_MAX_REFUSALS]:
        return refusals
    tree = parse(source)
    if isinstance(tree, Refusal):
        return [tree]
    if refusals := list(check_shape(tree, allowed.limits)):
        return refusals
    found = {*check_identifiers(source), *check_import_time(tree, allowed), *_Reader(tree, allowed).read()}
    return sorted(found)[:_MAX_REFUSALS]


def require_safe(source: str) -> None:
    """Do nothing for a program that passes.

    Raises:
        ProgramRefused: with every refusal.
    """
    if refusals := check_program(source):
        raise ProgramRefused(refusals)


class _Reader:
    """One pass over a tree that has passed the bounds on its depth."""

    def __init__(self, tree: ast.Module, allowed: AllowList) -> None:
        self._allowed = allowed
        self._names = Names(tree)
        self._found: list[Refusal] = []

    def read(self) -> list[Refusal]:
        """All refusals of the rules on imports, names, attributes and calls."""
        for node in self._names.nodes:
            self._found += self._node(node)
        return self._found

    def _node(self, node: ast.AST) -> Iterator[Refusal]:
        match node:
            case ast.Import():
                yield from self._import(node)
            case ast.ImportFrom():
                yield from self._import_from(node)
            case ast.Attribute():
                yield from self._attribute(node)
            case ast.Name():
                yield from self._name(node)
            case ast.Call():
                yield from self._call(node)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield from self._definition(node, name)
            case _:
                yield from self._other(node)

    def _other(self, node: ast.AST) -> Iterator[Refusal]:
        match node:
            case ast.Constant(value=str() as text) if _FORMAT_OF_DUNDER.search(text):
                yield at(node, "dunder", "a format string that reaches a double-underscore name")
            case ast.AsyncFunctionDef() | ast.AsyncFor() | ast.AsyncWith() | ast.Await():
                yield at(node, "construct", "a program has no use for async code")
            case ast.Match():
                yield at(node, "construct", "match reads attributes by name and is not allowed")
            case (
                ast.arg(arg=name)
                | ast.keyword(arg=str() as name)
                | ast.alias(asname=str() as name)
                | ast.ExceptHandler(name=str() as name)
            ) if _is_dunder(name):
                yield self._dunder_variable(node, name)
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                yield from (self._dunder_variable(node, name) for name in names if _is_dunder(name))

    def _import(self, node: ast.Import) -> Iterator[Refusal]:
        for alias in node.names:
            if alias.name not in self._allowed.modules:
                yield at(node, "import", f"the module {alias.name} is not in the allow-list")

    def _import_from(self, node: ast.ImportFrom) -> Iterator[Refusal]:
        module = node.module or ""
        if node.level:
            yield at(node, "import", "relative imports are not allowed")
            return
        if module not in self._allowed.modules:
            yield at(node, "import", f"the module {module} is not in the allow-list")
            return
        for alias in node.names:
            if not self._module_has(module, alias.name):
                yield at(node, "import", f"{module}.{alias.name} is not in the allow-list")

    def _module_has(self, module: str, name: str) -> bool:
        return name in self._allowed.modules.get(module, ()) or f"{module}.{name}" in self._allowed.modules

    def _attribute(self, node: ast.Attribute) -> Iterator[Refusal]:
        yield from self._attribute_name(node, node.attr)
        module = self._names.module_of(node.value, self._allowed)
        if module is not None and not self._module_has(module, node.attr):
            yield at(node, "module-name", f"{module}.{node.attr} is not in the allow-list")
        submodule = self._names.module_of(node, self._allowed)
        if submodule is not None and not self._names.is_base(node):
            yield at(node, "module-name", f"the module {submodule} may only be used as {submodule}.name")

    def _attribute_name(self, node: ast.AST, name: str) -> Iterator[Refusal]:
        if _is_dunder(name):
            if name not in self._allowed.dunder_attributes:
                yield at(node, "dunder", f"the attribute {name} may not be used")
        elif name in self._allowed.forbidden_attributes:
            yield at(node, "attribute", f"the attribute {name} reaches files, memory or frames")
        elif name.startswith("_") and name not in self._names.own:
            yield at(node, "private", f"the private attribute {name} is not one that the program defines")

    def _name(self, node: ast.Name) -> Iterator[Refusal]:
        if self._names.is_local(node):
            if _is_dunder(node.id):
                yield self._dunder_variable(node, node.id)
            return
        if isinstance(node.ctx, ast.Load):
            module = self._names.module_of(node, self._allowed)
            if module is not None and not self._names.is_base(node):
                yield at(node, "module-name", f"the module {module} may only be used as {node.id}.name")
        if node.id in _BUILTINS and node.id not in self._allowed.builtins:
            if (node.id in _BY_NAME or node.id == "type") and self._names.is_called(node):
                return
            yield at(node, "builtin", f"the built-in {node.id} may not be used")
        elif _is_dunder(node.id) and node.id not in self._allowed.dunder_variables:
            yield self._dunder_variable(node, node.id)

    def _call(self, node: ast.Call) -> Iterator[Refusal]:
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name == "type" and (len(node.args) != 1 or node.keywords or isinstance(node.args[0], ast.Starred)):
            yield at(node, "builtin", "type may only be asked for the type of one value")
        if name not in _BY_NAME:
            return
        low, high = _BY_NAME[name]
        starred = any(isinstance(argument, ast.Starred) for argument in node.args)
        if node.keywords or starred or not low <= len(node.args) <= high:
            yield at(node, "getattr", f"{name} must be called with plain arguments")
            return
        literal = node.args[1]
        if not isinstance(literal, ast.Constant) or not isinstance(literal.value, str):
            yield at(node, "getattr", f"{name} may only be called with a literal name")
        elif name != "hasattr":
            yield from self._attribute_name(node, literal.value)

    def _definition(self, node: ast.AST, name: str) -> Iterator[Refusal]:
        if _is_dunder(name) and name not in self._allowed.dunder_methods:
            yield at(node, "dunder", f"a program may not define {name}")
        if name in _BY_NAME or name == "type":
            yield at(node, "builtin", f"a program may not redefine {name}")

    def _dunder_variable(self, node: ast.AST, name: str) -> Refusal:
        return at(node, "dunder", f"the name {name} may not be used")


def _is_dunder(name: str) -> bool:
    return name.startswith("__")


__all__ = ["ProgramRefused", "Refusal", "check_program", "require_safe"]
