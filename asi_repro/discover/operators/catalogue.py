"""The blocks of the library: what each is called in the field, what it does, what may be changed.

The code of a block is in `blocks/`; `blocks/catalogue.yaml` has what operators need to know to place it
and to tell of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from asi_repro.discover.operators.calls import Call
from asi_repro.plain_yaml import plain_yaml

CATALOGUE = Path(__file__).parent / "blocks" / "catalogue.yaml"
Kind = Literal["stem", "path", "fusion", "stage", "norm", "feature", "beta", "decay"]
SLOT_KINDS: dict[str, Kind] = {
    "stem": "stem",
    "paths": "path",
    "fusion": "fusion",
    "stages": "stage",
    "norm": "norm",
}
PART_KINDS: tuple[Kind, ...] = ("feature", "beta", "decay")
WIDTHS = ("hidden_size", "num_heads")


@dataclass(frozen=True)
class Block:
    """One class of the library.

    Attributes:
        name: the class.
        kind: where it fits.
        term: the field's term for it.
        mechanism: what it computes, a sentence without its subject.
        hypers: keyword and the values it may take, as source; the first is what a new block starts with.
        parts: keywords that hold a block of the kind of that name.
        positional: positional arguments, as source.
        cost: relative cost of a path, in units of the delta rule.
    """

    name: str
    kind: Kind
    term: str
    mechanism: str
    hypers: tuple[tuple[str, tuple[str, ...]], ...] = ()
    parts: tuple[Kind, ...] = ()
    positional: tuple[str, ...] = WIDTHS
    cost: int = 0

    def values(self, keyword: str) -> tuple[str, ...]:
        """What a keyword may be."""
        return dict(self.hypers).get(keyword, ())


def _read() -> tuple[Block, ...]:
    rows = plain_yaml(CATALOGUE.read_bytes(), where=str(CATALOGUE))
    return tuple(
        Block(
            name=row["name"],
            kind=row["kind"],
            term=row["term"],
            mechanism=row["mechanism"],
            hypers=tuple((key, tuple(values)) for key, values in row.get("values", {}).items()),
            parts=tuple(row.get("parts", ())),
            positional=tuple(row.get("positional", WIDTHS)),
            cost=row.get("cost", 0),
        )
        for row in rows
    )


BLOCKS = _read()
_BY_NAME = {block.name: block for block in BLOCKS}
# Not drawn when something is to be added: they stand for "nothing" or need a program to hold.
NOT_DRAWN = frozenset({"NoStem", "OnePath", "AdoptedPath"})


def find_block(name: str) -> Block | None:
    """The block of a class, also where a crossing numbered it (DeltaRule_2); None for others."""
    return _BY_NAME.get(name) or _BY_NAME.get(re.sub(r"_\d+$", "", name))


@cache
def blocks_of(kind: Kind) -> tuple[Block, ...]:
    """The blocks of a kind that may be drawn, in the catalogue's order."""
    return tuple(block for block in BLOCKS if block.kind == kind and block.name not in NOT_DRAWN)


def plain_call(block: Block, **chosen: str | Call) -> Call:
    """A call of a block with its first values; parts must be in `chosen`."""
    keywords: list[tuple[str, str | Call]] = [(k, chosen.get(k, values[0])) for k, values in block.hypers]
    keywords += [(part, chosen[part]) for part in block.parts]
    return Call(block.name, block.positional, tuple(keywords))
