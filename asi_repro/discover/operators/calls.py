"""Constructor calls as values: what a slot of a program's main class holds, read from and written to source.

`DeltaRule(hidden_size, num_heads, chunk=32, beta=SigmoidBeta(hidden_size, num_heads))` is a `Call` whose
argument `beta` is a `Call` again; every other argument stays the source text that it was.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

WIDTH = 110
INDENT = 4


@dataclass(frozen=True)
class Call:
    """A call of a class by its plain name.

    Attributes:
        name: the class.
        positional: source texts.
        keywords: (keyword, source text or call), in order.
    """

    name: str
    positional: tuple[str, ...] = ()
    keywords: tuple[tuple[str, str | Call], ...] = ()

    def get(self, key: str) -> str | Call | None:
        """The keyword's value; None where the call has no such keyword."""
        return dict(self.keywords).get(key)

    def with_keyword(self, key: str, value: str | Call) -> Call:
        """This call with one keyword's value replaced."""
        keywords = tuple((name, value if name == key else old) for name, old in self.keywords)
        return Call(self.name, self.positional, keywords)

    def renamed(self, names: dict[str, str]) -> Call:
        """This call with classes renamed, here and inside."""
        keywords = tuple((k, v.renamed(names) if isinstance(v, Call) else v) for k, v in self.keywords)
        return Call(names.get(self.name, self.name), self.positional, keywords)

    def classes(self) -> Iterator[str]:
        """The class and those of all calls inside."""
        yield self.name
        for _, value in self.keywords:
            if isinstance(value, Call):
                yield from value.classes()

    def __str__(self) -> str:
        keywords = (f"{key}={value}" for key, value in self.keywords)
        return f"{self.name}({', '.join((*self.positional, *keywords))})"


def read_call(node: ast.expr) -> Call | None:
    """The call that `node` is; None where it is anything else, or has starred arguments."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
        return None
    if any(isinstance(value, ast.Starred) for value in node.args):
        return None
    keywords: list[tuple[str, str | Call]] = []
    for keyword in node.keywords:
        if keyword.arg is None:
            return None
        # A lower-case call (len(self.paths)) is an expression like any other; classes are in CamelCase.
        inner = read_call(keyword.value)
        is_block = inner is not None and inner.name[:1].isupper()
        keywords.append((keyword.arg, inner if is_block and inner else _text(keyword.value)))
    return Call(node.func.id, tuple(map(_text, node.args)), tuple(keywords))


def write_call(call: Call, indent: int, *, before: str = "", after: str = "") -> list[str]:
    """The call as formatted lines, as `ruff format` lays them out at a line length of 110."""
    margin, line = " " * indent, f"{before}{call}{after}"
    if indent + len(line) <= WIDTH:
        return [margin + line]
    opening, closing = f"{margin}{before}{call.name}(", f"{margin}){after}"
    inside = str(call)[len(call.name) + 1 : -1]
    deeper = indent + INDENT
    if deeper + len(inside) <= WIDTH:
        return [opening, " " * deeper + inside, closing]
    lines = [" " * deeper + text + "," for text in call.positional]
    for key, value in call.keywords:
        if isinstance(value, Call):
            lines += write_call(value, deeper, before=f"{key}=", after=",")
        else:
            lines.append(f"{' ' * deeper}{key}={value},")
    return [opening, *lines, closing]


def write_list(calls: tuple[Call, ...], indent: int, *, before: str) -> list[str]:
    """`before` + nn.ModuleList of the calls, one element after another on lines of their own."""
    margin = " " * indent
    if not calls:
        return [f"{margin}{before}nn.ModuleList([])"]
    lines = [f"{margin}{before}nn.ModuleList(", f"{margin}    ["]
    for call in calls:
        lines += write_call(call, indent + 2 * INDENT, after=",")
    return [*lines, f"{margin}    ]", f"{margin})"]


def _text(node: ast.expr) -> str:
    text = ast.unparse(node)
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and '"' not in text:
        return '"' + text[1:-1] + '"'
    return text
