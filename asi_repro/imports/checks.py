"""What does not add up in a run: the checks of `asi-repro fsck --run NAME`.

Some look at the tables, and so at any run; the others report what the adapter noted when it read the files.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable

from asi_repro.archive.fsck.place import Check, Place, Problem
from asi_repro.archive.fsck.release import check_programs
from asi_repro.archive.fsck.tables import check_tables
from asi_repro.archive.history.verify import verify_history
from asi_repro.archive.node_model import GHOST
from asi_repro.archive.nodes import copies, read_nodes, read_parents
from asi_repro.errors import MissingInput
from asi_repro.imports.export import rebuild
from asi_repro.imports.layout import HISTORY, is_import
from asi_repro.imports.record import notices
from asi_repro.store.files import sha256_bytes
from asi_repro.text import counted

_AGAIN = "import the run again"
_SHOWN = 10
_NUMBER = re.compile(r"\d+")
_SEED = re.compile(r"seed", re.IGNORECASE)


def run_checks(place: Place) -> dict[str, Check]:
    """The checks that apply to a run other than the release, in the order they make sense in."""
    of_any: dict[str, Check] = {
        "tables": check_tables,
        "programs": check_programs,
        "equal": check_equal,
        "scores": check_scores,
        "seeds": check_seeds,
    }
    if not is_import(place.folder.parent):
        return of_any
    return {
        **of_any,
        "history": check_history,
        "records": check_records,
        "ghosts": check_ghosts,
        "ids": _noted(
            "duplicate", "ids that one record each describes", "see both records with `asi-repro export`"
        ),
        "gaps": _noted("gap", "iterations or steps without a gap", "what they did is in no file of the run"),
        "counts": _noted(
            "count", "the same experiments in every file", "neither file alone is the whole run"
        ),
        "files": check_files,
    }


def _list(indices: Iterable[int]) -> str:
    found = sorted(indices)
    return ", ".join(map(str, found[:_SHOWN])) + (
        f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    )


def check_equal(place: Place) -> tuple[str, list[Problem]]:
    """No two experiments have the same program, byte for byte."""
    groups: dict[str, list[int]] = defaultdict(list)
    copied = copies(place.archive)
    table = place.archive.table("programs", ["index", "sha256"])
    for index, digest in zip(table["index"].to_pylist(), table["sha256"].to_pylist(), strict=True):
        if index not in copied:
            groups[digest].append(index)
    problems = [
        Problem(f"experiments {_list(same)} have the same program{_of_scores(place, same)}", "count it once")
        for same in groups.values()
        if len(same) > 1
    ]
    said = f", and {counted(len(copied), 'copy', 'copies')} that the system made itself" if copied else ""
    return (
        f"{counted(len(groups), 'different program')} among {sum(map(len, groups.values()))}{said}",
        problems,
    )


def _of_scores(place: Place, same: list[int]) -> str:
    """What the scores of one program say of the evaluator."""
    scores = [s for i in same if (s := place.archive.experiments[i].score) is not None]
    if len(scores) < 2:
        return ""
    low, high = min(scores), max(scores)
    if low == high:
        return f", each time with the score {low:.6g}"
    return f", with scores from {low:.6g} to {high:.6g}: so far the evaluator's noise reaches"


def check_scores(place: Place) -> tuple[str, list[Problem]]:
    """No two different programs have exactly the same score."""
    table = place.archive.table("programs", ["index", "sha256"])
    digests = dict(zip(table["index"].to_pylist(), table["sha256"].to_pylist(), strict=True))
    groups: dict[float, dict[str, int]] = defaultdict(dict)
    scored = 0
    for e in place.archive.experiments.values():
        if e.score is not None and e.index in digests:
            scored += 1
            groups[e.score].setdefault(digests[e.index], e.index)
    problems = [
        Problem(
            f"experiments {_list(found.values())} have different programs and exactly the score {score!r}",
            "see whether the evaluator notices the change, or the score has a ceiling",
        )
        for score, found in sorted(groups.items())
        if len(found) > 1
    ]
    return f"{counted(len(groups), 'different score')} among {scored}", problems


def check_seeds(place: Place) -> tuple[str, list[Problem]]:
    """No program differs from its parent's in the number of a random seed alone."""
    sources = {program.index: program.source for program in place.archive.programs()}
    compared, found = 0, []
    for e in place.archive.experiments.values():
        if e.parent in sources and e.index in sources:
            compared += 1
            if _only_a_seed(sources[e.parent], sources[e.index]):
                found.append(e.index)
    problems = [
        Problem(
            f"experiment {index} changed only the number of a seed",
            "its difference in score is noise: score its parent with several seeds",
        )
        for index in found
    ]
    return f"{counted(compared, 'program')} beside their parents'", problems


def _only_a_seed(before: str, after: str) -> bool:
    old, new = before.splitlines(), after.splitlines()
    if len(old) != len(new) or before == after:
        return False
    changed = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
    return bool(changed) and all(
        _SEED.search(a) is not None and _NUMBER.sub("0", a) == _NUMBER.sub("0", b) for a, b in changed
    )


def check_history(place: Place) -> tuple[str, list[Problem]]:
    """Every commit of the run's bundle is what its tables give."""
    bundle = place.folder.parent / HISTORY
    if not bundle.is_file():
        raise MissingInput(f"there is no history at {bundle}", hint=_AGAIN)
    found = verify_history(bundle, place.archive)
    return f"{counted(len(place.archive.experiments), 'commit')} of the bundle against the tables", [
        Problem(f"history: {text}", _AGAIN) for text in found
    ]


def check_records(place: Place) -> tuple[str, list[Problem]]:
    """The kept records come to the files that the run was made from."""
    whole: dict[str, list[bytes]] = defaultdict(list)
    for record in rebuild(place.folder.parent).records:
        whole[record.file].append(record.content)
    stated = {row["file"]: row["sha256"] for row in place.sources}
    wrong = [name for name in stated if sha256_bytes(b"".join(whole.get(name, []))) != stated[name]]
    missing = [
        Problem(f"{name}: the records do not come to the file that was read", _AGAIN) for name in wrong
    ]
    return f"{counted(len(stated), 'file')} from the records against their SHA-256", missing


def check_ghosts(place: Place) -> tuple[str, list[Problem]]:
    """Every parent has a record of its own."""
    nodes = read_nodes(place.archive)
    ghosts = [node for node in nodes.values() if node.status == GHOST]
    children: dict[int, list[int]] = defaultdict(list)
    for row in read_parents(place.archive):
        children[row["parent"]].append(row["index"])
    problems = []
    for node in ghosts:
        what = f"the parent {node.native_id} of {_list(children[node.index])} is in no file"
        problems.append(Problem(what, "it was evicted or lost; what is known of it is what its children say"))
    return f"the parents of {counted(len(nodes) - len(ghosts), 'experiment')}", problems


def check_files(place: Place) -> tuple[str, list[Problem]]:
    """Every file was whole, and every field known."""
    kinds = {"damaged", "ignored", "unknown", "lost"}
    found = [one for one in notices(place.folder.parent) if one.kind in kinds]
    todo = "it is in the records as it was; import again when the source is whole"
    return counted(len(place.sources), "file"), [Problem(f"{one.kind}: {one.text}", todo) for one in found]


def _noted(kind: str, detail: str, todo: str) -> Callable[[Place], tuple[str, list[Problem]]]:
    def check(place: Place) -> tuple[str, list[Problem]]:
        found = [one for one in notices(place.folder.parent) if one.kind == kind]
        return detail if not found else f"{counted(len(found), 'notice')} of the import", [
            Problem(one.text, todo) for one in found
        ]

    return check
