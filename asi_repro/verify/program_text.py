"""What a program's text says about how to probe it: at which lengths, in which modes, in which processes.

Lengths are the usual ones and both sides of every constant in the program's own text: a program
that changes what it does at a size, a threshold or a chunk's width has to write that number down.
"""

from __future__ import annotations

import ast
import operator
import warnings
from collections.abc import Callable, Iterator
from functools import cache

# The training length, powers of two, multiples of 128 that are none, and lengths that are neither.
TRAINING_LENGTH = 2048
USUAL = (64, 128, 192, 256, 384, 512, 600, 1024, TRAINING_LENGTH)
SHORTEST, LONGEST = 3, 4097
MOST_CONSTANTS = 24
# A program that names none of these does the same in training as in eval mode.
GRAPH_WORDS = (
    "is_grad_enabled", "requires_grad", "grad_fn", "is_leaf", "Transformer", "__dict__", "vars", "_version",
)  # fmt: skip
TRAINING_WORDS = ("training", "ropout", "BatchNorm", "InstanceNorm", "rrelu", "RReLU", *GRAPH_WORDS)
HASHED = ("set", "frozenset", "hash", "id")
_FOLDED: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Mult: operator.mul,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.FloorDiv: operator.floordiv,
}
_LARGEST = 1 << 20


def parsed(source: str) -> ast.Module | None:
    """The syntax tree of a program, without what its odd escapes warn of; None where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


@cache
def constants(source: str) -> tuple[int, ...]:
    """Whole numbers between `SHORTEST` and `LONGEST` in a program's text, `2**11` and `1 << 11` included."""
    tree = parsed(source)
    if tree is None:
        return ()
    found = {value for node in ast.walk(tree) if (value := _value(node)) is not None}
    return tuple(sorted(value for value in found if SHORTEST <= value < LONGEST))


@cache
def around_constants(source: str) -> tuple[int, ...]:
    """Each constant and the lengths on both sides of it; of too many constants the largest."""
    kept = constants(source)[-MOST_CONSTANTS:]
    return tuple(sorted({length for value in kept for length in (value - 1, value, value + 1)} - {1}))


def probe_lengths(source: str) -> tuple[int, ...]:
    """The usual lengths and those around the text's constants, shortest first."""
    return tuple(sorted({*USUAL, *around_constants(source)}))


def trains_differently(source: str) -> bool:
    """Whether a name in the text can tell training from eval mode, or a graph from none."""
    return _names_one(source, TRAINING_WORDS)


def reads_graph(source: str) -> bool:
    """Whether a name in the text can tell a graph from none."""
    return _names_one(source, GRAPH_WORDS)


@cache
def _names_one(source: str, words: tuple[str, ...]) -> bool:
    tree = parsed(source)
    if tree is None:
        return True
    named = set(_names(tree))
    return not source or any(word in name for word in words for name in named)


@cache
def depends_on_hashes(source: str) -> bool:
    """Whether the text has what another hash seed or address may change: a set, `hash` or `id`."""
    tree = parsed(source)
    return tree is not None and any(
        isinstance(node, ast.Set | ast.SetComp)
        or (isinstance(node, ast.Name) and node.id in HASHED)
        or (isinstance(node, ast.Attribute) and node.attr == "__hash__")
        for node in ast.walk(tree)
    )


def _names(tree: ast.AST) -> Iterator[str]:
    """Names, attributes, imports and strings that are names; a keyword of a constructor says nothing."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield node.name
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value


def _value(node: ast.AST) -> int | None:
    """The whole number that an expression of constants is, or None."""
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, float) and value.is_integer() and abs(value) < _LARGEST:
            return int(value)
        return value if type(value) is int else None
    if not isinstance(node, ast.BinOp):
        return None
    left, right = _value(node.left), _value(node.right)
    if left is None or right is None or abs(left) > _LARGEST or abs(right) > _LARGEST:
        return None
    if isinstance(node.op, ast.Pow | ast.LShift):
        base = left if isinstance(node.op, ast.Pow) else 2
        factor = 1 if isinstance(node.op, ast.Pow) else left
        return factor * base**right if 0 <= right <= 20 and abs(base) <= 64 else None
    fold = _FOLDED.get(type(node.op))
    if fold is None or (fold is operator.floordiv and right == 0):
        return None
    return fold(left, right)
