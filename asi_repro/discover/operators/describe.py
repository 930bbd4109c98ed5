"""A mixer's parts in the field's words, from its slots."""

from __future__ import annotations

import re
from collections.abc import Mapping

from asi_repro.discover.operators.calls import Call
from asi_repro.discover.operators.catalogue import find_block


def term(name: str) -> str:
    """The field's term for a class, the class's own name for one that the library does not know."""
    block = find_block(name)
    return block.term if block is not None else f"class {name}"


def described(call: Call) -> str:
    """A call in words: term, numbers, parts."""
    details: list[str] = []
    for key, value in call.keywords:
        if isinstance(value, Call):
            details.append(described(value))
        elif key != "paths":
            details.append(f"{key.replace('_', ' ')} {value}")
    return term(call.name) + (f" ({', '.join(details)})" if details else "")


def mechanism(call: Call) -> str:
    """What a block does, as a sentence; "" for a class that the library does not know."""
    block = find_block(call.name)
    if block is None:
        return ""
    sentence = f"It {block.mechanism}."
    decay = call.get("decay")
    if isinstance(decay, Call) and (part := find_block(decay.name)) is not None:
        sentence += f" The state {part.mechanism}."
    return sentence


def composition(slots: Mapping[str, tuple[Call, ...]]) -> str:
    """All of a mixer in one sentence."""
    paths = slots["paths"]
    sentence = f"The mixer has {len(paths)} {'path' if len(paths) == 1 else 'paths'}: "
    sentence += "; ".join(map(described, paths))
    if len(paths) > 1:
        sentence += f"; combined by {described(slots['fusion'][0])}"
    if slots["stem"][0].name != "NoStem":
        sentence += f"; before them {described(slots['stem'][0])}"
    if slots["stages"]:
        sentence += f"; after them {', '.join(map(described, slots['stages']))}"
    return f"{sentence}; last {described(slots['norm'][0])}."


def headline(slots: Mapping[str, tuple[Call, ...]]) -> str:
    """The main class's docstring: its blocks by class name."""
    text = " + ".join(call.name for call in slots["paths"])
    if len(slots["paths"]) > 1:
        text += f" by {slots['fusion'][0].name}"
    extra = [
        call.name for name in ("stem", "stages", "norm") for call in slots[name] if call.name != "NoStem"
    ]
    return f"{text}; {', '.join(extra)}."


def snake(name: str) -> str:
    """CamelCase as snake_case, without the number of a renamed class."""
    return (
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", re.sub(r"_\d+$", "", name))
        .replace("RMSNorm", "RMS_Norm")
        .lower()
    )


def cost(paths: tuple[Call, ...]) -> int:
    """The sum of the paths' costs; a class that the library does not know counts as a delta rule."""
    blocks = [find_block(call.name) for call in paths]
    return sum(2 if block is None or block.name == "AdoptedPath" else block.cost for block in blocks)
