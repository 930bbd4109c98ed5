"""What can be said of a program's text before and while it is parsed."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import unicodedata
import warnings
from collections.abc import Iterator

from asi_repro.sandbox.allowlist import TextLimits
from asi_repro.sandbox.refusal import Refusal

_COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
# Format (bidirectional and zero-width ones), surrogates, private use, line and paragraph separators.
_BAD_CATEGORIES = frozenset({"Cf", "Cs", "Co", "Zl", "Zp"})
# Control characters that move a cursor, end a line for some readers only, or start an escape sequence.
# Others are left alone: one comment of the release holds U+0014.
_BAD_CONTROLS = frozenset("\x00\x07\x08\x0b\x0c\r\x0e\x0f\x1a\x1b\x1c\x1d\x1e\x1f\x7f") | frozenset(
    map(chr, range(0x80, 0xA0))
)
# The parser recurses into these, and a run of them is no program.
_CHAIN = re.compile(r"(?:(?:not|await|lambda)\b[\s:\\]*|[-+~(\[{][\s\\]*){100,}")


def check_text(source: str, limits: TextLimits) -> Iterator[Refusal]:
    """Refusals for size and characters. Nothing is parsed."""
    if not isinstance(source, str):
        yield Refusal(0, 0, "text", f"a program is text, not {type(source).__name__}")
        return
    if len(source) > limits.characters:
        reason = f"{len(source)} characters are over the limit of {limits.characters}"
        yield Refusal(0, 0, "size", reason)
        return
    lines = source.split("\n")
    if len(lines) > limits.lines:
        yield Refusal(limits.lines + 1, 1, "size", f"{len(lines)} lines are over the limit of {limits.lines}")
    for number, line in enumerate(lines, start=1):
        yield from _check_line(number, line, limits)
    if (chain := _CHAIN.search(source)) is not None:
        line_number = source.count("\n", 0, chain.start()) + 1
        yield Refusal(line_number, 1, "size", "a hundred operators or brackets in a row")


def parse(source: str) -> ast.Module | Refusal:
    """The program's tree, or why there is none. Text checks come first."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an odd escape in a string is no reason to fail
            return ast.parse(source)
    except SyntaxError as error:
        return Refusal(error.lineno or 0, error.offset or 0, "syntax", f"does not parse: {error.msg}")
    except (ValueError, RecursionError, MemoryError) as error:
        return Refusal(0, 0, "syntax", f"does not parse: {type(error).__name__}: {error}")


def check_identifiers(source: str) -> Iterator[Refusal]:
    """Refusals for names with letters outside ASCII, which can look like other names."""
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.NAME and not token.string.isascii():
                reason = f"a name with letters outside ASCII: {token.string[:60]!a}"
                yield Refusal(token.start[0], token.start[1] + 1, "text", reason)
    except (tokenize.TokenError, SyntaxError, ValueError, RecursionError) as error:
        yield Refusal(0, 0, "syntax", f"does not tokenize: {error}")


def check_shape(tree: ast.Module, limits: TextLimits) -> Iterator[Refusal]:
    """Refusals for trees too deep or too large, found without recursion."""
    level: list[ast.AST] = [tree]
    depth = nodes = 0
    while level:
        depth += 1
        nodes += len(level)
        if depth > limits.depth:
            line = getattr(level[0], "lineno", 0)
            yield Refusal(line, 1, "size", f"nested deeper than {limits.depth} levels")
            return
        if nodes > limits.nodes:
            yield Refusal(0, 0, "size", f"more than {limits.nodes} syntax nodes")
            return
        level = [child for node in level for child in ast.iter_child_nodes(node)]


def _check_line(number: int, line: str, limits: TextLimits) -> Iterator[Refusal]:
    if len(line) > limits.line_length:
        yield Refusal(
            number, limits.line_length + 1, "size", f"a line longer than {limits.line_length} characters"
        )
    if not line.isascii() or not line.isprintable():
        for column, character in enumerate(line.removesuffix("\r"), start=1):
            if character in _BAD_CONTROLS or unicodedata.category(character) in _BAD_CATEGORIES:
                reason = f"an invisible or control character, U+{ord(character):04X}"
                yield Refusal(number, column, "text", reason)
                break
    if number <= 2 and (cookie := _COOKIE.match(line)) and cookie[1].lower() not in ("utf-8", "utf8"):
        yield Refusal(number, 1, "text", f"declares the encoding {cookie[1][:40]}: a program is UTF-8")
