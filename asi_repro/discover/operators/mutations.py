"""Operators on one program: each edits the source of some slots of its main class."""

from __future__ import annotations

from collections.abc import Iterator

from asi_repro.discover.operators.calls import Call
from asi_repro.discover.operators.catalogue import PART_KINDS, SLOT_KINDS, find_block
from asi_repro.discover.operators.describe import described, mechanism, snake, term
from asi_repro.discover.operators.draft import Context, Edit, draw_call, install, rewritten
from asi_repro.discover.operators.errors import NothingToDo
from asi_repro.discover.operators.source import LISTS, Source

Place = tuple[str, int, tuple[str, ...]]


def add_path(source: Source, context: Context) -> Edit:
    """Another path beside those there are."""
    installed, call = install(source, draw_call("path", context))
    paths = source.slots["paths"]
    made = rewritten(installed, {"paths": (*paths, call)}, context)
    sentence = f"Adds a path: {described(call)}. {mechanism(call)}"
    if len(paths) == 1:
        sentence += f" The paths are combined by {described(made.slots['fusion'][0])}."
    return Edit(made, f"add_path:{call.name}", f"add_{snake(call.name)}", sentence)


def remove_path(source: Source, context: Context) -> Edit:
    """One path fewer."""
    paths = source.slots["paths"]
    if len(paths) < 2:
        raise NothingToDo
    at = context.rng.randrange(len(paths))
    made = rewritten(source, {"paths": (*paths[:at], *paths[at + 1 :])}, context)
    sentence = f"Removes path {at + 1}: {described(paths[at])}."
    return Edit(made, f"remove_path:{paths[at].name}", f"drop_{snake(paths[at].name)}", sentence)


def replace_path(source: Source, context: Context) -> Edit:
    """A block of another class in the place of one path."""
    paths = source.slots["paths"]
    at = context.rng.randrange(len(paths))
    installed, call = install(source, draw_call("path", context, without=paths[at].name))
    made = rewritten(installed, {"paths": (*paths[:at], call, *paths[at + 1 :])}, context)
    sentence = f"Replaces path {at + 1}, {term(paths[at].name)}, by {described(call)}. {mechanism(call)}"
    return Edit(made, f"replace_path:{paths[at].name}>{call.name}", f"use_{snake(call.name)}", sentence)


def duplicate_path(source: Source, context: Context) -> Edit:
    """A copy of one path with one value changed, beside it."""
    paths = source.slots["paths"]
    at = context.rng.randrange(len(paths))
    changes = [c for c in _changes(paths[at]) if c[1][-1] != "chunk"]
    if not changes:
        raise NothingToDo
    copy, keys, _, new = context.rng.choice(changes)
    made = rewritten(source, {"paths": (*paths[: at + 1], copy, *paths[at + 1 :])}, context)
    sentence = (
        f"Puts a second {term(copy.name)} with parameters of its own beside path {at + 1}, "
        f"with {'.'.join(keys)} {new}."
    )
    return Edit(made, f"duplicate_path:{copy.name}", f"twin_{snake(copy.name)}", sentence)


def promote_path(source: Source, context: Context) -> Edit:
    """Another path first, where the fusion treats the first one apart."""
    paths, fusion = source.slots["paths"], source.slots["fusion"][0]
    if len(paths) < 2 or find_block(fusion.name) is None or not fusion.name.startswith(("Head", "Residual")):
        raise NothingToDo
    at = context.rng.randrange(1, len(paths))
    made = rewritten(source, {"paths": (paths[at], *paths[:at], *paths[at + 1 :])}, context)
    sentence = f"Makes {described(paths[at])} the first path, which {term(fusion.name)} treats apart."
    return Edit(made, f"promote_path:{paths[at].name}", f"first_{snake(paths[at].name)}", sentence)


def replace_fusion(source: Source, context: Context) -> Edit:
    """Another way to combine the paths."""
    old = source.slots["fusion"][0]
    if len(source.slots["paths"]) < 2:
        raise NothingToDo
    return _replaced(source, context, "fusion", old)


def replace_norm(source: Source, context: Context) -> Edit:
    """Another normalisation and gate of the output."""
    return _replaced(source, context, "norm", source.slots["norm"][0])


def replace_stem(source: Source, context: Context) -> Edit:
    """Another stem, or none where there was one."""
    old = source.slots["stem"][0]
    if old.name == "NoStem" or context.rng.random() < 0.5:
        return _replaced(source, context, "stem", old)
    installed, call = install(source, Call("NoStem"))
    made = rewritten(installed, {"stem": (call,)}, context)
    sentence = f"Removes the stem: {described(old)}."
    return Edit(made, f"remove_stem:{old.name}", f"drop_{snake(old.name)}", sentence)


def add_stage(source: Source, context: Context) -> Edit:
    """A further stage between fusion and norm, of a class that is not there yet."""
    installed, call = install(source, draw_call("stage", context))
    stages = source.slots["stages"]
    if call.name in {stage.name for stage in stages}:
        raise NothingToDo
    made = rewritten(installed, {"stages": (*stages, call)}, context)
    sentence = f"Adds after the fusion: {described(call)}. {mechanism(call)}"
    return Edit(made, f"add_stage:{call.name}", f"add_{snake(call.name)}", sentence)


def remove_stage(source: Source, context: Context) -> Edit:
    """One stage fewer."""
    stages = source.slots["stages"]
    if not stages:
        raise NothingToDo
    at = context.rng.randrange(len(stages))
    made = rewritten(source, {"stages": (*stages[:at], *stages[at + 1 :])}, context)
    sentence = f"Removes after the fusion: {described(stages[at])}."
    return Edit(made, f"remove_stage:{stages[at].name}", f"drop_{snake(stages[at].name)}", sentence)


def replace_part(source: Source, context: Context) -> Edit:
    """Another feature map, write strength or decay inside a path."""
    places = [
        (at, key, value)
        for at, call in enumerate(source.slots["paths"])
        for key, value in call.keywords
        if isinstance(value, Call) and key in PART_KINDS
    ]
    if not places:
        raise NothingToDo
    at, key, old = context.rng.choice(places)
    kind = next(kind for kind in PART_KINDS if kind == key)
    installed, new = install(source, draw_call(kind, context, without=old.name))
    paths = source.slots["paths"]
    changed = paths[at].with_keyword(key, new)
    made = rewritten(installed, {"paths": (*paths[:at], changed, *paths[at + 1 :])}, context)
    sentence = f"In path {at + 1} ({term(paths[at].name)}), replaces {described(old)} by {described(new)}. "
    sentence += mechanism(new)
    return Edit(made, f"replace_part:{old.name}>{new.name}", f"use_{snake(new.name)}", sentence.strip())


def change_hyperparameter(source: Source, context: Context) -> Edit:
    """Another value of one number that the library knows the range of."""
    found = [
        (slot, at, *change)
        for slot, calls in source.slots.items()
        for at, call in enumerate(calls)
        for change in _changes(call)
    ]
    if not found:
        raise NothingToDo
    # First what is changed, then to which value: or long ranges would be drawn more often.
    slot, at, _, keys, _, _ = context.rng.choice(list({(f[0], f[1], f[3]): f for f in found}.values()))
    new_calls = [f for f in found if (f[0], f[1], f[3]) == (slot, at, keys)]
    _, _, changed, _, old, new = context.rng.choice(new_calls)
    calls = source.slots[slot]
    made = rewritten(source, {slot: (*calls[:at], changed, *calls[at + 1 :])}, context)
    place = f"path {at + 1} ({term(changed.name)})" if slot == "paths" else term(changed.name)
    name = ".".join(keys)
    sentence = f"Changes {name} of {place} from {old} to {new}."
    number = "".join(c if c.isalnum() or c in ".-" else "" for c in new.replace(", ", "-"))
    slug = f"{snake(changed.name)}_{keys[-1]}_{number}"
    return Edit(made, f"change_hyperparameter:{changed.name}.{name}={new}", slug, sentence)


def _replaced(source: Source, context: Context, slot: str, old: Call) -> Edit:
    """A block of another class in a slot that holds one."""
    assert slot not in LISTS
    installed, call = install(source, draw_call(SLOT_KINDS[slot], context, without=old.name))
    made = rewritten(installed, {slot: (call,)}, context)
    sentence = f"Replaces {described(old)} by {described(call)}. {mechanism(call)}"
    return Edit(made, f"replace_{slot}:{old.name}>{call.name}", f"{slot}_{snake(call.name)}", sentence)


def _changes(call: Call, keys: tuple[str, ...] = ()) -> Iterator[tuple[Call, tuple[str, ...], str, str]]:
    """(the call changed, where, old value, new value) for every value that the library knows for it."""
    block = find_block(call.name)
    for key, value in call.keywords:
        if isinstance(value, Call):
            for inner, where, old, new in _changes(value, (*keys, key)):
                yield call.with_keyword(key, inner), where, old, new
        elif block is not None:
            for other in block.values(key):
                if other != value:
                    yield call.with_keyword(key, other), (*keys, key), value, other
