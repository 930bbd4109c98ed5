"""The imports of a program: what is bound, what is missing, what nobody uses, in isort's order."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from asi_repro.discover.operators.errors import NotLibraryForm


@dataclass(frozen=True, order=True)
class Binding:
    """One imported name.

    Attributes:
        module: imported from; for `import a.b as c` the module itself.
        name: imported from it, "" for the module itself.
        bound: the name in the program.
    """

    module: str
    name: str
    bound: str

    @property
    def target(self) -> str:
        """The dotted path of what is bound."""
        if not self.name and "." not in self.bound and self.module.split(".")[0] == self.bound:
            return self.bound
        return f"{self.module}.{self.name}" if self.name else self.module


def read_imports(node: ast.Import | ast.ImportFrom) -> list[Binding]:
    """What an import statement binds."""
    if isinstance(node, ast.Import):
        return [Binding(a.name, "", a.asname or a.name.split(".")[0]) for a in node.names]
    return [Binding("." * node.level + (node.module or ""), a.name, a.asname or a.name) for a in node.names]


def merged(own: Iterable[Binding], more: Iterable[Binding], text: str) -> list[Binding]:
    """`own` and those of `more` that it lacks, without names that `text` does not use.

    Raises:
        NotLibraryForm: where a name is bound to two things.
    """
    found: dict[str, Binding] = {}
    kept: list[Binding] = []
    for binding in (*own, *more):
        if binding.module == "__future__":
            if binding not in kept:
                kept.append(binding)
            continue
        if not re.search(rf"\b{re.escape(binding.bound)}\b", text):
            continue
        old = found.get(binding.bound)
        if old is None or (old.target == binding.target and old.bound == "torch" and old != binding):
            found[binding.bound] = binding
            if binding not in kept:
                kept.append(binding)
        elif old.target != binding.target:
            raise NotLibraryForm(
                f"{binding.bound} is {old.target} in one program and {binding.target} in the other",
                hint="cross programs that import alike",
            )
    return kept


def write_imports(bindings: Iterable[Binding]) -> str:
    """Import statements, formatted: future, standard library, others; each sorted."""
    sections: dict[int, list[Binding]] = {0: [], 1: [], 2: []}
    for binding in bindings:
        root = binding.module.split(".")[0]
        place = 0 if root == "__future__" else 1 if root in sys.stdlib_module_names else 2
        sections[place].append(binding)
    return "\n\n".join("\n".join(_section(found)) for found in sections.values() if found)


def _section(bindings: list[Binding]) -> list[str]:
    lines = []
    for one in sorted(b for b in bindings if not b.name):
        same = one.bound == one.module.split(".")[0]
        lines.append(f"import {one.module}" if same else f"import {one.module} as {one.bound}")
    for module in sorted({b.module for b in bindings if b.name}):
        plain = sorted((b for b in bindings if b.module == module and b.name), key=lambda b: _order(b.name))
        names = [b.name if b.name == b.bound else f"{b.name} as {b.bound}" for b in plain if b.name]
        line = f"from {module} import {', '.join(names)}"
        if len(line) > 110:
            body = "".join(f"    {name},\n" for name in names)
            line = f"from {module} import (\n{body})"
        lines.append(line)
    return lines


def _order(name: str) -> tuple[int, str]:
    """The order of isort within a statement: CONSTANTS, Classes, functions."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name
