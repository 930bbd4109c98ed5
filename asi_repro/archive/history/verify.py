"""Whether a history bundle holds what its archive holds, commit by commit."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path

from asi_repro.archive.history.bundle import history_refs, open_bundle, read_header
from asi_repro.archive.history.commits import commit_of, object_id, tree_id
from asi_repro.archive.history.content import commit_message, experiment_files, experiment_ref
from asi_repro.archive.history.records import ExperimentRecord, read_records
from asi_repro.archive.reader import Archive
from asi_repro.errors import AsiReproError
from asi_repro.store.git import init_bare, read_objects, require_git, run_git
from asi_repro.text import terminal_safe

# Enough to see what is wrong; a wrong archive would give a line for every experiment.
MAX_PROBLEMS = 50


def verify_history(bundle: Path, archive: Archive) -> list[str]:
    """What does not agree between a bundle and an archive; nothing where all does.

    The archive's commits are worked out here, without git. git checks that the pack holds every object
    that the refs lead to, whole and well formed. Where a commit is not the expected one, its files,
    message and parent are read with `git cat-file --batch` to say what differs.

    Raises:
        MissingInput: where there is no bundle.
        DataError: where it is no bundle that this program writes, or the archive is damaged.
        AsiReproError: where git is missing or too old.
    """
    require_git()
    refs, pack_offset = read_header(bundle)
    expected: dict[int, str] = {}
    for record in read_records(archive):
        parent = None if record.parent is None else expected[record.parent]
        others = tuple(expected[other] for other in record.others)
        expected[record.index] = commit_of(record, parent, others).id
    wanted = history_refs(archive.experiments.values(), expected, archive.objective)
    with tempfile.TemporaryDirectory(prefix="asi-repro-history-") as folder:
        repository = Path(folder) / "repository.git"
        init_bare(repository)
        try:
            _unpack(bundle, pack_offset, repository)
        except AsiReproError as error:
            return [f"the pack is damaged: {error.what}"]
        wrong = {i for i, commit in expected.items() if refs.get(experiment_ref(i)) != commit}
        # `expected` is in the order of `read_records`.
        suspects = {i: refs[experiment_ref(i)] for i in expected if i in wrong and experiment_ref(i) in refs}
        found = chain(
            _ref_problems(refs, wanted),
            _missing_objects(repository, refs, wanted),
            _differences(repository, refs, archive, suspects) if suspects else (),
        )
        problems = list(islice(found, MAX_PROBLEMS))
        return problems if next(found, None) is None else [*problems, "and more"]


def _unpack(bundle: Path, offset: int, repository: Path) -> None:
    with open_bundle(bundle) as stream:
        os.lseek(stream.fileno(), offset, os.SEEK_SET)
        run_git([f"--git-dir={repository}", "index-pack", "--strict", "--stdin"], stdin=stream)


def _ref_problems(refs: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[str]:
    for ref in sorted(wanted.keys() - refs.keys()):
        yield f"{ref} is missing"
    for ref in sorted(refs.keys() - wanted.keys()):
        yield f"{terminal_safe(ref)} is no ref of this run"
    for ref in sorted(wanted.keys() & refs.keys()):
        if not ref.startswith("refs/experiments/") and refs[ref] != wanted[ref]:
            yield f"{ref} is at {refs[ref]}, where {wanted[ref]} belongs"


def _missing_objects(repository: Path, refs: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[str]:
    """Refs at commits the pack does not hold; `index-pack --strict` checks the links between objects."""
    named = [ref for ref in wanted if ref in refs]
    objects = read_objects(repository, (refs[ref] for ref in named), content=False)
    for ref, found in zip(named, objects, strict=True):
        if found is None or found[0] != b"commit":
            yield f"{ref} is at {refs[ref]}, which is no commit of the pack"


def _differences(
    repository: Path, refs: Mapping[str, str], archive: Archive, suspects: Mapping[int, str]
) -> Iterator[str]:
    records = (record for record in read_records(archive) if record.index in suspects)
    for record, found in zip(records, read_objects(repository, suspects.values()), strict=True):
        if found is not None and found[0] == b"commit":
            yield from _differences_of(repository, refs, record, found[1])


def _differences_of(
    repository: Path, refs: Mapping[str, str], record: ExperimentRecord, commit: bytes
) -> Iterator[str]:
    name = experiment_ref(record.index)
    found_head, _, message = commit.partition(b"\n\n")
    lines = found_head.decode("utf-8", "replace").split("\n")
    parents = [line[7:] for line in lines if line.startswith("parent ")]
    known = [i for i in (record.parent, *record.others) if i is not None]
    if parents != [found for i in known if (found := refs.get(experiment_ref(i))) is not None]:
        yield f"{name}: its git parent is not the commit of experiment {', '.join(map(str, known)) or None}"
    if message != commit_message(record):
        yield f"{name}: another commit message"
    tree = lines[0][5:]
    first = parents[0] if parents else None
    expected_head = commit_of(record, first, tuple(parents[1:])).head(tree).rstrip(b"\n")
    if found_head != expected_head:
        yield f"{name}: another author, committer or date"
    yield from (f"{name}: {text}" for text in _file_differences(repository, record, tree))


def _file_differences(repository: Path, record: ExperimentRecord, tree: str) -> Iterator[str]:
    files = experiment_files(record)
    if tree_id(files) == tree:
        return
    listing = run_git([f"--git-dir={repository}", "ls-tree", "-r", "-z", tree]).split(b"\0")[:-1]
    found: dict[str, bytes] = {}
    for entry in listing:
        facts, _, name = entry.partition(b"\t")
        found[terminal_safe(name.decode("utf-8", "replace"), keep="")] = facts
    wanted = {name: f"100644 blob {object_id(b'blob', data)}".encode() for name, data in files.items()}
    for file in sorted(wanted.keys() | found.keys()):
        if file not in found:
            yield f"{file} is missing"
        elif file not in wanted:
            yield f"{file} does not belong there"
        elif found[file] != wanted[file]:
            yield f"{file} is not what the archive gives"
