"""Python source as coloured lines, and what can be folded in it."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
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


class Highlighted:
    """The lines of a program, safe to show, each coloured when it is first asked for.

    Args:
        source: Python, or anything else.
        styles: of name, string, number, keyword and comment.

    Attributes:
        plain: the lines without colours.
    """

    def __init__(self, source: str, styles: dict[str, Style]) -> None:
        text = safe_block(source).removeprefix("\ufeff")  # as the lexer does
        lines = text.split("\n")
        self.plain = lines[:-1] if len(lines) > 1 and not lines[-1] else lines
        self._styles = styles
        self._coloured: list[Text] = []
        self._coming = self._lines(text)

    def __len__(self) -> int:
        return len(self.plain)

    def line(self, number: int) -> Text:
        """A coloured line; a lexer reads from the start, so those before it are coloured too."""
        while len(self._coloured) <= number:
            # Whatever the lexer makes of a text, each of its lines is shown.
            plain = Text(self.plain[len(self._coloured)], no_wrap=True, end="")
            self._coloured.append(next(self._coming, plain))
        return self._coloured[number]

    def _lines(self, text: str) -> Iterator[Text]:
        line = Text(no_wrap=True, end="")
        plain, known = Style(), dict[_TokenType, Style]()
        # The lexer works with regular expressions only: nothing of the program is run.
        for kind, value in PythonLexer(stripnl=False, ensurenl=False).get_tokens(text):
            if kind not in known:
                known[kind] = next((self._styles[name] for above, name in _KINDS if kind in above), plain)
            first, *more = value.split("\n")
            line.append(first, style=known[kind])
            for part in more:
                yield line
                line = Text(no_wrap=True, end="").append(part, style=known[kind])
        yield line


@dataclass(frozen=True, slots=True)
class Fold:
    """A class or function: lines from `first` (its `def` line) to `last`, counted from 0."""

    first: int
    last: int
    name: str
    is_class: bool


def tree_of(source: str) -> ast.Module | None:
    """The syntax tree of a program, None where it does not parse; for any thread."""
    try:
        with _PARSING, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError, SystemError):
        return None


def folds(source: str) -> list[Fold]:
    """What can be folded, in order; nothing where the program does not parse."""
    if (tree := tree_of(source)) is None:
        return []
    found = [
        Fold(node.lineno - 1, (node.end_lineno or node.lineno) - 1, node.name, isinstance(node, ast.ClassDef))
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return sorted((f for f in found if f.last > f.first), key=lambda f: (f.first, -f.last))
