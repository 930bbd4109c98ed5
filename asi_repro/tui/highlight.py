"""Python source as coloured lines, and what can be folded in it."""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from threading import Lock

from pygments.lexers.python import PythonLexer  # type: ignore[import-untyped]
from pygments.token import Token, _TokenType  # type: ignore[import-untyped]
from rich.style import Style
from rich.text import Text

from asi_repro.tui.widgets.text import safe_block

# CPython 3.11 raises SystemError where two threads make syntax trees at once, and `catch_warnings` is not
# made for threads either.
_PARSING = Lock()

# Longest kind first, as a token of a kind is one of the kinds above it too.
_KINDS: tuple[tuple[_TokenType, str], ...] = (
    (Token.Name.Function, "name"),
    (Token.Name.Class, "name"),
    (Token.Name.Decorator, "name"),
    (Token.Literal.String, "string"),
    (Token.Literal.Number, "number"),
    (Token.Keyword, "keyword"),
    (Token.Operator.Word, "keyword"),
    (Token.Comment, "comment"),
)


def highlight(source: str, styles: dict[str, Style]) -> list[Text]:
    """The lines of a program, safe to show.

    Args:
        source: Python, or anything else.
        styles: of name, string, number, keyword and comment.
    """
    text = safe_block(source)
    lines: list[Text] = [Text(no_wrap=True, end="")]
    plain, known = Style(), dict[_TokenType, Style]()
    # The lexer works with regular expressions only: nothing of the program is run.
    for kind, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
        if kind not in known:
            known[kind] = next((styles[name] for above, name in _KINDS if kind in above), plain)
        style = known[kind]
        for number, part in enumerate(value.split("\n")):
            if number:
                lines.append(Text(no_wrap=True, end=""))
            if part:
                lines[-1].append(part, style=style)
    return lines[:-1] if len(lines) > 1 and not lines[-1].plain else lines


@dataclass(frozen=True, slots=True)
class Fold:
    """A class or function: lines from `first` (its `def` line) to `last`, counted from 0."""

    first: int
    last: int
    name: str
    is_class: bool


def folds(source: str) -> list[Fold]:
    """What can be folded, in order; nothing where the program does not parse."""
    try:
        with _PARSING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return []
    found = [
        Fold(node.lineno - 1, (node.end_lineno or node.lineno) - 1, node.name, isinstance(node, ast.ClassDef))
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return sorted((f for f in found if f.last > f.first), key=lambda f: (f.first, -f.last))
