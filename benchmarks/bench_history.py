"""Writing the git history against bare git, against the usual GitPython loop, and as the run grows.

    python benchmarks/bench_history.py [ARCHIVE]    the archive's run, else a made-up one of 1,772 experiments
    python benchmarks/bench_history.py --growth     made-up runs of 1,000, 10,000 and 100,000 experiments

What is compared, each a whole process, in turn, the median of the repeats:
  history           read the archive, make the stream, git fast-import, write the bundle
  bare              `git init` and `git fast-import` of that very stream out of a file, as git comes
  bare, tuned       the same with the settings history uses: nothing compressed or delta-coded, and
                    the C library told to keep its memory, which is most of the gain
  GitPython loop    a file a blob written, repo.index.add, repo.index.commit, repo.create_tag; on a subset
                    where the run is larger, its time scaled up in proportion (said where it is)
Memory is the peak of the process and of its largest child. Exits with 1 where a limit is not kept:
history at most 2 x bare, growth exponent of the time at most 1.1.
"""

from __future__ import annotations

import argparse
import math
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from asi_repro.archive.history.commits import STREAM_END, STREAM_HEAD, commit_of
from asi_repro.archive.history.content import experiment_files
from asi_repro.archive.history.records import read_records
from asi_repro.archive.reader import Archive
from asi_repro.archive.release import read_release
from asi_repro.archive.tables import write_archive
from asi_repro.store.git import start_git

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from synthetic_release import write_synthetic_release

RATIO_LIMIT = 2.0
EXPONENT_LIMIT = 1.1
LOOP_EXPERIMENTS = 200


def save_stream(archive: Archive, path: Path) -> None:
    marks: dict[int, int] = {}
    with path.open("wb") as out:
        out.write(STREAM_HEAD)
        for record in read_records(archive):
            marks[record.index] = len(marks) + 1
            parent = None if record.parent is None else f":{marks[record.parent]}"
            out.write(commit_of(record, parent).stream(marks[record.index]))
        out.write(STREAM_END)


def history(archive: Path, work: Path) -> None:
    from asi_repro.archive.history.writing import write_history

    write_history(Archive(archive), work / "history.bundle")


def bare_tuned(stream: Path, work: Path) -> None:
    from asi_repro.store.git import init_bare

    init_bare(work / "r.git")
    command = [f"--git-dir={work / 'r.git'}", "fast-import", "--quiet", "--depth=0"]
    with stream.open("rb") as source, start_git(command) as process:
        while block := source.read(1 << 20):
            process.stdin.write(block)


def bare(stream: Path, work: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", "init", "-q", "--bare", work / "r.git"], env=environment, check=True)
    with stream.open("rb") as source:
        command = ["git", f"--git-dir={work / 'r.git'}", "fast-import", "--quiet"]
        subprocess.run(command, stdin=source, env=environment, check=True)


def loop(archive: Path, work: Path) -> None:
    import git

    repo = git.Repo.init(work / "loop", initial_branch="main")
    who = git.Actor("x", "x@x.invalid")
    commits: dict[int, git.Commit] = {}
    for record in read_records(Archive(archive)):
        for name, data in experiment_files(record).items():
            (work / "loop" / name).write_bytes(data)
        repo.index.add(list(experiment_files(record)))
        parents = [] if record.parent is None else [commits[record.parent]]
        commits[record.index] = repo.index.commit(
            record.experiment.label, parent_commits=parents, author=who, committer=who, head=False
        )
        repo.create_tag(f"e{record.index}", commits[record.index])
        if len(commits) == LOOP_EXPERIMENTS:
            break


def verify(archive: Path, bundle: Path) -> None:
    from asi_repro.archive.history.verify import verify_history

    if problems := verify_history(bundle, Archive(archive)):
        raise SystemExit("\n".join(problems))


def measure(action: Callable[..., None], *arguments: Path) -> tuple[float, float, float]:
    """Wall seconds, and peak MiB of this process's fork and of its largest child."""
    reader, writer = os.pipe()
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            action(*arguments)
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
            os.write(writer, str(peak).encode())
            status = 0
        finally:
            sys.stdout.flush()
            os._exit(status)
    os.close(writer)
    _, code, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    with os.fdopen(reader) as said:
        peak_child = said.read()
    if code:
        raise SystemExit(f"{action.__name__} failed")
    return seconds, usage.ru_maxrss / 1024, int(peak_child) / 1024


def compare(archive: Path, repeats: int) -> bool:
    count = len(Archive(archive).experiments)
    with tempfile.TemporaryDirectory(prefix="bench-history-") as name:
        work = Path(name)
        stream = work / "stream"
        save_stream(Archive(archive), stream)
        actions: dict[str, tuple[Callable[..., None], Path]] = {
            "history": (history, archive),
            "bare": (bare, stream),
            "bare, tuned": (bare_tuned, stream),
        }
        taken: dict[str, list[float]] = {label: [] for label in actions}
        for repeat in range(repeats):
            for label, (action, source) in actions.items():
                place = work / f"{label}-{repeat}"
                place.mkdir()
                taken[label].append(measure(action, source, place)[0])
        place = work / "loop-work"
        place.mkdir()
        done = min(count, LOOP_EXPERIMENTS)
        slow = measure(loop, archive, place)[0]
        print(f"{count} experiments, stream of {stream.stat().st_size / 1e6:.1f} MB, {repeats} repeats")
    medians = {label: statistics.median(seconds) for label, seconds in taken.items()}
    for label, seconds in medians.items():
        spread = f"{min(taken[label]):.2f} to {max(taken[label]):.2f}"
        ratio = medians["history"] / seconds
        print(f"  {label:15} {seconds:8.3f} s ({spread})   history / {label} = {ratio:.2f}")
    scaled = slow * count / done
    print(f"  {'GitPython loop':15} {scaled:8.3f} s (measured: {slow:.2f} s for {done})", end="   ")
    print(f"GitPython loop / history = {scaled / medians['history']:.1f}")
    return medians["history"] <= RATIO_LIMIT * medians["bare"]


def growth(sizes: list[int], repeats: int) -> bool:
    points: dict[str, list[tuple[int, float]]] = {"history": [], "bare": [], "verify": []}
    print("experiments   history s  peak MiB  (git MiB)    bare s  ratio  verify s  peak MiB  bundle MB")
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="bench-history-") as name:
            work = Path(name)
            archive, stream = work / "archive", work / "stream"
            make = [sys.executable, __file__, "--make", str(size), str(archive)]
            subprocess.run(make, check=True)  # apart, so that its memory is not counted
            measure(lambda a, s: save_stream(Archive(a), s), archive, stream)
            taken = []
            for repeat in range(repeats):
                place, other = work / f"h{repeat}", work / f"b{repeat}"
                place.mkdir(), other.mkdir()
                taken.append((measure(history, archive, place), measure(bare, stream, other)))
            full = min((pair[0] for pair in taken), key=lambda t: t[0])
            alone = min(pair[1][0] for pair in taken)
            checked = measure(verify, archive, work / "h0" / "history.bundle")
            points["history"].append((size, full[0]))
            points["bare"].append((size, alone))
            points["verify"].append((size, checked[0]))
            bundle = (work / "h0" / "history.bundle").stat().st_size / 1e6
            print(
                f"{size:11,} {full[0]:11.2f} {full[1]:9.0f} {full[2]:10.0f} {alone:9.2f} "
                f"{full[0] / alone:6.2f} {checked[0]:9.2f} {checked[1]:9.0f} {bundle:10.1f}",
                flush=True,
            )
    exponents = {label: fitted_exponent(pairs) for label, pairs in points.items()}
    print("fitted exponents of the time: " + ", ".join(f"{k} {v:.2f}" for k, v in exponents.items()))
    return max(exponents["history"], exponents["verify"]) <= EXPONENT_LIMIT


def fitted_exponent(points: list[tuple[int, float]]) -> float:
    """Slope of log time over log size, least squares."""
    logs = [(math.log(size), math.log(seconds)) for size, seconds in points]
    middle_x = statistics.mean(x for x, _ in logs)
    middle_y = statistics.mean(y for _, y in logs)
    return sum((x - middle_x) * (y - middle_y) for x, y in logs) / sum((x - middle_x) ** 2 for x, _ in logs)


def make(size: int, archive: Path) -> None:
    """A made-up archive with a program for every twentieth experiment."""
    with tempfile.TemporaryDirectory(prefix="bench-release-") as folder:
        write_synthetic_release(Path(folder), size, gallery=max(1, size // 20))
        write_archive(read_release(Path(folder)), archive)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("archive", nargs="?", type=Path)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--sizes", nargs="+", type=int, default=[1_000, 10_000, 100_000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.make:
        make(int(options.make[0]), Path(options.make[1]))
        return
    if options.growth:
        kept = growth(options.sizes, min(options.repeats, 3))
    elif options.archive is not None:
        kept = compare(options.archive, options.repeats)
    else:
        with tempfile.TemporaryDirectory(prefix="bench-history-") as folder:
            make(1_772, Path(folder) / "archive")
            kept = compare(Path(folder) / "archive", options.repeats)
    verdict = "kept" if kept else "NOT KEPT"
    print(f"limits (history <= {RATIO_LIMIT:g} x bare; exponent <= {EXPONENT_LIMIT}): {verdict}")
    sys.exit(not kept)


if __name__ == "__main__":
    main()
