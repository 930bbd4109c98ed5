"""Whether the archive's tables are whole, agree with each other, and come out of the release again."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from asi_repro.archive.fsck.place import REMAKE, REPULL, Place, Problem
from asi_repro.archive.reader import Archive
from asi_repro.archive.release import read_release
from asi_repro.archive.schema import TABLES
from asi_repro.archive.tables import write_archive
from asi_repro.errors import DataError, MissingInput

_SHOWN = 10


def check_tables(place: Place) -> tuple[str, list[Problem]]:
    """Every table has its schema, and indices, depths, children and flags agree between tables."""
    archive = place.archive
    rows = {name: archive.table(name).num_rows for name in TABLES}
    problems = [*_keys(place), *_lineage(place), *_flags(place)]
    return ", ".join(f"{name} {count}" for name, count in rows.items()), problems


def _keys(place: Place) -> list[Problem]:
    archive = place.archive
    problems = []
    indices = archive.table("experiments", ["index"])["index"].to_pylist()
    if sorted(set(indices)) != indices:
        problems.append(Problem("table experiments: indices repeat or are out of order", REMAKE))
    known = set(indices)
    for name in ("programs", "curves", "benchmarks"):
        strangers = set(archive.table(name, ["index"])["index"].to_pylist()) - known
        if strangers:
            shown = ", ".join(map(str, sorted(strangers)[:_SHOWN]))
            what = f"table {name}: {len(strangers)} indices that no experiment has: {shown}"
            problems.append(Problem(what, REMAKE))
    programs = archive.table("programs", ["index"])["index"].to_pylist()
    if len(set(programs)) != len(programs):
        problems.append(Problem("table programs: an index is there twice", REMAKE))
    return problems


def _lineage(place: Place) -> list[Problem]:
    lineage, experiments = place.archive.lineage, place.archive.experiments.values()
    wrong = [
        e.index
        for e in experiments
        if e.depth != lineage.depth(e.index) or e.children != len(lineage.children(e.index))
    ]
    if not wrong:
        return []
    shown = ", ".join(map(str, wrong[:_SHOWN]))
    what = f"table experiments: depth or children are not those of the parents, for {len(wrong)}: {shown}"
    return [Problem(what, REMAKE)]


def _flags(place: Place) -> list[Problem]:
    programs = set(place.archive.table("programs", ["index"])["index"].to_pylist())
    stated = {e.index for e in place.archive.experiments.values() if e.has_program}
    if programs == stated:
        return []
    shown = ", ".join(map(str, sorted(programs ^ stated)[:_SHOWN]))
    return [Problem(f"has_program and the table of programs disagree about: {shown}", REMAKE)]


def check_rebuild(place: Place) -> tuple[str, list[Problem]]:
    """Reading the pulled release again gives the same tables, value by value.

    Raises:
        MissingInput: where the archive is not of the release, or the release was not pulled.
    """
    if not place.is_the_release:
        raise MissingInput("the archive was not made from the release's files")
    published = place.sources[0]
    try:
        run = read_release(place.release, url=published["url"], commit=published["commit"])
    except DataError as error:
        what = f"the pulled release cannot be read: {error.what} ({error.where})"
        return "a new reading of the pulled release", [Problem(what, REPULL)]
    with TemporaryDirectory(prefix="asi-repro-fsck-") as folder:
        # Values, not bytes, are compared: another pyarrow may compress the same table otherwise.
        write_archive(run, Path(folder) / "archive")
        again = Archive(Path(folder) / "archive")
        different = [name for name in TABLES if not again.table(name).equals(place.archive.table(name))]
    problems = [Problem(f"table {name}: not what the pulled release gives", REMAKE) for name in different]
    return f"{len(TABLES)} tables against a new reading of the pulled release", problems
