"""The rule that importing a program does nothing but define: no call, no loop, no assignment from either."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from asi_repro.sandbox.allowlist import AllowList
from asi_repro.sandbox.refusal import Refusal, at

_PLAIN = (
    ast.Constant,
    ast.Name,
    ast.Attribute,
    ast.Tuple,
    ast.List,
    ast.Set,
    ast.Dict,
    ast.Subscript,
    ast.Slice,
    ast.UnaryOp,
    ast.unaryop,
    ast.operator,
    ast.expr_context,
    ast.keyword,
    ast.Starred,
)
_SUMS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.BitOr)


def check_import_time(tree: ast.Module, allowed: AllowList) -> Iterator[Refusal]:
    """Refusals for whatever would run when the module is executed."""
    for statement in tree.body:
        yield from _statement(statement, allowed, in_class=False)


def dotted(node: ast.AST) -> str | None:
    """`a.b.c` for a name or a chain of attributes on one, else None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else None


def arguments_of(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> list[ast.arg]:
    """Every argument of a function, of whichever sort."""
    listed = function.args
    starred = [argument for argument in (listed.vararg, listed.kwarg) if argument is not None]
    return [*listed.posonlyargs, *listed.args, *listed.kwonlyargs, *starred]


def _statement(node: ast.stmt, allowed: AllowList, *, in_class: bool) -> Iterator[Refusal]:
    match node:
        case ast.FunctionDef():
            yield from _function(node, allowed)
        case ast.ClassDef():
            yield from _class(node, allowed)
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            pass
        case ast.Assign() | ast.AnnAssign():
            yield from _assignment(node, allowed)
        case ast.Import() | ast.ImportFrom() if not in_class:
            pass
        case ast.If(test=test, body=body, orelse=[]) if not in_class and _is_type_checking(test):
            for inner in body:
                if not isinstance(inner, ast.Import | ast.ImportFrom | ast.Pass):
                    yield at(inner, "import-time", "under TYPE_CHECKING only imports may stand")
        case _:
            place = "a class body" if in_class else "a module"
            reason = f"would run at import: {place} may only define, import and name constants"
            yield at(node, "import-time", f"{type(node).__name__} {reason}")


def _function(node: ast.FunctionDef, allowed: AllowList) -> Iterator[Refusal]:
    yield from _decorators(node, allowed)
    for default in (*node.args.defaults, *node.args.kw_defaults):
        if default is not None:
            yield from _plain(default, allowed, "a default value")
    for annotation in (node.returns, *(argument.annotation for argument in arguments_of(node))):
        if annotation is not None:
            yield from _plain(annotation, allowed, "an annotation", calls=False)


def _class(node: ast.ClassDef, allowed: AllowList) -> Iterator[Refusal]:
    yield from _decorators(node, allowed)
    if node.keywords:
        yield at(node, "import-time", "class keywords (metaclass and others) may not be used")
    for base in node.bases:
        if dotted(base.value if isinstance(base, ast.Subscript) else base) is None:
            yield at(base, "import-time", "a base class must be a name")
        yield from _plain(base, allowed, "a base class", calls=False)
    for statement in node.body:
        yield from _statement(statement, allowed, in_class=True)


def _assignment(node: ast.Assign | ast.AnnAssign, allowed: AllowList) -> Iterator[Refusal]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        if not isinstance(target, ast.Name):
            yield at(target, "import-time", "at import only plain names may be assigned")
    if isinstance(node, ast.AnnAssign):
        yield from _plain(node.annotation, allowed, "an annotation", calls=False)
    if node.value is not None:
        yield from _plain(node.value, allowed, "an assignment at import")


def _decorators(node: ast.FunctionDef | ast.ClassDef, allowed: AllowList) -> Iterator[Refusal]:
    for decorator in node.decorator_list:
        call = decorator if isinstance(decorator, ast.Call) else None
        name = dotted(call.func if call else decorator)
        accessor = name is not None and name.endswith((".setter", ".deleter")) and name.count(".") == 1
        if not accessor and name not in allowed.decorators:
            reason = f"the decorator {name or ast.unparse(decorator)[:60]} is not in the allow-list"
            yield at(decorator, "import-time", reason)
        if call is not None:
            for value in (*call.args, *(keyword.value for keyword in call.keywords)):
                yield from _plain(value, allowed, "a decorator's argument")


def _plain(node: ast.expr, allowed: AllowList, what: str, *, calls: bool = True) -> Iterator[Refusal]:
    """Refusals for anything in an expression that could run code or take long."""
    stack: list[ast.AST] = [node]
    while stack:
        current = stack.pop()
        if isinstance(current, ast.Lambda) and calls:
            continue  # its body runs later, and the other rules read it
        if isinstance(current, ast.Call) and calls and dotted(current.func) in allowed.import_time_calls:
            stack += [*current.args, *(keyword.value for keyword in current.keywords)]
            continue
        sum_of_plain = isinstance(current, ast.BinOp) and isinstance(current.op, _SUMS)
        if not sum_of_plain and not isinstance(current, _PLAIN):
            reason = f"{what} may only be a constant, not a {type(current).__name__}"
            yield at(current if hasattr(current, "lineno") else node, "import-time", reason)
            continue
        stack += ast.iter_child_nodes(current)


def _is_type_checking(test: ast.expr) -> bool:
    return dotted(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
