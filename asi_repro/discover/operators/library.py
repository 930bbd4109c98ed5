"""The library's source code as text: the files of `blocks/`, read and never imported."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from asi_repro.discover.operators.imports import Binding
from asi_repro.discover.operators.source import (
    MAIN,
    Piece,
    Source,
    normalised_ast,
    reach,
    read_source,
    renamed,
)

FOLDER = Path(__file__).resolve().parent / "blocks"
# Definitions keep this order in a program, so that two programs with the same blocks read alike.
FILES = ("tools", "parts", "recurrences", "filters", "fusions", "stages", "main")
_OWN = "asi_repro."


@cache
def library() -> Source:
    """All of the library as one program."""
    imports, pieces = list[Binding](), list[Piece]()
    for name in FILES:
        source = read_source((FOLDER / f"{name}.py").read_text(encoding="utf-8"))
        imports += [b for b in source.imports if not b.module.startswith(_OWN) and b not in imports]
        pieces += source.pieces
    return Source("", tuple(imports), tuple(pieces))


@cache
def seed_program() -> str:
    """The first program of a run: plain DeltaNet (arXiv 2406.06484) in the library's form."""
    tidy = library().tidied()
    return Source('"""A causal token mixer."""', tidy.imports, tidy.pieces).text


def with_classes(program: Source, wanted: Iterable[str], donor: Source) -> tuple[Source, dict[str, str]]:
    """A program with classes of another, and all that they need.

    A definition that the program has with the same syntax tree is shared; one that differs comes in under
    another name.

    Args:
        program: what is added to.
        wanted: class names, as the donor has them.
        donor: a program, or the library.

    Returns:
        The program, and the new name of each definition that had to be renamed.

    Raises:
        NotLibraryForm: where an import of the donor binds a name to something else in the program.
    """
    have = program.defined
    needed = sorted(reach(donor.defined, wanted) - {MAIN})
    names = _new_names(have, donor.defined, needed)
    order = {name: place for place, piece in enumerate(donor.pieces) for name in piece.names}
    new: list[Piece] = []
    for name in sorted(needed, key=order.__getitem__):
        piece = donor.defined[name]
        if name not in names and name in have:
            continue
        text = renamed(piece.text, names)
        if all(text != other.text for other in new):
            own = tuple(names.get(other, other) for other in piece.names)
            new.append(Piece(text, own, piece.is_definition))
    return _ordered(program.with_pieces(new, donor.imports)), names


def _new_names(have: dict[str, Piece], donor: dict[str, Piece], needed: list[str]) -> dict[str, str]:
    """New names for what differs, and for all that uses what is renamed."""
    names: dict[str, str] = {}
    while True:
        changed = False
        for name in needed:
            if name in names or name not in have:
                continue
            differs = donor[name].normal != have[name].normal
            if differs or any(other in names for other in donor[name].uses):
                names[name] = _free(name, donor[name], names, have, donor)
                changed = True
        if not changed:
            return names


def _free(
    name: str, piece: Piece, names: dict[str, str], have: dict[str, Piece], donor: dict[str, Piece]
) -> str:
    """The first numbered name that is free, or that holds the same code already."""
    number = 2
    while True:
        new = f"{name}_{number}"
        if new not in donor and new not in names.values():
            same = (
                new in have and normalised_ast(renamed(piece.text, {**names, name: new})) == have[new].normal
            )
            if new not in have or same:
                return new
        number += 1


def _ordered(program: Source) -> Source:
    """Library pieces in the library's order before the main class; others stay in front of them."""
    order = {name: place for place, piece in enumerate(library().pieces) for name in piece.names}

    def known(piece: Piece) -> bool:
        return piece.is_definition and piece.names[0] in order

    rest = [p for p in program.pieces if not known(p) and MAIN not in p.names]
    kept = sorted(
        (p for p in program.pieces if known(p) and MAIN not in p.names), key=lambda p: order[p.names[0]]
    )
    seen: dict[str, Piece] = {}
    for piece in (*rest, *kept):
        seen.setdefault(piece.text, piece)
    main = [p for p in program.pieces if MAIN in p.names]
    return Source(program.docstring, program.imports, (*seen.values(), *main))
