"""A run's database as an archive: the tables that the release has, and two that only our own runs have."""

from __future__ import annotations

import json

import pyarrow as pa

from asi_repro.archive.bare_programs import bare_program
from asi_repro.archive.schema import column
from asi_repro.archive.tables import Run, write_archive
from asi_repro.discover.loop.verification import VERIFICATION
from asi_repro.discover.run.content import (
    ANALYSIS,
    DISCOVERY,
    ORIGIN,
    PROGRAM,
    Discovery,
    read_discovery,
    read_object,
)
from asi_repro.discover.run.folder import LAB, LLM, SETTINGS, DiscoveryRun
from asi_repro.discover.run.store import VERIFIED
from asi_repro.errors import DataError
from asi_repro.store.files import sha256_bytes, sha256_file
from asi_repro.store.json_text import JsonDict

_METRICS = ("train_loss", "benchmark", "parameters", "tokens", "flops")
_FILES = (DISCOVERY, "experiment.json", PROGRAM, ANALYSIS)


FITNESS = pa.schema(
    [
        column("index", pa.int32(), "Experiment index."),
        column("commit", pa.string(), "Its commit in run.git."),
        column("arm", pa.string(), "operators or llm."),
        column("fitness", pa.float64(), "Mean of the terms, 0 to 1 (equation 2)."),
        column(
            "loss_term", pa.float64(), "Sigmoid of the loss difference; null: not a component.", null=True
        ),
        column("benchmark_term", pa.float64(), "Of the benchmark difference.", null=True),
        column("judge_term", pa.float64(), "The Judge's score; null where the arm has none.", null=True),
        column("loss_difference", pa.float64(), "Share by which the loss is below the baseline's."),
        column("benchmark_difference", pa.float64(), "Share by which the mean score is above it."),
        column("beats_baseline", pa.bool_(), "Better in both: a discovery of the first stage."),
        column("train_loss", pa.float64(), "Mean of the last tenth of the steps, nats per token."),
        column("benchmark", pa.float64(), "Mean of the tasks' scores, 0 to 1."),
        column("parameters", pa.int64(), "Of the whole model at the stage's scale."),
        column("tokens", pa.int64(), "Trained on."),
        column("flops", pa.int64(), "Of the training."),
        column("operators", pa.list_(pa.string()), "What made the program; empty for an LLM's."),
        column("references", pa.list_(pa.int32()), "Experiments it was shown beside its parent."),
        column("verified", pa.bool_(), "Whether it went through the second stage."),
        column("passed", pa.bool_(), "Better in both there too; null: not verified.", null=True),
        column("verified_loss_difference", pa.float64(), "As above, in the second stage.", null=True),
        column("verified_benchmark_difference", pa.float64(), "As above.", null=True),
    ],
    metadata={
        b"description": b"One row an experiment: equation 2 and both stages.",
        b"origin": ORIGIN.encode(),
    },
)
ANALYSES = pa.schema(
    [
        column("index", pa.int32(), "Experiment index."),
        column("text", pa.string(), "The Analyst's note, Markdown; in the control arm made by rule."),
        column("shortcomings", pa.list_(pa.string()), "What it found wanting."),
        column("cognition", pa.list_(pa.string()), "Ids of the cognition entries recalled."),
    ],
    metadata={b"description": b"One row an experiment: the analysis.", b"origin": ORIGIN.encode()},
)


def write_run_archive(run: DiscoveryRun) -> tuple[dict[str, int], dict[str, int]]:
    """Write `archive/` of a run from its database.

    Returns:
        Rows by table; how many experiments beat the baseline, and how many passed the second stage.

    Raises:
        DataError: where a commit is not an experiment of the loop.
    """
    commits = run.store.commits()
    verified = _verified(run)
    made, fitness, analyses = Run(), [], []
    for (index, commit), files in zip(
        commits.items(), run.store.files(commits.values(), _FILES), strict=True
    ):
        where = f"{run.store.folder}, experiment {index}"
        discovery = read_discovery(files, where)
        experiment = read_object(files, "experiment.json", where)
        try:
            _add(made, experiment, files[PROGRAM], verified.get(index, {}))
            fitness.append(_fitness_row(discovery, commit, verified.get(index)))
            analyses.append(
                {"index": index, "text": files[ANALYSIS].decode(), **discovery.analysis.model_dump()}
            )
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(f"this is not an experiment of the loop: {error!r}", where=where) from error
    made.sources = _sources(run, len(commits))
    more = {
        "fitness": pa.Table.from_pylist(fitness, schema=FITNESS),
        "analyses": pa.Table.from_pylist(analyses, schema=ANALYSES),
    }
    rows = write_archive(made, run.folder / "archive", more=more)
    beat = sum(row["beats_baseline"] for row in fitness)
    return rows, {"beat_baseline": beat, "passed": sum(bool(row["passed"]) for row in fitness)}


def _add(made: Run, experiment: JsonDict, program: bytes, verified: JsonDict) -> None:
    index = experiment["index"]
    common = {key: experiment[key] for key in ("index", "name", "display_name", "parent", "score")}
    made.experiments.append({**common, "in_gallery": bool(verified.get("passed")), "has_program": True})
    made.programs.append(common | bare_program(program.decode(), experiment["program"]["motivation"]))
    made.curves += [{"index": index, **row} for row in experiment["curve"]]
    made.benchmarks += [{"index": index, **row} for row in experiment["benchmarks"]]


def _fitness_row(discovery: Discovery, commit: str, verified: JsonDict | None) -> JsonDict:
    fitness, second = discovery.fitness, verified or {}
    return {
        **discovery.model_dump(include={"index", "arm", "operators", "references"}),
        **{name: getattr(discovery.metrics, name) for name in _METRICS},
        "commit": commit,
        "fitness": fitness.value,
        **{f"{name}_term": fitness.terms.get(name) for name in ("loss", "benchmark", "judge")},
        **fitness.model_dump(include={"loss_difference", "benchmark_difference", "beats_baseline"}),
        "verified": verified is not None,
        "passed": second.get("passed"),
        "verified_loss_difference": second.get("loss_difference"),
        "verified_benchmark_difference": second.get("benchmark_difference"),
    }


def _verified(run: DiscoveryRun) -> dict[int, JsonDict]:
    commits = run.store.commits(VERIFIED)
    found = run.store.files(commits.values(), (VERIFICATION,))
    return {
        index: read_object(files, VERIFICATION, f"{run.store.folder}, refs/verified, experiment {index}")
        for index, files in zip(commits, found, strict=True)
    }


def _sources(run: DiscoveryRun, experiments: int) -> list[JsonDict]:
    rows = []
    for name in (SETTINGS, LAB, LLM):
        path = run.folder / name
        if path.is_file():
            records = 1 if name == SETTINGS else path.read_bytes().count(b"\n")
            rows.append((name, sha256_file(path), path.stat().st_size, records))
    listed = json.dumps(run.store.commits()).encode()
    rows.append(("run.git", sha256_bytes(listed), len(listed), experiments))
    columns = ("file", "sha256", "bytes", "records")
    return [{**dict(zip(columns, row, strict=True)), "url": None, "commit": None} for row in rows]
