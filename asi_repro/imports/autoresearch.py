"""karpathy/autoresearch: `results.tsv`, and the programs from the git repository that it lies in.

A row is a commit, a value, memory, a status (keep, discard, crash) and a description. What was discarded was
reset away, so its commit may be gone. A lower `val_bpb` is better; a crash is logged as 0.000000.

The repository is not trusted: its objects are copied into a new one, without its settings and hooks.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from asi_repro.archive.node_model import EVICTED, FAILED, FINISHED, MINIMIZE, UNKNOWN
from asi_repro.errors import AsiReproError, DataError
from asi_repro.imports.model import ImportedRun, NativeRecord, links, make_node
from asi_repro.imports.reading import Reader
from asi_repro.imports.values import NAME_CHARACTERS, finite, short, text
from asi_repro.store.git import init_bare, read_objects
from asi_repro.text import counted

FORMAT = "autoresearch"
NAME, PROGRAM = "results.tsv", "train.py"
LOWER = ("val_bpb", "val_loss")
_STATUS = {"keep": FINISHED, "discard": EVICTED, "crash": FAILED}
_COMMIT = re.compile(r"[0-9a-f]{4,40}")
_OBJECT = re.compile(r"objects/(?:[0-9a-f]{2}/[0-9a-f]{38}|pack/pack-[0-9a-f]{40}\.(?:pack|idx))")
_MOST_BYTES = 2 << 30


@dataclass(frozen=True)
class _Row:
    commit: str
    score: float | None
    status: str
    description: str
    more: dict[str, float]


def recognise(reader: Reader) -> bool:
    """Whether the folder has a results.tsv with a commit and a status."""
    if not reader.has(NAME):
        return False
    with (reader.folder / NAME).open("rb") as stream:
        return {b"commit", b"status"} <= set(stream.readline(4096).strip().split(b"\t"))


def read(reader: Reader) -> ImportedRun:
    """The run in a folder.

    Raises:
        DataError: where results.tsv is not a table with a commit, a value and a status.
    """
    lines = reader.read(NAME).splitlines(keepends=True)
    header = lines[0].decode("utf-8", "replace").rstrip("\r\n").split("\t") if lines else []
    if len(header) < 3 or header[0] != "commit" or "status" not in header:
        raise DataError("the first line is not commit, a value, …, status, …", where=NAME)
    score = header[1]
    known = score in LOWER
    said = (
        f"autoresearch takes a lower {score} as better" if known else f"nothing says which {score} is better"
    )
    run = ImportedRun("autoresearch", score[:NAME_CHARACTERS], MINIMIZE if known else UNKNOWN, said)
    run.records.append(NativeRecord(NAME, 0, lines[0]))
    rows: list[tuple[str, _Row]] = []
    taken: set[str] = set()
    for place, line in enumerate(lines[1:], 1):
        row = _row(line, header, place, run)
        key = None if row is None else _key(row.commit, place, taken)
        run.records.append(NativeRecord(NAME, place, line, key))
        if row is not None and key is not None:
            rows.append((key, row))
            taken.add(key)
    programs, parents = _from_git(reader, rows, run)
    _add(rows, programs, parents, run)
    return run


def _key(commit: str, place: int, taken: set[str]) -> str:
    return commit if commit and commit not in taken else f"{commit or 'row'}#{place}"


def _row(line: bytes, header: list[str], place: int, run: ImportedRun) -> _Row | None:
    cells = line.decode("utf-8", "replace").rstrip("\r\n").split("\t")
    if len(cells) > len(header):  # a tabulator in the description, which is the last column
        cells = [*cells[: len(header) - 1], " ".join(cells[len(header) - 1 :])]
    found = dict(zip(header, (cell.strip() for cell in cells), strict=False))
    if len(cells) < len(header) or found["status"] not in _STATUS:
        if line.strip():
            run.note("damaged", f"{NAME}, line {place + 1} is not a row; it is kept in the records alone")
        return None
    values = {name: _number(cell) for name, cell in found.items()}
    more = {name: value for name, value in values.items() if value is not None and name != "commit"}
    description = found.get("description", "")
    return _Row(found["commit"], values[header[1]], found["status"], description, more)


def _number(cell: str) -> float | None:
    try:
        return finite(float(cell))
    except ValueError:
        return None


def _from_git(
    reader: Reader, rows: list[tuple[str, _Row]], run: ImportedRun
) -> tuple[dict[str, str], dict[str, str]]:
    """Programs by id, and for each commit that is there the id of its parent commit."""
    if reader.linked(".git/objects") or not (reader.folder / ".git" / "objects").is_dir():
        run.note("lost", "there is no git repository beside results.tsv, and so there are no programs")
        return {}, {}
    wanted = [(key, row.commit) for key, row in rows if _COMMIT.fullmatch(row.commit)]
    with tempfile.TemporaryDirectory(prefix="asi-repro-import-") as work:
        repository = Path(work) / "repository.git"
        init_bare(repository)
        if not _copy_objects(reader.folder / ".git", repository, run):
            return {}, {}
        try:
            sources = list(read_objects(repository, [f"{commit}:{PROGRAM}" for _, commit in wanted]))
            commits = list(read_objects(repository, [f"{commit}^{{commit}}" for _, commit in wanted]))
        except AsiReproError as error:
            run.note("damaged", f"the git repository cannot be read: {error.what[:200]}")
            return {}, {}
    programs, parents = {}, {}
    for (key, _), source, commit in zip(wanted, sources, commits, strict=True):
        if source is not None and source[0] == b"blob":
            programs[key] = source[1].decode("utf-8", "replace")
        if commit is not None and (match := re.search(rb"^parent ([0-9a-f]{40})$", commit[1], re.M)):
            parents[key] = match[1].decode()
    if absent := [key for key, _ in wanted if key not in programs]:
        of = f"{len(absent)} of {counted(len(rows), 'commit')}"
        run.note("lost", f"no program of {of}: gone from the branch or unreadable, such as {absent[0]}")
    return programs, parents


def _copy_objects(git: Path, repository: Path, run: ImportedRun) -> bool:
    files = [p for p in sorted(git.glob("objects/*/*")) if _OBJECT.fullmatch(p.relative_to(git).as_posix())]
    plain = [path for path in files if path.is_file() and not path.is_symlink()]
    if sum(path.stat().st_size for path in plain) > _MOST_BYTES:
        run.note(
            "lost", f"the git repository is larger than {_MOST_BYTES >> 30} GiB: its programs are left out"
        )
        return False
    for path in plain:
        target = repository / path.relative_to(git)
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)
    return True


def _add(
    rows: list[tuple[str, _Row]], programs: dict[str, str], parents: dict[str, str], run: ImportedRun
) -> None:
    kept: str | None = None
    guessed = 0
    earlier: dict[str, str] = {}
    for place, (key, row) in enumerate(rows):
        stated = parents.get(key)
        # A row has the commit as git abbreviates it.
        parent = next((earlier[s] for n in range(4, 41) if stated and (s := stated[:n]) in earlier), None)
        earlier.setdefault(row.commit, key)
        if parent is None and stated is None and kept is not None:
            parent, guessed = kept, guessed + 1
        failed = row.status == "crash" or row.score is None
        run.nodes.append(
            make_node(
                f"{NAME}, {key}",
                run,
                id=key,
                status=FAILED if failed else _STATUS[row.status],
                parents=links([parent]),
                name=short(row.description),
                score=None if failed else row.score,
                metrics={} if failed else dict(row.more),
                program=programs.get(key),
                language="python",
                motivation=text(row.description),
                iteration=place,
            )
        )
        kept = key if row.status == "keep" else kept
    if guessed:
        run.note(
            "gap",
            f"{guessed} commits are gone, and their parents with them: the last row that was kept before "
            "each is taken for its parent, as autoresearch works",
        )
