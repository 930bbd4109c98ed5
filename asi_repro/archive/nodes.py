"""Version 2 of the archive: what a run of another system says of an experiment beyond version 1's tables.

Version 1's tables stay as they are, so everything that reads them reads an imported run too. Version 2 adds
three: `nodes` (one row an experiment), `parents` (one row an edge, where an experiment may have several) and
`records` (what the system itself wrote, byte for byte). An archive without them is of version 1, and
`read_nodes`, `read_parents` and `Archive.objective` migrate it: every experiment is finished, its one parent
is its parent, and a higher score is better, as the paper has it.
"""

from __future__ import annotations

from typing import Any

from asi_repro.archive.node_model import COPY, FINISHED, PARENT, Node
from asi_repro.archive.reader import Archive


def is_imported(archive: Archive) -> bool:
    """Whether the archive has the tables of version 2."""
    return archive.imported


def read_nodes(archive: Archive) -> dict[int, Node]:
    """Every experiment's node by index; an archive of version 1 is migrated."""
    if not is_imported(archive):
        return {i: Node(i, str(i), FINISHED, language="python") for i in archive.experiments}
    from asi_repro.archive.node_tables import read_extra

    return {row["index"]: Node(**row) for row in read_extra(archive.folder, "nodes").to_pylist()}


def statuses_of(archive: Archive) -> dict[int, str]:
    """The status of every experiment by index; nothing where the run is not an imported one."""
    if not is_imported(archive):
        return {}
    from asi_repro.archive.node_tables import read_extra

    columns = read_extra(archive.folder, "nodes", ["index", "status"]).to_pydict()
    return dict(zip(columns["index"], columns["status"], strict=True))


def read_parents(archive: Archive) -> list[dict[str, Any]]:
    """Every edge of the lineage as a row of `node_tables.PARENTS`; an archive of version 1 is migrated."""
    if is_imported(archive):
        from asi_repro.archive.node_tables import read_extra

        return list(read_extra(archive.folder, "parents").to_pylist())
    there = archive.experiments.values()
    return [{"index": e.index, "parent": e.parent, "role": PARENT} for e in there if e.parent is not None]


def copies(archive: Archive) -> set[int]:
    """Experiments that the system copied from another, such as into a further island, with its score."""
    return {row["index"] for row in read_parents(archive) if row["role"] == COPY}


def other_parents(archive: Archive) -> dict[int, tuple[int, ...]]:
    """Further parents of experiments that combine several, by index, without the first."""
    if not is_imported(archive):
        return {}
    found: dict[int, list[int]] = {}
    for row in read_parents(archive):
        first = archive.experiments[row["index"]].parent
        if row["role"] == PARENT and row["parent"] != first:
            found.setdefault(row["index"], []).append(row["parent"])
    return {index: tuple(others) for index, others in found.items()}
