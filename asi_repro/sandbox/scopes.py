"""Who binds a name: which names are modules, which a function's own, which attributes a program defines."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from asi_repro.sandbox.allowlist import AllowList, allow_list
from asi_repro.sandbox.import_time import arguments_of

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Names:
    """Names of one program, resolved without running it.

    A name counts as a function's own only where that function (or one around it) binds it by an argument,
    assignment, loop or comprehension, and never by an import. Module and class level do not count: there an
    unbound name falls back to the built-in one.

    Attributes:
        own: attribute names that the program itself defines or assigns.
        nodes: every node of the tree.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._imported: dict[str, set[str]] = {}
        self._local: set[int] = set()
        self._bases: set[int] = set()
        self._called: set[int] = set()
        self.own: set[str] = {"_parameters", "_buffers", "_modules"}
        self.nodes = list(ast.walk(tree))
        for node in self.nodes:
            self._collect(node)
        self._scan(tree, frozenset())

    def module_of(self, node: ast.expr, allowed: AllowList) -> str | None:
        """The module that an expression stands for, if an import made it one."""
        if isinstance(node, ast.Name):
            if id(node) in self._local:
                return None
            return next(iter(sorted(self._imported.get(node.id, ()))), None)
        if isinstance(node, ast.Attribute):
            parent = self.module_of(node.value, allowed)
            name = f"{parent}.{node.attr}"
            return name if parent is not None and name in allowed.modules else None
        return None

    def is_local(self, node: ast.Name) -> bool:
        """Whether a function binds this name, so that it cannot be a module or a built-in."""
        return id(node) in self._local

    def is_base(self, node: ast.expr) -> bool:
        """Whether the expression is only the left side of a dot."""
        return id(node) in self._bases

    def is_called(self, node: ast.expr) -> bool:
        """Whether the expression is what a call calls."""
        return id(node) in self._called

    def _collect(self, node: ast.AST) -> None:
        match node:
            case ast.Import():
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    module = alias.name if alias.asname else name
                    self._imported.setdefault(name, set()).add(module)
            case ast.ImportFrom():
                for alias in node.names:
                    self._from(node.module or "", alias)
            case ast.Attribute():
                self._bases.add(id(node.value))
                if isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
                    self.own.add(node.attr)
            case ast.Call():
                self._called.add(id(node.func))
                self._registered(node)
            case ast.FunctionDef() | ast.ClassDef():
                self.own.add(node.name)
            case ast.Name(ctx=ast.Store()):
                self.own.add(node.id)

    def _from(self, module: str, alias: ast.alias) -> None:
        full = f"{module}.{alias.name}"
        if full in allow_list().modules and alias.name not in allow_list().modules.get(module, ()):
            self._imported.setdefault(alias.asname or alias.name, set()).add(full)

    def _registered(self, node: ast.Call) -> None:
        """Names given to `register_buffer`, `register_parameter`, `add_module` and `setattr` as literals."""
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in ("register_buffer", "register_parameter", "add_module", "setattr"):
            literals = [argument.value for argument in node.args[:2] if isinstance(argument, ast.Constant)]
            self.own.update(v for v in literals if isinstance(v, str) and not v.startswith("__"))

    def _scan(self, node: ast.AST, bound: frozenset[str]) -> None:
        if isinstance(node, ast.Name) and node.id in bound:
            self._local.add(id(node))
        if isinstance(node, _Function):
            self._scan_function(node, bound)
        elif isinstance(node, _Comprehension):
            self._scan_comprehension(node, bound)
        elif isinstance(node, ast.ClassDef):
            self._scan_class(node, bound)
        else:
            for child in ast.iter_child_nodes(node):
                self._scan(child, bound)

    def _scan_function(self, node: _Function, bound: frozenset[str]) -> None:
        nodes = _own_nodes(node)
        inner = (bound | _bindings(node, nodes)) - _escaping(nodes)
        body = node.body if isinstance(node.body, list) else [node.body]
        inside = {id(statement) for statement in body}
        for child in ast.iter_child_nodes(node):
            # Defaults, annotations and decorators belong to the scope around the function.
            self._scan(child, inner if id(child) in inside else bound)

    def _scan_class(self, node: ast.ClassDef, bound: frozenset[str]) -> None:
        # A name that a class body binds is looked up there, then in the module and the built-ins, past the
        # function around the class: so that function's binding of it protects nothing.
        body: list[ast.AST] = list(node.body)
        own = {n.id for n in _reachable(body) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        own |= {n.name for n in body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        inside = {id(statement) for statement in body}
        for child in ast.iter_child_nodes(node):
            self._scan(child, bound - own if id(child) in inside else bound)

    def _scan_comprehension(self, node: _Comprehension, bound: frozenset[str]) -> None:
        first = node.generators[0]
        self._scan(first.iter, bound)
        inner = bound | {name for generator in node.generators for name in _targets(generator.target)}
        for child in ast.iter_child_nodes(node):
            if child is not first:
                self._scan(child, inner)
        self._scan(first.target, inner)
        for condition in first.ifs:
            self._scan(condition, inner)


def _bindings(function: _Function, nodes: list[ast.AST]) -> frozenset[str]:
    names = {argument.arg for argument in arguments_of(function)}
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.ExceptHandler | ast.FunctionDef | ast.ClassDef) and node.name:
            names.add(node.name)
    return frozenset(names)


def _escaping(nodes: list[ast.AST]) -> frozenset[str]:
    """Names that the function imports or declares global: whatever else binds them, they may be modules."""
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Global):
            names.update(node.names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
    return frozenset(names)


def _own_nodes(function: _Function) -> list[ast.AST]:
    """Nodes of a function's body that are not inside a function, class or comprehension of its own."""
    return _reachable(function.body if isinstance(function.body, list) else [function.body])


def _reachable(roots: Sequence[ast.AST]) -> list[ast.AST]:
    found: list[ast.AST] = []
    stack = list(roots)
    while stack:
        node = stack.pop()
        found.append(node)
        if not isinstance(node, (_Function, _Comprehension, ast.ClassDef)):
            stack += ast.iter_child_nodes(node)
    return found


def _targets(target: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(target) if isinstance(node, ast.Name)}
