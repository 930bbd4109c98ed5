"""A program as source that can be edited: imports, top-level pieces, and the slots of its main class.

Nothing is executed. A piece that no edit names keeps its text to the letter.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

from asi_repro.discover.operators.calls import Call, read_call, write_call, write_list
from asi_repro.discover.operators.errors import NotLibraryForm
from asi_repro.discover.operators.imports import Binding, merged, read_imports, write_imports
from asi_repro.errors import DataError

MAIN = "DeltaNet"
SINGLE = ("stem", "fusion", "norm")
LISTS = ("paths", "stages")
SLOTS = ("stem", "paths", "fusion", "stages", "norm")
Definition = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
_WITH_DOCSTRING = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Piece:
    """One top-level statement with the comments above it.

    Attributes:
        text: without blank lines around it.
        names: what it defines or assigns.
        is_definition: a class or a function.
    """

    text: str
    names: tuple[str, ...]
    is_definition: bool

    @property
    def uses(self) -> frozenset[str]:
        """Every plain name that its code loads."""
        return _loaded(self.text)

    @property
    def normal(self) -> str:
        """Its syntax tree without docstrings, as text."""
        return normalised_ast(self.text)


@dataclass(frozen=True)
class Source:
    """A program.

    Attributes:
        docstring: its source, or "".
        imports: of its top level.
        pieces: everything else, in order.
    """

    docstring: str
    imports: tuple[Binding, ...]
    pieces: tuple[Piece, ...]

    @cached_property
    def text(self) -> str:
        """The program, formatted where it was and where edits wrote it."""
        parts = [self.docstring] if self.docstring else []
        if self.imports:
            parts.append(write_imports(self.imports))
        text = "\n\n".join(parts)
        before: Piece | None = None
        for piece in self.pieces:
            far = piece.is_definition or (before is not None and before.is_definition)
            text += ("\n\n\n" if far else "\n" if before is not None else "\n\n") if text else ""
            text += piece.text
            before = piece
        return text + "\n"

    @cached_property
    def defined(self) -> dict[str, Piece]:
        """Pieces by the names they define."""
        return {name: piece for piece in self.pieces for name in piece.names}

    @property
    def main(self) -> Piece:
        """The main class.

        Raises:
            NotLibraryForm: where there is none.
        """
        piece = self.defined.get(MAIN)
        if piece is None or not piece.is_definition:
            raise NotLibraryForm(f"the program defines no class {MAIN}", hint="name its mixer so")
        return piece

    @cached_property
    def slots(self) -> dict[str, tuple[Call, ...]]:
        """What each slot of the main class holds; one call for those that are no list.

        Raises:
            NotLibraryForm: where a slot is missing or is not written as a call or a list of calls.
        """
        found = _slot_statements(self.main.text)
        for name in SLOTS:
            if name not in found:
                raise NotLibraryForm(
                    f"the main class has no slot {name} in the library's form",
                    where=f"{MAIN}.__init__",
                    hint="only programs in the library's form have slots; others can be adopted whole",
                )
        return {name: found[name][1] for name in SLOTS}

    @property
    def is_library_form(self) -> bool:
        """Whether its slots can be edited."""
        try:
            return bool(self.slots)
        except NotLibraryForm:
            return False

    def with_slots(self, slots: Mapping[str, tuple[Call, ...]]) -> Source:
        """This program with slots rewritten; lines of slots that stay are not touched."""
        lines = self.main.text.split("\n")
        found = _slot_statements(self.main.text)
        changed = [name for name in slots if slots[name] != self.slots[name]]
        for name in sorted(changed, key=lambda n: -found[n][0].lineno):
            node = found[name][0]
            before = f"self.{name} = "
            if name in LISTS:
                new = write_list(slots[name], node.col_offset, before=before)
            else:
                new = write_call(slots[name][0], node.col_offset, before=before)
            lines[node.lineno - 1 : node.end_lineno] = new
        main = replace(self.main, text="\n".join(lines))
        return replace(self, pieces=tuple(main if p is self.main else p for p in self.pieces))

    def with_pieces(self, more: Iterable[Piece], imports: Iterable[Binding]) -> Source:
        """This program with definitions added before the main class.

        Raises:
            NotLibraryForm: where an import binds a name to something else.
        """
        at = self.pieces.index(self.main) if MAIN in self.defined else len(self.pieces)
        pieces = (*self.pieces[:at], *more, *self.pieces[at:])
        text = "\n".join(piece.text for piece in pieces)
        return replace(self, pieces=pieces, imports=tuple(merged(self.imports, imports, text)))

    def tidied(self) -> Source:
        """Without definitions and imports that the main class does not reach.

        Statements that define nothing stay.
        """
        needed = reach(self.defined, [MAIN])
        pieces = tuple(p for p in self.pieces if not p.names or any(name in needed for name in p.names))
        text = "\n".join(piece.text for piece in pieces)
        return replace(self, pieces=pieces, imports=tuple(merged(self.imports, (), text)))


@lru_cache(maxsize=256)
def read_source(text: str) -> Source:
    """Split a program into its pieces.

    Raises:
        DataError: where it does not parse.
    """
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError) as error:
        raise DataError(
            f"the program does not parse: {error}", hint="operators edit programs that Python can read"
        ) from error
    lines, at = text.split("\n"), 0
    docstring, imports, pieces = "", list[Binding](), list[Piece]()
    for number, node in enumerate(tree.body):
        end = node.end_lineno or node.lineno
        own = "\n".join(lines[at:end]).strip("\n")
        at = end
        if number == 0 and _is_docstring(node):
            docstring = own
        elif isinstance(node, ast.Import | ast.ImportFrom):
            imports += read_imports(node)
        elif not own and pieces:  # a second statement on the same line
            pieces[-1] = replace(pieces[-1], names=pieces[-1].names + _defines(node))
        else:
            pieces.append(Piece(own, _defines(node), isinstance(node, Definition)))
    return Source(docstring, tuple(imports), tuple(pieces))


def reach(defined: Mapping[str, Piece], roots: Iterable[str]) -> set[str]:
    """Names of `defined` that the roots need, and what those need; the roots included."""
    found: set[str] = set()
    waiting = [name for name in roots if name in defined]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [other for other in sorted(defined[name].uses) if other in defined]
    return found


def renamed(text: str, names: Mapping[str, str]) -> str:
    """Source with plain names replaced; attributes, keywords' text and strings stay."""
    lines, before = text.split("\n"), ""
    edits: list[tuple[int, int, int, str]] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME and token.string in names and before != ".":
            edits.append((token.start[0] - 1, token.start[1], token.end[1], names[token.string]))
        before = token.string
    for row, start, end, new in reversed(edits):
        lines[row] = lines[row][:start] + new + lines[row][end:]
    return "\n".join(lines)


# Programs share most of their pieces, so each text is read once.
@lru_cache(maxsize=8192)
def normalised_ast(text: str) -> str:
    """The syntax tree without docstrings, comments and layout, its statements in order of their text."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, _WITH_DOCSTRING) and node.body and _is_docstring(node.body[0]):
            node.body = node.body[1:]
    return "\n".join(sorted(ast.dump(node, annotate_fields=False) for node in tree.body))


def with_docstring(text: str, sentence: str) -> str:
    """A class's source with its docstring's line replaced; as it is where it has none of one line."""
    return re.sub(r'(?<=\n)    """[^"\n]*"""(?=\n)', lambda _: f'    """{sentence}"""', text, count=1)


@lru_cache(maxsize=8192)
def _loaded(text: str) -> frozenset[str]:
    """Every plain name that code loads."""
    nodes = ast.walk(ast.parse(text))
    return frozenset(n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _is_docstring(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def _defines(node: ast.stmt) -> tuple[str, ...]:
    if isinstance(node, Definition):
        return (node.name,)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        if all(isinstance(target, ast.Name) for target in targets):
            return tuple(target.id for target in targets if isinstance(target, ast.Name))
    return ()


@lru_cache(maxsize=1024)
def _slot_statements(text: str) -> dict[str, tuple[ast.Assign, tuple[Call, ...]]]:
    """Slot by name: the statement of __init__ that sets it, and its calls."""
    main = ast.parse(text).body[0]
    assert isinstance(main, ast.ClassDef)
    found: dict[str, tuple[ast.Assign, tuple[Call, ...]]] = {}
    for method in main.body:
        if not isinstance(method, ast.FunctionDef) or method.name != "__init__":
            continue
        for node in method.body:
            name = _slot_name(node)
            if name is not None and isinstance(node, ast.Assign):
                calls = _calls(name, node.value)
                if calls is not None:
                    found[name] = (node, calls)
    return found


def _slot_name(node: ast.stmt) -> str | None:
    if not isinstance(node, ast.Assign) or len(node.targets) != 1:
        return None
    target = node.targets[0]
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        return target.attr if target.attr in SLOTS else None
    return None


def _calls(name: str, value: ast.expr) -> tuple[Call, ...] | None:
    """The calls of a slot; None where it is not written as the library writes it."""
    if name in SINGLE:
        call = read_call(value)
        return None if call is None else (call,)
    if not isinstance(value, ast.Call) or ast.unparse(value.func) != "nn.ModuleList" or len(value.args) != 1:
        return None
    elements = value.args[0].elts if isinstance(value.args[0], ast.List | ast.Tuple) else None
    calls = None if elements is None else [read_call(element) for element in elements]
    return None if calls is None or None in calls else tuple(call for call in calls if call is not None)
