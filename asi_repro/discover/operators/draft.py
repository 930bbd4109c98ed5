"""A program while operators change it, and the draws they share."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from asi_repro.config.operators import OperatorSettings
from asi_repro.discover.operators.calls import Call
from asi_repro.discover.operators.catalogue import Block, Kind, blocks_of, plain_call
from asi_repro.discover.operators.describe import cost, headline
from asi_repro.discover.operators.errors import NothingToDo
from asi_repro.discover.operators.library import library, with_classes
from asi_repro.discover.operators.source import MAIN, Source, with_docstring

Slots = Mapping[str, tuple[Call, ...]]


@dataclass(frozen=True)
class Donor:
    """A program to take blocks from.

    Attributes:
        label: how a motivation calls it.
        source: the program.
    """

    label: str
    source: Source


@dataclass(frozen=True)
class Edit:
    """What an operator did.

    Attributes:
        source: the program after it.
        label: operator and what it worked on, for the record.
        slug: the same for a name.
        sentence: the same for a motivation.
    """

    source: Source
    label: str
    slug: str
    sentence: str


@dataclass(frozen=True)
class Context:
    """What an operator draws with.

    Attributes:
        rng: the only source of chance.
        settings: bounds.
        donors: other programs, in the library's form.
    """

    rng: random.Random
    settings: OperatorSettings
    donors: Sequence[Donor] = ()


Operator = Callable[[Source, Context], Edit]
"""Edits a program, or raises `NothingToDo`."""


def draw_call(kind: Kind, context: Context, *, without: str = "") -> Call:
    """A block of a kind with drawn values and parts."""
    blocks = [block for block in blocks_of(kind) if block.name != without]
    return fill(context.rng.choice(blocks), context)


def fill(block: Block, context: Context) -> Call:
    """A call of a block with drawn values and parts."""
    chosen: dict[str, str | Call] = {key: context.rng.choice(values) for key, values in block.hypers}
    for part in block.parts:
        chosen[part] = draw_call(part, context)
    return plain_call(block, **chosen)


def install(source: Source, call: Call, donor: Source | None = None) -> tuple[Source, Call]:
    """A program with the classes of a call of the donor (the library), and the call as it is named there."""
    added, names = with_classes(source, call.classes(), donor or library())
    return added, call.renamed(names)


def rewritten(source: Source, changes: Slots, context: Context) -> Source:
    """A program with slots replaced, its fusion fit for the number of paths, without unused code.

    Raises:
        NothingToDo: where the result breaks a bound or is no change.
    """
    slots = {**source.slots, **changes}
    paths, bounds = slots["paths"], context.settings
    if not paths or len(paths) > bounds.max_paths or len(slots["stages"]) > bounds.max_stages:
        raise NothingToDo
    grows = cost(paths) > cost(source.slots["paths"])
    if grows and cost(paths) > bounds.max_cost:
        raise NothingToDo
    fusion = slots["fusion"][0]
    if (len(paths) == 1) != (fusion.name.startswith("OnePath")):
        fusion = Call("OnePath") if len(paths) == 1 else draw_call("fusion", context)
        source, fusion = install(source, fusion)
        slots["fusion"] = (fusion,)
    if slots == source.slots:
        raise NothingToDo
    return redescribed(source.with_slots(slots)).tidied()


def redescribed(source: Source) -> Source:
    """With the main class's docstring made anew."""
    main = replace(source.main, text=with_docstring(source.main.text, headline(source.slots)))
    return replace(source, pieces=tuple(main if MAIN in piece.names else piece for piece in source.pieces))
