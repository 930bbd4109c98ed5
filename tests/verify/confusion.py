"""`python -m tests.verify.confusion [PART...]`: how often the checks are right, as a page.

The parts: `corpus` and `held-out` send every program through every check; `mutants` plants faults in the clean
programs of both, and `release` in the programs of the archive. Parts that are not named stay on the page as they are.
Programs run in these processes: they were written for these tests, or ran in the sandbox for their certificates.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from asi_repro.archive.reader import Archive
from asi_repro.markdown import table
from asi_repro.project import find_project
from asi_repro.store.files import atomic_write
from asi_repro.verify.all_checks import Battery
from asi_repro.verify.catalogue import BY_NAME, CHECKS
from asi_repro.verify.certificate import read_certificates
from tests.verify.corpus import CASES, Case
from tests.verify.held_out import HELD_OUT
from tests.verify.mutations import IN_THE_TEXT, WRAPPED, Tried, mutants, try_mutant

PAGE = Path(__file__).parents[2] / "docs" / "evidence" / "checks.md"
# Of the text, and of the paper's scales: no fault of these programs is theirs.
LEFT_OUT = ("static", "parameters", "compute")
HEAD = """# Whether the checks can be trusted

Made by `python -m tests.verify.confusion`. A fault counts as found where a row that ought to fail does. A false alarm is
a row that fails and neither ought to nor follows from the fault. All of it says how the checks do on small programs
with one fault each, on this project's idea of what faults there are; none of it is a rate for programs at large.
"""
CORPUS = """
## The corpus

`python -m tests.verify.confusion corpus`: the programs of `tests/verify/corpus.py`, {faulty} with one fault each and {clean}
clean ones, many of which look like a faulty one. The checks were written with these programs at hand, and where one was
judged wrongly the check was changed, so what follows is a test that the checks still do what they did, and no estimate.

"""
HELD_OUT_HEAD = """
## Held out

`python -m tests.verify.confusion held-out`: {faulty} programs with a fault and {clean} clean ones, most of them after
reports in public trackers that were looked up for this, written when the checks were finished and run once before anything
was changed. This first run is the closest thing here to an estimate. It is a small one: with 28 faults, 26 found leave an exact
95 % interval of 0.76 to 0.99. The person who wrote them knew the checks.

"""
AFTERWARDS = """
### After mending

What the first run taught: `elements_exponent` counted the tensor whose shape `new_ones` copies, so a loop over chunks
that makes a mask looked quadratic; this one cause is behind every false alarm of a clean program, and is mended. Three labels
were wrong: in `statistics_left_out_of_the_checkpoint` the mean of the sequence is subtracted from it in training, which is a leak;
`quantile_of_the_batch` cannot run in bf16; the values of `table_shared_by_length` depend on the length. Not mended: a
prompt that is padded on the right and read into a cache is not probed (`cache_after_right_padding`), and a table that
all instances share shows in the process's first calls only, so `determinism` reports it and `instance_independence` does not.

"""
MUTANTS = """
## Planted by rule

`python -m tests.verify.confusion mutants`: `tests/verify/mutations.py` rewrites the syntax tree of every clean program above,
one fault at a time. Whether a mutant has its fault is decided by running it: outputs are compared directly, in
fp64, at every position, with none of the checks' code. One without effect must not be reported. {left} more could not be
judged, because the program has no such thing to break, fails the same experiment by itself, or no longer runs.

"""
RELEASE = """
## Planted in the released programs

`python -m tests.verify.confusion release`: the same in the 106 programs of the archive, from their certificates, which say
what they fail without a planted fault. Each gets one fault of 23, by turns. {left} more could not be
judged, mostly because the program fails the row already.

"""
MARK = "<!-- part: "
PARTS = ("corpus", "held-out", "mutants", "release")
FIRST_RUN = Path(__file__).with_name("held_out_first_run.json")
# Each released program gets every so manieth fault, the next one others.
EVERY = 23


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


def part(judged: Sequence[Judged], head: str) -> str:
    """A part of the page: what was found by kind, and what was not."""
    kinds: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        kinds[one.kind].append(one)
    clean = len(kinds["clean"])
    lines = [head.format(faulty=len(judged) - clean, clean=clean)]
    header = ("kind", "programs", "found", "found under another name", "missed", "with a false alarm")
    lines += table(header, _counts(kinds), right=range(1, 6))
    wrong = [one for one in judged if one.missed or one.false]
    if wrong:
        cells = [(one.name, one.kind, ", ".join(one.missed), ", ".join(one.false)) for one in wrong]
        lines += ["", "### Judged wrongly", "", *table(("program", "kind", "missed", "false"), cells)]
    by_row = Counter((one.kind, row) for one in judged for row in one.failed)
    columns = [kind for kind in kinds if kind != "clean"]
    named = [row for check in CHECKS for row in check.rows if any((kind, row) in by_row for kind in columns)]
    cells = [(row, *(str(by_row[kind, row] or "") for kind in columns)) for row in named]
    lines += ["", "### Programs that failed a row, by kind of fault", ""]
    lines += table(("row", *columns), cells, right=range(1, len(columns) + 1))
    every = [(one.name, one.kind, ", ".join(one.failed)) for one in judged]
    lines += ["", "### Every program", "", *table(("program", "kind", "rows that failed"), every)]
    return "\n".join(lines) + "\n"


def _counts(kinds: dict[str, list[Judged]]) -> Iterator[tuple[str, ...]]:
    for kind, ones in [*kinds.items(), ("all", list(chain.from_iterable(kinds.values())))]:
        faulty = [one for one in ones if one.kind != "clean"]
        lost = [one for one in faulty if one.missed]
        named = sum(bool(one.failed) for one in lost)
        found = (len(faulty) - len(lost), named, len(lost) - named)
        alarms = sum(bool(one.false) for one in ones if not one.missed)
        yield kind, str(len(ones)), *(str(n) if faulty else "" for n in found), str(alarms)


def mutants_part(tried: Sequence[Tried | None], kinds: Sequence[str], head: str) -> str:
    """A part of the page: planted faults by kind."""
    known = [one for one in tried if one is not None]
    lines = [head.format(left=len(tried) - len(known))]
    cells = []
    for kind in [*kinds, "all"]:
        ones = [one for one in known if kind in (one.kind, "all")]
        faulty = [one for one in ones if one.faulty]
        found = sum(one.found for one in faulty)
        rate = f"{found / len(faulty):.1%}" if faulty else ""
        without = [one for one in ones if not one.faulty]
        cells.append(
            (kind, *map(str, (len(ones), len(faulty), found)), rate, str(len(without)), str(sum(one.found for one in without)))
        )  # fmt: skip
    header = ("planted", "mutants", "with the fault", "found", "rate", "without effect", "of these, reported")
    lines += table(header, cells, right=range(1, 7))
    odd = [one for one in known if one.faulty != one.found]
    if odd:
        cells = [
            (
                one.program,
                one.kind,
                str(one.place),
                "missed" if one.faulty else "reported",
                ", ".join(one.rows),
            )
            for one in odd
        ]
        lines += ["", *table(("program", "planted", "place", "what", "rows"), cells)]
    return "\n".join(lines) + "\n"


def _mutants_of(programs: Iterable[tuple[str, str, frozenset[str], int]]) -> Iterator[tuple[Any, ...]]:
    """Arguments of `try_mutant`; of a number above 1, every so manieth fault, by turns."""
    for number, (name, source, failing, every) in enumerate(programs):
        for place, mutant in enumerate(mutants(source)):
            if (place + number) % every == 0:
                yield name, mutant, failing, source


def _clean() -> Iterator[tuple[str, str, frozenset[str], int]]:
    for case in (*CASES, *HELD_OUT):
        if case.kind == "clean":
            yield case.name, case.source, frozenset(), 1


def _released() -> Iterator[tuple[str, str, frozenset[str], int]]:
    project = find_project()
    archive = Archive(project.archive)
    for certificate in read_certificates(project.certificates):
        failing = frozenset(row.check for row in certificate.checks if row.verdict == "fail")
        yield str(certificate.index), archive.program(certificate.index).source, failing, EVERY


def _make(name: str, pool: ProcessPoolExecutor) -> str:
    if name in ("corpus", "held-out"):
        cases = CASES if name == "corpus" else HELD_OUT
        judged = list(_watched(pool.map(judge, cases), len(cases)))
        if name == "corpus":
            return part(judged, CORPUS)
        first = [
            Judged(**{k: tuple(v) if isinstance(v, list) else v for k, v in one.items()})
            for one in json.loads(FIRST_RUN.read_text())
        ]
        return part(first, HELD_OUT_HEAD) + part(judged, AFTERWARDS)
    work = list(_mutants_of(_clean() if name == "mutants" else _released()))
    tried = list(_watched(pool.map(try_mutant, *zip(*work, strict=True)), len(work)))
    return mutants_part(tried, [*IN_THE_TEXT, *WRAPPED], MUTANTS if name == "mutants" else RELEASE)


def _watched(results: Iterable[Any], total: int) -> Iterator[Any]:
    for number, one in enumerate(results, 1):
        if number % 10 == 0 or number == total:
            print(f"{number}/{total}", file=sys.stderr, flush=True)
        yield one


def main() -> None:
    """Make the parts that are named (all by default) and put them on the page in place of what was there."""
    names = sys.argv[1:] or list(PARTS)
    old = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    pieces = old.split(MARK)[1:]
    parts = {piece.split(" -->", 1)[0]: piece.split(" -->\n", 1)[1] for piece in pieces}
    with ProcessPoolExecutor(int(os.environ.get("JOBS", "2")), max_tasks_per_child=None) as pool:
        for name in names:
            if name not in PARTS:
                raise SystemExit(f"no part {name!r}: {', '.join(PARTS)}")
            parts[name] = _make(name, pool)
            body = "".join(f"{MARK}{one} -->\n{parts[one]}" for one in PARTS if one in parts)
            atomic_write(PAGE, HEAD + body)


if __name__ == "__main__":
    main()
