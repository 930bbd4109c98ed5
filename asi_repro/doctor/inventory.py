"""What a project holds, what in it is stale, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from asi_repro.archive.reader import Archive
from asi_repro.claims.ledger import read_ledger
from asi_repro.errors import AsiReproError
from asi_repro.project import Project, run_folders
from asi_repro.provenance.origin import find_origin
from asi_repro.provenance.record import PROVENANCE


@dataclass(frozen=True)
class Item:
    """One line of the inventory.

    Attributes:
        name: such as release, certificates, claims.
        there: whether there is anything of it.
        text: what there is, and how much of it is stale.
        todo: the command that makes it, or makes it again; "" where nothing is to be done.
    """

    name: str
    there: bool
    text: str
    todo: str = ""


def take_inventory(project: Project) -> list[Item]:
    """What is there, in the order in which it is made. A file that cannot be read is an item that says so."""
    return [
        _release(project),
        _archive(project),
        _file("history", project.history, "dvc repro history"),
        _certificates(project),
        _models(project),
        _runs(project),
        _claims(project),
        _file("report", project.report / "report.md", "dvc repro report"),
    ]


def next_step(items: list[Item], stale: list[str]) -> str:
    """The one command to run next."""
    by_name = {item.name: item for item in items}
    if not by_name["release"].there:
        return "make repro (with a copy of the release), or asi-repro demo (nothing to download)"
    missing = [item for item in items if item.todo]
    if missing or stale:
        return "dvc repro (runs what is missing or out of date; Ctrl-C keeps what is finished)"
    return "asi-repro browse, or asi-repro claims"


def _release(project: Project) -> Item:
    if (project.release / "data" / "tree.json").is_file():
        return Item("release", True, "downloaded")
    return Item("release", False, "not downloaded", "asi-repro pull")


def _archive(project: Project) -> Item:
    if not (project.archive / "experiments.parquet").is_file():
        return Item("archive", False, "not made", "dvc repro archive")
    try:
        archive = Archive(project.archive)
        experiments, programs = len(archive.experiments), len(archive.gallery)
    except AsiReproError as error:
        return Item("archive", True, f"cannot be read: {error}", "dvc repro archive")
    return Item("archive", True, f"{experiments:,} experiments, {programs:,} of them in the gallery")


def _file(name: str, path: Path, todo: str) -> Item:
    there = path.exists()
    return Item(name, there, str(path.name) if there else "not made", "" if there else todo)


def _certificates(project: Project) -> Item:
    todo = "dvc repro verify"
    folder = project.certificates
    made = sum(path.name != PROVENANCE for path in folder.glob("*.json"))
    if not made:
        return Item("certificates", False, "none", todo)
    stale = _stale([folder / PROVENANCE], project)
    return Item(
        "certificates",
        True,
        _with_stale(f"{made} program{'' if made == 1 else 's'}", stale),
        todo if stale else "",
    )


def _models(project: Project) -> Item:
    parts, stale = [], 0
    for kind in ("trained", "evaluated"):
        found = sorted((project.artifacts / kind).glob(f"*/*/*/{PROVENANCE}"))
        parts.append(f"{len(found)} {kind}")
        stale += _stale(found, project)
    there = any(not part.startswith("0") for part in parts)
    todo = "" if there and not stale else "asi-repro sweep"
    return Item("models", there, _with_stale(", ".join(parts), stale), todo)


def _runs(project: Project) -> Item:
    names = list(run_folders(project))
    return Item("runs", bool(names), ", ".join(names) or "none of our own")


def _claims(project: Project) -> Item:
    if not project.claims.is_file():
        return Item("claims", False, "not checked", "dvc repro claims")
    try:
        summary = dict(read_ledger(project.claims).summary)
    except AsiReproError as error:
        return Item("claims", True, f"cannot be read: {error}", "dvc repro claims")
    claims = summary.pop("claims")
    counts = ", ".join(f"{count} {verdict}" for verdict, count in summary.items() if count)
    return Item("claims", True, f"{claims}: {counts}")


def _stale(provenances: list[Path], project: Project) -> int:
    stale = 0
    for path in provenances:
        try:
            stale += bool(find_origin(path, project.root).changed)
        except AsiReproError:
            stale += 1
    return stale


def _with_stale(text: str, stale: int) -> str:
    return f"{text}; {stale} stale" if stale else text
