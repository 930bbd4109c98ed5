"""Truncated and bit-flipped files: read back in this process by what the commands read them with.

A file that reads as before was not harmed where it counts. A refusal has to be an error of ours that names the
file. Anything that reads as something else is silently wrong. Of JSON lines a beginning may be left, since
what a kill cuts off is made again; a cut-off checkpoint or result is made again too.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from faults.bench import Bench, Trial
from faults.commands import End
from faults.jobs import ARCHIVE, CORPUS, DISCOVERY, HISTORY, SHARE, TRAIN, Job
from faults.outcomes import Outcome, Shot

CUTS, FLIPS = 6, 18


@dataclass(frozen=True)
class Kept:
    """A kind of file that a command leaves and another reads.

    Attributes:
        name: as the table names it.
        job: what makes it; None where `make` does.
        pattern: the files, below the project.
        read: gives what is in it, as plain values, from the project's folder.
        make: makes it in an empty folder.
        lines: whether a beginning of it counts.
    """

    name: str
    pattern: str
    read: Callable[[Path], Any]
    job: Job | None = None
    make: Callable[[Path], None] | None = None
    lines: bool = False


def trials() -> Iterator[Trial]:
    """One round."""
    for kept in KEPT:
        for _ in range(CUTS):
            yield _damaged(kept, "truncated file")
        for _ in range(FLIPS):
            yield _damaged(kept, "flipped bit")


def truncate(path: Path, draw: Random) -> str:
    """Cut a file off somewhere; says where."""
    size = path.stat().st_size
    left = draw.randrange(size)
    with path.open("rb+") as stream:
        stream.truncate(left)
    return f"{path.name}: {left:,} of {size:,} bytes left"


def flip(path: Path, draw: Random) -> str:
    """Flip one bit; says which."""
    data = bytearray(path.read_bytes())
    place, bit = draw.randrange(len(data)), draw.randrange(8)
    data[place] ^= 1 << bit
    path.write_bytes(data)
    return f"{path.name}: bit {bit} of byte {place:,}"


def _damaged(kept: Kept, fault: str) -> Trial:
    def inject(bench: Bench, draw: Random) -> Shot | None:
        with _project(kept, bench) as project:
            sound = kept.read(project)
            files = [p for p in sorted(project.glob(kept.pattern)) if p.is_file() and p.stat().st_size]
            detail = (truncate if fault.startswith("trunc") else flip)(draw.choice(files), draw)
            outcome, more = _look(kept, project, sound)
            return Shot(fault, kept.name, outcome, f"{detail}; {more}")

    return Trial("damage", fault, kept.name, inject)


def _look(kept: Kept, project: Path, sound: Any) -> tuple[Outcome, str]:
    from asi_repro.errors import AsiReproError

    try:
        found = kept.read(project)
    except AsiReproError as error:
        said = f"error: {error}"
        return (Outcome.REFUSED if End(1, said).clear else Outcome.UNCLEAR), said.replace("\n", " / ")[:300]
    except Exception as error:
        return Outcome.TRACEBACK, f"{type(error).__name__}: {str(error)[:300]}"
    if found == sound:
        return Outcome.SAME, ""
    if found is None or (kept.lines and found == sound[: len(found)]):
        return Outcome.RECOVERED, "what is missing is made again"
    return Outcome.WRONG, "read as something else"


class _project:  # reads as the function that it is
    """A project with the file in it, of its own."""

    def __init__(self, kept: Kept, bench: Bench) -> None:
        self._kept, self._bench = kept, bench

    def __enter__(self) -> Path:
        if self._kept.job is not None:
            self._copy = self._bench.copy(self._kept.job, done=True)
            return self._copy.__enter__()
        assert self._kept.make is not None
        self._folder = self._bench.new_folder()
        self._folder.mkdir(parents=True)
        self._kept.make(self._folder)
        return self._folder

    def __exit__(self, *error: Any) -> None:
        if self._kept.job is not None:
            self._copy.__exit__(*error)
        else:
            shutil.rmtree(self._folder, ignore_errors=True)


# Readers


def read_archive(project: Path) -> Any:
    from asi_repro.archive.reader import Archive
    from asi_repro.archive.schema import TABLES

    archive = Archive(project / "artifacts" / "archive")
    return {name: archive.table(name).to_pylist() for name in TABLES}


def read_history(project: Path) -> Any:
    """What `asi-repro fsck` says of it; a problem that it reports counts as a refusal."""
    from asi_repro.archive.history.verify import verify_history
    from asi_repro.archive.reader import Archive
    from asi_repro.errors import DataError

    path = project / "artifacts" / "history.bundle"
    problems = verify_history(path, Archive(project / "artifacts" / "archive"))
    if problems:
        raise DataError(problems[0], where=str(path), hint="make it again with `dvc repro --force history`")
    return "sound"


def read_corpus(project: Path) -> Any:
    from asi_repro.data.blocks import open_corpus

    corpus = open_corpus(project / "artifacts" / "corpus")
    splits = ("train", "validation")
    return [corpus.title, *(corpus.blocks(s, 32, seed=0).batch(0, 20).tolist() for s in splits)]


def _trained(project: Path) -> Path:
    return project / "artifacts" / "trained" / "smoke" / "delta_net" / "seed-0"


def read_trained(project: Path) -> Any:
    """Result and curve; the result of a training that is asked for again is None where it is made anew."""
    from asi_repro.results.training import read_curve, read_training

    result = read_training(_trained(project))
    return result.model_dump(), [point.model_dump() for point in read_curve(_trained(project))]


def read_weights(project: Path) -> Any:
    """As an evaluation does: the weights' hash is that of the result, then they are loaded."""
    from asi_repro.errors import DataError
    from asi_repro.results.training import WEIGHTS, read_training
    from asi_repro.store.files import sha256_file

    folder = _trained(project)
    if sha256_file(folder / WEIGHTS) != read_training(folder).weights_sha256:
        raise DataError(
            "the weights are not the ones that were trained", where=str(folder), hint="train again"
        )
    return "as trained"


def make_checkpoint(folder: Path) -> None:
    from asi_repro.train.checkpoints import Checkpoints

    draw = Random(3)
    Checkpoints(folder / "partial", "key").add(4, lambda name: draw.randbytes(5000))


def read_checkpoint(project: Path) -> Any:
    from asi_repro.train.checkpoints import Checkpoints

    kept = Checkpoints(project / "partial", "key")
    step = kept.latest()
    return None if step is None else {p.name: p.read_bytes() for p in kept.path(step).iterdir()}


def _again(project: Path) -> Path:
    return project / "artifacts" / "runs" / "again"


def make_lines(folder: Path) -> None:
    """Results of a lab and a journal as this version writes them: each line with its checksum."""
    from asi_repro.store.json_lines import append_line, read_lines
    from faults.commands import ROOT

    recorded = ROOT / "artifacts" / "recorded" / "control" / "lab.jsonl"
    for line in read_lines(recorded)[:12]:
        append_line(folder / "lab.jsonl", line)


def read_lab(project: Path) -> Any:
    from asi_repro.discover.lab.cache import ResultCache
    from asi_repro.store.json_lines import read_lines

    ResultCache(project / "lab.jsonl").get("")
    return read_lines(project / "lab.jsonl")


def make_journal(folder: Path) -> None:
    from asi_repro.discover.loop.journal import Journal

    journal = Journal(folder / "journal.jsonl", "7")
    for number in range(8):
        with journal.trace.span(f"step {number}", "CHAIN", number=number):
            pass
        journal.step(f"step {number}", lambda number=number: {"value": number * 1.25, "text": "as it was"})


def read_journal(project: Path) -> Any:
    from asi_repro.discover.loop.journal import Journal
    from asi_repro.store.json_lines import read_lines

    Journal(project / "journal.jsonl", "7")
    return read_lines(project / "journal.jsonl")


def make_llm(folder: Path) -> None:
    from asi_repro.llm.records import Records
    from asi_repro.llm.request import request_key

    records = Records(folder / "llm.jsonl")
    for number in range(6):
        request = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": f"Ask {number}"}]}
        response = {
            "role": "assistant",
            "model": "m",
            "stop_reason": "end_turn",
            "content": [{"type": "text", "text": f"Answer {number}, which has some length to be hit in."}],
            "usage": {"input_tokens": 11, "output_tokens": 12},
        }
        records.append("1", "researcher", request_key(request), 0, request, response)


def read_llm(project: Path) -> Any:
    """The answers to the requests that were made, as a replay looks for them; a miss is an error there."""
    from asi_repro.errors import MissingInput
    from asi_repro.llm.records import Records
    from asi_repro.llm.request import request_key

    records = Records(project / "llm.jsonl")
    found = []
    for number in range(6):
        request = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": f"Ask {number}"}]}
        answer = records.find("1", request_key(request), 0)
        if answer is None:
            if len(records.places) > number:  # not the tail that a kill cuts off: a replay stops here
                raise MissingInput("no such call", where=str(records.path), hint="restore the file")
            break
        found.append(answer)
    return found


def make_settings(folder: Path) -> None:
    from asi_repro.config.discover import DiscoverSettings
    from asi_repro.discover.run.folder import DiscoveryRun, RunSettings

    stage = {"recipe": {"steps": 24, "rate": 0.005}, "tasks": {"piqa": "ab" * 32}}
    DiscoveryRun.create(folder / "run", RunSettings(3, DiscoverSettings(), stage, stage, {}, {"python": "3"}))


def read_settings(project: Path) -> Any:
    from asi_repro.discover.run.folder import SETTINGS, RunSettings

    return RunSettings.read(project / "run" / SETTINGS).to_json()


def make_certificate(folder: Path) -> None:
    from asi_repro.verify.certificate import Certificate, in_order, write_certificate

    write_certificate(
        Certificate(
            7, "mixer", "Mixer", "ab" * 32, 4_500_000, {"torch": "2"}, {"width": 64}, {}, in_order([])
        ),
        folder,
    )


def read_certificate(project: Path) -> Any:
    from asi_repro.verify import certificate

    return certificate.read_certificate(project / "7.json").to_json()


def read_shared(project: Path) -> Any:
    """A shared run without its SHA-256 at hand: the commits."""
    from asi_repro.discover.run.recorded import commit_lines
    from asi_repro.discover.run.sharing import receive_run
    from asi_repro.project import Project

    shutil.rmtree(project / "theirs", ignore_errors=True)
    return commit_lines(
        receive_run(Project(project / "theirs"), str(project / "shared.bundle"), name="theirs")
    )


def read_run(project: Path) -> Any:
    """Every experiment's files in a run's repository, as its archive is made from them."""
    from asi_repro.discover.loop.exploration import _FILES
    from asi_repro.discover.run.content import read_candidate
    from asi_repro.discover.run.folder import DiscoveryRun

    run = DiscoveryRun(_again(project))
    commits = run.store.commits()
    files = run.store.files(commits.values(), _FILES)
    return [read_candidate(one, str(run.store.folder)) for one in files]


KEPT = (
    Kept("Parquet tables", "artifacts/archive/*.parquet", read_archive, ARCHIVE),
    Kept("history bundle", "artifacts/history.bundle", read_history, HISTORY),
    Kept("shared run's bundle", "shared.bundle", read_shared, SHARE),
    Kept("corpus (Parquet, JSON)", "artifacts/corpus/*", read_corpus, CORPUS),
    Kept("model.safetensors", "artifacts/trained/smoke/*/seed-0/model.safetensors", read_weights, TRAIN),
    Kept("result.json, curve.csv", "artifacts/trained/smoke/*/seed-0/[rc][eu]*", read_trained, TRAIN),
    Kept("checkpoint", "partial/*/*", read_checkpoint, make=make_checkpoint),
    Kept("lab.jsonl", "lab.jsonl", read_lab, make=make_lines, lines=True),
    Kept("journal", "journal.jsonl", read_journal, make=make_journal, lines=True),
    Kept("llm.jsonl", "llm.jsonl", read_llm, make=make_llm, lines=True),
    Kept("a run's settings.json", "run/settings.json", read_settings, make=make_settings),
    Kept(
        "a run's repository", "artifacts/runs/again/run.git/objects/[0-9a-f][0-9a-f]/*", read_run, DISCOVERY
    ),
    Kept("certificate", "7.json", read_certificate, make=make_certificate),
)
