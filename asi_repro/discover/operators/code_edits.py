"""Operators that need no slots: they work on any program, and change code inside its definitions."""

from __future__ import annotations

import ast
from dataclasses import replace

from asi_repro.discover.operators.calls import Call
from asi_repro.discover.operators.catalogue import find_block
from asi_repro.discover.operators.describe import described, mechanism, snake
from asi_repro.discover.operators.draft import Context, Edit, draw_call, install, redescribed, rewritten
from asi_repro.discover.operators.errors import NothingToDo, NotLibraryForm
from asi_repro.discover.operators.imports import merged
from asi_repro.discover.operators.library import library, with_classes
from asi_repro.discover.operators.source import MAIN, Source, reach, renamed

# Elementwise, of one argument, near the identity for large inputs: one can stand for another anywhere.
ACTIVATIONS = {"silu": "SiLU", "gelu": "GELU", "relu": "ReLU", "softplus": "softplus", "elu": "ELU"}
ADOPTED = "ParentMixer"


def change_activation(source: Source, context: Context) -> Edit:
    """Another activation function in one place of a class; in blocks that are named after theirs, none."""
    places = []
    for piece in source.pieces:
        block = find_block(piece.names[0]) if piece.names else None
        if piece.is_definition and (block is None or block.kind != "feature"):
            places += [(piece, node) for node in ast.walk(ast.parse(piece.text)) if _is_activation(node)]
    if not places:
        raise NothingToDo
    piece, node = context.rng.choice(places)
    assert isinstance(node, ast.Attribute)
    assert node.end_col_offset is not None
    new = context.rng.choice([name for name in ACTIVATIONS if name != node.attr])
    lines = piece.text.split("\n")
    row, start, end = node.lineno - 1, node.col_offset, node.end_col_offset
    # Columns of the tree count bytes.
    line = lines[row].encode()
    lines[row] = (line[:start] + f"F.{new}".encode() + line[end:]).decode()
    if sum(one is piece for one, _ in places) == 1 and source.is_library_form:
        # The class's docstring says which activation it has.
        lines[1:3] = [text.replace(ACTIVATIONS[node.attr], ACTIVATIONS[new]) for text in lines[1:3]]
    changed = replace(piece, text="\n".join(lines))
    made = replace(source, pieces=tuple(changed if one is piece else one for one in source.pieces))
    sentence = f"In {piece.names[0]}, replaces the activation {ACTIVATIONS[node.attr]} by {ACTIVATIONS[new]}."
    return Edit(made, f"change_activation:{piece.names[0]}={new}", f"{new}_{snake(piece.names[0])}", sentence)


def adopt(source: Source, context: Context) -> Edit:
    """A program of another form, kept whole as one path, beside a path of the library.

    Raises:
        NotLibraryForm: where it has no main class, or binds a name of the library's imports otherwise.
    """
    if ADOPTED in source.defined:
        raise NotLibraryForm(f"the program defines {ADOPTED} already", hint="rename that class")
    assert source.main is not None
    pieces = tuple(
        replace(
            piece,
            text=renamed(piece.text, {MAIN: ADOPTED}),
            names=tuple(ADOPTED if name == MAIN else name for name in piece.names),
        )
        for piece in source.pieces
    )
    frame = library().defined[MAIN]
    needs = sorted(reach(library().defined, [MAIN]) - {MAIN})
    text = "\n".join(piece.text for piece in (*pieces, frame))
    held = replace(
        source, pieces=(*pieces, frame), imports=tuple(merged(source.imports, library().imports, text))
    )
    framed, names = with_classes(held, needs, library())
    main = replace(frame, text=renamed(frame.text, names))
    framed = replace(framed, pieces=tuple(main if MAIN in p.names else p for p in framed.pieces))
    framed, path = install(framed, Call("AdoptedPath", ("hidden_size", "num_heads")))
    inner = Call(ADOPTED, (), (("hidden_size", "hidden_size"), ("num_heads", "num_heads")))
    path = replace(path, keywords=(("mixer", inner),))
    framed, other = install(framed, draw_call("path", context))
    made = rewritten(framed, {"paths": (path, other)}, context)
    sentence = (
        f"Keeps the parent's mixer whole as one path and adds another: {described(other)}. "
        f"{mechanism(other)} The paths are combined by {described(made.slots['fusion'][0])}."
    )
    return Edit(redescribed(made), f"adopt:{other.name}", f"adopt_{snake(other.name)}", sentence)


def _is_activation(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "F"
        and node.attr in ACTIVATIONS
    )
