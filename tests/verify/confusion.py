"""`python -m tests.verify.confusion`: every program of the corpus through every check, as a page.

Each program runs in this process, because each was written for these tests.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from asi_repro.markdown import table
from asi_repro.store.files import atomic_write
from asi_repro.verify.battery import Battery
from asi_repro.verify.catalogue import BY_NAME, CHECKS
from tests.verify.corpus import CASES, Case

PAGE = Path(__file__).parents[2] / "docs" / "evidence" / "checks.md"
# Of the text, and of the paper's scales: no fault of these programs is theirs.
LEFT_OUT = ("static", "parameters", "compute")
HEAD = """# Whether the checks can be trusted

Made by `python -m tests.verify.confusion` from the programs of `tests/verify/corpus.py`, which no check was
fitted to one by one: {faulty} with one fault each and {clean} clean ones, many of which look like a faulty one. A fault
counts as found where a row that ought to fail does. A false alarm is a row that fails and neither ought to nor
follows from the fault.

"""


@dataclass(frozen=True)
class Judged:
    """What came of one program: rows that failed, that ought to and did not, and that ought not to and did."""

    name: str
    kind: str
    failed: tuple[str, ...]
    missed: tuple[str, ...]
    false: tuple[str, ...]


def judge(case: Case, checks: Iterable[str] | None = None) -> Judged:
    """Run the checks (all that apply by default) on one program."""
    battery = Battery(case.source)
    names = [check.name for check in CHECKS if check.name not in LEFT_OUT] if checks is None else checks
    rows = [row for name in names for row in battery.run(name)]
    failed = {row.check for row in rows if row.verdict == "fail"}
    missed = [" or ".join(sorted(rows)) for rows in case.must if not rows & failed]
    return Judged(
        case.name, case.kind, tuple(sorted(failed)), tuple(missed), tuple(sorted(failed - case.allowed))
    )


def deciding(case: Case) -> list[str]:
    """The checks that give the rows that must fail."""
    wanted = {row for rows in case.must for row in rows}
    return [name for name, check in BY_NAME.items() if wanted & set(check.rows)]


def page(judged: list[Judged]) -> str:
    """The page: what was found by kind, and what was not."""
    kinds: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        kinds[one.kind].append(one)
    clean = len(kinds["clean"])
    lines = [HEAD.format(faulty=len(judged) - clean, clean=clean)]
    header = ("kind", "programs", "found", "missed", "with a false alarm")
    lines += table(header, _counts(kinds), right=range(1, 5))
    wrong = [one for one in judged if one.missed or one.false]
    if wrong:
        cells = [(one.name, one.kind, ", ".join(one.missed), ", ".join(one.false)) for one in wrong]
        lines += ["", "## Judged wrongly", "", *table(("program", "kind", "missed", "false"), cells)]
    by_row = Counter((one.kind, row) for one in judged for row in one.failed)
    columns = [kind for kind in kinds if kind != "clean"]
    named = [row for check in CHECKS for row in check.rows if any((kind, row) in by_row for kind in columns)]
    cells = [(row, *(str(by_row[kind, row] or "") for kind in columns)) for row in named]
    lines += ["", "## Programs that failed a row, by kind of fault", ""]
    lines += table(("row", *columns), cells, right=range(1, len(columns) + 1))
    every = [(one.name, one.kind, ", ".join(one.failed)) for one in judged]
    lines += ["", "## Every program", "", *table(("program", "kind", "rows that failed"), every)]
    return "\n".join(lines) + "\n"


def _counts(kinds: dict[str, list[Judged]]) -> Iterator[tuple[str, ...]]:
    for kind, ones in kinds.items():
        missed = sum(bool(one.missed) for one in ones)
        found = ("", "") if kind == "clean" else (str(len(ones) - missed), str(missed))
        yield kind, str(len(ones)), *found, str(sum(bool(one.false) for one in ones))


def main() -> None:
    """Judge all and write the page; exit with status 1 where one was judged wrongly."""
    with ProcessPoolExecutor(2) as pool:
        judged = []
        for one in pool.map(judge, CASES):
            judged.append(one)
            print(
                f"{len(judged)}/{len(CASES)} {one.name}", *one.missed, *one.false, file=sys.stderr, flush=True
            )
    atomic_write(PAGE, page(judged))
    sys.exit(any(one.missed or one.false for one in judged))


if __name__ == "__main__":
    main()
