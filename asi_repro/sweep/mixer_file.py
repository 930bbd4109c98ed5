"""A file's mixer as a model to train: a program of its own name, kept where trainings can find it again.

The name holds the text's hash, so an edited file is another model, and the same file the same one.
"""

from __future__ import annotations

from pathlib import Path

from asi_repro.errors import DataError, MissingInput
from asi_repro.results.layout import slug_of
from asi_repro.store.files import atomic_write, sha256_bytes
from asi_repro.train.spec import Subject
from asi_repro.verify.adapt import Choice, own_mixer
from asi_repro.verify.files import programs_in

PROGRAMS = "programs"
_HEAD, _DIGITS = "own-", 12


def is_file(name: str) -> bool:
    """Whether the name of a model means a Python file."""
    return name.endswith(".py")


def is_kept(name: str) -> bool:
    """Whether the name of a model is one that `keep_file` gave."""
    return name.startswith(_HEAD)


def keep_file(name: str, folder: Path, choice: Choice | None = None) -> Subject:
    """The model of a file; its program is kept in `folder`.

    Raises:
        MissingInput: where there is no such file.
        DataError: where it does not parse, is refused by the static check, or has no such class.
    """
    ((where, text),) = programs_in(name)
    mixer = own_mixer(text, where, choice)
    digest = sha256_bytes(mixer.source.encode())
    plain = slug_of(0, Path(name).stem).partition("-")[2] or mixer.class_name
    slug = f"{_HEAD}{plain[:40]}-{digest[:_DIGITS]}"
    atomic_write(folder / f"{slug}.py", mixer.source)
    return Subject(slug, f"{mixer.class_name} of {Path(name).name}", None, mixer.source, digest)


def kept(slug: str, folder: Path) -> Subject:
    """The model that `keep_file` gave this name.

    Raises:
        MissingInput: where its program is not there.
        DataError: where it is another one.
    """
    path = folder / f"{slug}.py"
    if path.parent != folder or not path.is_file():
        raise MissingInput(
            f"there is no program called {slug!r}", where=str(folder), hint="name the file itself"
        )
    ((_, source),) = programs_in(str(path))
    digest = sha256_bytes(source.encode())
    if slug.rpartition("-")[2] != digest[:_DIGITS]:
        raise DataError("this is not the program that was kept", where=str(path), hint="name the file itself")
    return Subject(slug, slug.removeprefix(_HEAD).rpartition("-")[0], None, source, digest)
