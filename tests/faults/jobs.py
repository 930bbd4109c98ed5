"""The commands that the suite disturbs, each with a project to run in and what it must come to."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from faults.commands import ROOT, End, asi_repro, run

EXPERIMENTS = 8
_WORDS = ("ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "rowan", "willow")
# Small enough that a command is over in seconds; the code that runs is that of any size.
_SMOKE = {
    "steps": 8,
    "warmup_steps": 2,
    "decay_steps": 2,
    "batch": 2,
    "length": 32,
    "micro_batch": 2,
    "checkpoint_every": 2,
    "slow_ratio": 0.0,
}


@dataclass(frozen=True)
class Job:
    """A command under test.

    Attributes:
        name: as the table names it.
        arguments: the command line.
        prepare: makes a project in which it can run, in an empty folder.
        results: patterns below the project of what it must come to.
        working: patterns of files that change as soon as it has done a piece of work; none for a command
            that is done in one piece.
        finished: what is finished and may not be lost, by name; the values may not change either.
        extra: environment of the command.
    """

    name: str
    arguments: Sequence[str]
    prepare: Callable[[Path], None]
    results: tuple[str, ...]
    working: tuple[str, ...] = ()
    finished: Callable[[Path], dict[str, str]] = field(default=lambda project: {})

    def run(self, project: Path) -> End:
        """Run it to its end."""
        return run(self.arguments, project)

    def outcome(self, project: Path) -> dict[str, str]:
        """What is there of its results: names to hashes."""
        return digest(project, self.results)


def digest(project: Path, patterns: Sequence[str]) -> dict[str, str]:
    """SHA-256 of the files that fit; of a bare repository its refs, since packing is git's affair."""
    found: dict[str, str] = {}
    for pattern in patterns:
        for path in sorted(project.glob(pattern)):
            name = path.relative_to(project).as_posix()
            if path.suffix == ".git":
                found[name] = refs(path)
            elif path.is_file() and path.name not in ("environment.json", ".gitignore"):
                found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def refs(repository: Path) -> str:
    """Every ref of a repository with its object."""
    found = subprocess.run(
        ["git", f"--git-dir={repository}", "for-each-ref", "--format=%(refname) %(objectname)"],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout


def committed(*places: str) -> Callable[[Path], dict[str, str]]:
    """Reads the commits of a run's repository."""

    def read(project: Path) -> dict[str, str]:
        lines = [line for place in places for line in refs(project / place).splitlines()]
        return dict(line.split() for line in lines if line.startswith("refs/experiments"))

    return read


def trained(project: Path) -> dict[str, str]:
    """Trained models that are whole."""
    return digest(project, ("artifacts/trained/smoke/*/seed-*/result.json",))


# Projects


def bare(folder: Path) -> None:
    """Settings and nothing else."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    settings["claims"]["resamples"] = 100
    settings["corpus"]["source"] = "texts"
    settings["train"]["recipes"]["smoke"] |= _SMOKE
    settings["evaluate"] |= {"limit": 2, "validation_blocks": 2}
    settings["discover"]["promote"] = 0
    settings["discover"]["exploration"] |= {"steps": 10, "limit": 2}
    (folder / "params.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    shutil.copy(ROOT / "dvc.yaml", folder / "dvc.yaml")


def with_release(folder: Path) -> None:
    """A made-up release of 400 experiments."""
    from synthetic_release import write_synthetic_release

    bare(folder)
    write_synthetic_release(folder / "artifacts" / "release", 400)


def with_archive(folder: Path) -> None:
    """Its tables."""
    with_release(folder)
    expect(run(asi_repro("archive"), folder))


def with_history(folder: Path) -> None:
    """Its history."""
    with_archive(folder)
    expect(run(asi_repro("history", "build"), folder))


def with_texts(folder: Path) -> None:
    """Text files."""
    bare(folder)
    (folder / "texts").mkdir()
    draw = random.Random(5)
    for number in range(160):
        words = " ".join(draw.choice(_WORDS) for _ in range(80))
        (folder / "texts" / f"{number:03d}.txt").write_text(f"Text {number}. {words}.", encoding="utf-8")


def with_corpus(folder: Path) -> None:
    """Their corpus."""
    with_texts(folder)
    expect(run(asi_repro("corpus"), folder))


def with_benchmarks(folder: Path) -> None:
    """A corpus and items of the benchmarks."""
    with_corpus(folder)
    expect(run(asi_repro("benchmarks"), folder))


def with_begun_run(folder: Path) -> None:
    """The settings and results of the recorded run: the loop is real, nothing has to be trained."""
    bare(folder)
    recorded = ROOT / "artifacts" / "recorded" / "control"
    run_folder = folder / "artifacts" / "runs" / "again"
    run_folder.mkdir(parents=True)
    settings = json.loads((recorded / "settings.json").read_text(encoding="utf-8"))
    settings["discover"]["promote"] = 0
    (run_folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    shutil.copy(recorded / "lab.jsonl", run_folder / "lab.jsonl")


DISCOVER = asi_repro(
    "discover", "--run", "again", "--lab", "recorded", "--experiments", str(EXPERIMENTS), "--workers", "2"
)


def with_run(folder: Path) -> None:
    """A finished run."""
    with_begun_run(folder)
    expect(run(DISCOVER, folder))


def with_shared_run(folder: Path) -> None:
    """Somebody's run as one file."""
    with_run(folder)
    expect(run(asi_repro("share", "again", "--to", "shared.bundle"), folder))
    shutil.rmtree(folder / "artifacts" / "runs")


def expect(end: End) -> None:
    """Stop where a command that nothing disturbed failed."""
    if end.status != 0:
        raise RuntimeError(f"an undisturbed command ended with {end.status}: {end.said[-2000:]}")


_RUN = "artifacts/runs/{0}"


def _run_results(name: str) -> tuple[str, ...]:
    return (f"artifacts/runs/{name}/run.git", f"artifacts/runs/{name}/archive/*")


def _run_work(name: str) -> tuple[str, ...]:
    return (f"artifacts/runs/{name}/journal/*", f"artifacts/runs/{name}/timings.jsonl")


ARCHIVE = Job("archive", asi_repro("archive"), with_release, ("artifacts/archive/*",))
HISTORY = Job("history build", asi_repro("history", "build"), with_archive, ("artifacts/history.bundle",))
CLAIMS = Job("claims build", asi_repro("claims", "build"), with_archive, ("artifacts/claims*",))
CORPUS = Job("corpus", asi_repro("corpus"), with_texts, ("artifacts/corpus/**/*",))
DISCOVERY = Job(
    "discover",
    DISCOVER,
    with_begun_run,
    _run_results("again"),
    _run_work("again"),
    committed("artifacts/runs/again/run.git"),
)
LIVE = Job(
    "discover (live)",
    asi_repro("discover", "--run", "live", "--arm", "operators", "--experiments", "3"),
    with_benchmarks,
    _run_results("live"),
    _run_work("live"),
    committed("artifacts/runs/live/run.git"),
)
TRAIN = Job(
    "train",
    asi_repro("train", "delta_net"),
    with_corpus,
    ("artifacts/trained/smoke/*/seed-*/*",),
    ("artifacts/trained/smoke/*/.seed-*.partial/*", "artifacts/trained/smoke/*/seed-*/result.json"),
    trained,
)
SWEEP = Job(
    "sweep",
    asi_repro("sweep", "delta_net", "gated_delta_net", "transformer", "--only", "train", "--jobs", "2"),
    with_corpus,
    TRAIN.results,
    TRAIN.working,
    trained,
)
VERIFY = Job(
    "verify", asi_repro("verify", "--all", "--jobs", "1"), with_archive, ("artifacts/certificates/*",)
)
SHARE = Job("share", asi_repro("share", "again", "--to", "shared.bundle"), with_run, ("shared.bundle",))
PULL = Job(
    "pull --run",
    asi_repro("pull", "--run", "shared.bundle", "--as", "theirs"),
    with_shared_run,
    (*_run_results("theirs"), "artifacts/runs/theirs/*.json*"),
)

CHEAP = (ARCHIVE, HISTORY, CORPUS, DISCOVERY, SHARE, PULL)
JOBS = (*CHEAP, CLAIMS, TRAIN, SWEEP)


def with_stages(folder: Path) -> None:
    """A DVC project with the stages of the release's tables and history, as dvc.yaml has them."""
    with_release(folder)
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    kept = {name: stages[name] for name in ("archive", "history")}
    for stage in kept.values():
        stage["deps"] = [place for place in stage["deps"] if place.startswith("artifacts/")]
        stage["cmd"] = " ".join(asi_repro(*stage["cmd"].split()[1:]))
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": kept}), encoding="utf-8")
    expect(run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], folder))


REPRO = Job(
    "dvc repro",
    [sys.executable, "-m", "dvc", "repro"],
    with_stages,
    (*ARCHIVE.results, *HISTORY.results, "dvc.lock"),
)
