"""Operators on two programs: blocks of one, with all the code they need, in the other."""

from __future__ import annotations

from asi_repro.discover.operators.describe import described, snake, term
from asi_repro.discover.operators.draft import Context, Edit, install, rewritten
from asi_repro.discover.operators.errors import NothingToDo, NotLibraryForm
from asi_repro.discover.operators.source import Source

CROSSED = ("stem", "fusion", "stages", "norm")


def cross_path(source: Source, context: Context) -> Edit:
    """A path of another program, added or in the place of one."""
    if not context.donors:
        raise NothingToDo
    donor = context.rng.choice(context.donors)
    call, paths = context.rng.choice(donor.source.slots["paths"]), source.slots["paths"]
    place = context.rng.randrange(-1, len(paths))
    try:
        installed, taken = install(source, call, donor.source)
    except NotLibraryForm:
        raise NothingToDo from None
    if taken in paths:
        raise NothingToDo
    new = (*paths, taken) if place < 0 else (*paths[:place], taken, *paths[place + 1 :])
    made = rewritten(installed, {"paths": new}, context)
    sentence = f"Takes a path of {donor.label}: {described(taken)}, "
    if place < 0:
        sentence += f"combined with the others by {described(made.slots['fusion'][0])}."
    else:
        sentence += f"in the place of path {place + 1}, {term(paths[place].name)}."
    return Edit(made, f"cross_path:{taken.name}", f"cross_{snake(taken.name)}", sentence)


def cross_slot(source: Source, context: Context) -> Edit:
    """The stem, fusion, stages or norm of another program."""
    if not context.donors:
        raise NothingToDo
    donor, slot = context.rng.choice(context.donors), context.rng.choice(CROSSED)
    if slot == "fusion" and min(len(source.slots["paths"]), len(donor.source.slots["paths"])) < 2:
        raise NothingToDo
    taken = []
    for call in donor.source.slots[slot]:
        try:
            source, own = install(source, call, donor.source)
        except NotLibraryForm:
            raise NothingToDo from None
        taken.append(own)
    made = rewritten(source, {slot: tuple(taken)}, context)
    what = ", ".join(map(described, taken)) or "none"
    sentence = f"Takes the {slot} of {donor.label}: {what}."
    slug = "_".join(snake(call.name) for call in taken) or f"no_{slot}"
    return Edit(made, f"cross_slot:{slot}", f"cross_{slug}", sentence)
