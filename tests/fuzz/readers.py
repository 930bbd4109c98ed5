"""The readers of what comes from outside: for each a valid file, and how the project reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mutations import Kind

from asi_repro.project import Project
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import dump_json

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Reader:
    """One reader.

    Attributes:
        kind: which mutations fit its file.
        make: writes valid files below a folder; gives the one to damage.
        read: reads what is in that folder, as far as a command would.
        heavy: its imports or its git processes cost seconds: only with `-m slow`.
    """

    kind: Kind
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    heavy: bool = False


def write(path: Path, data: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


# The release and the archive


def release(file: str) -> Reader:
    def make(folder: Path) -> Path:
        from synthetic_release import write_synthetic_release

        write_synthetic_release(folder, 12, gallery=3)
        return folder / file

    def read(folder: Path) -> Any:
        from asi_repro.archive.release import read_release

        return read_release(folder)

    return Reader("json", make, read)


def make_archive(folder: Path) -> Path:
    from synthetic_release import write_synthetic_release

    from asi_repro.archive.release import read_release
    from asi_repro.archive.tables import write_archive

    write_synthetic_release(folder / "release", 12, gallery=3)
    write_archive(read_release(folder / "release"), folder / "archive")
    return folder / "archive"


def archive(table: str) -> Reader:
    def read(folder: Path) -> Any:
        from asi_repro.archive import cognition
        from asi_repro.archive.reader import Archive
        from asi_repro.claims.data import Data

        opened = Archive(folder / "archive")
        for name in ("experiments", "programs", "curves", "benchmarks", "cognition", "sources"):
            opened.table(name)
        data = Data(opened)
        return opened.lineage, data.gallery, data.programs, data.final_losses, cognition.entries(opened)

    return Reader("bytes", lambda folder: make_archive(folder) / f"{table}.parquet", read)


def make_bundle(folder: Path) -> Path:
    from asi_repro.archive.history.writing import write_history
    from asi_repro.archive.reader import Archive

    write_history(Archive(make_archive(folder)), folder / "history.bundle")
    return folder / "history.bundle"


def read_bundle_header(folder: Path) -> Any:
    from asi_repro.archive.history.bundle import read_header

    return read_header(folder / "history.bundle")


def read_bundle(folder: Path) -> Any:
    import shutil

    from asi_repro.archive.history.clone import open_history
    from asi_repro.archive.history.verify import verify_history
    from asi_repro.archive.reader import Archive

    shutil.rmtree(folder / "clone", ignore_errors=True)
    verify_history(folder / "history.bundle", Archive(folder / "archive"))
    return open_history(folder / "history.bundle", folder / "clone")


# What the stages leave


def make_certificate(folder: Path) -> Path:
    from asi_repro.verify.certificate import Certificate, in_order, write_certificate
    from asi_repro.verify.results import at_most

    row = at_most(
        "runs_fp32", 0.5, 1.0, unit="s", method="Timed.", detail={"worst": [1, 2], "where": {"t": 3}}
    )
    made = Certificate(
        7, "mixer", "Mixer", "0" * 64, 5, {"torch": "2", "tier": "landlock"}, {"width": 8}, {"runs": "k"},
        in_order([row]),
    )  # fmt: skip
    write_certificate(made, folder)
    return folder / "7.json"


def read_certificate(folder: Path) -> Any:
    from asi_repro.verify.certificate import find_certificate, leaks, read_certificates, summary
    from asi_repro.verify.markdown import certificate_markdown

    found = read_certificates(folder)
    return leaks(found), summary(found), find_certificate(folder, "7"), certificate_markdown(found[0])


def make_claims(folder: Path) -> Path:
    from ledgers import entry, ledger

    from asi_repro.claims.own_measurements import measured_entries

    rows = {"what": "rows", "source": "archive/experiments", "rows": [{"index": 1, "score": 0.5}], "total": 9}
    claim = entry(
        "one",
        "reproduced",
        parts=[{"what": "a", "claimed": "b", "found": "c", "verdict": "reproduced"}],
        notes=["n"],
        evidence=[rows],
        found_figures={"a": 1.5},
    )
    measured = [row.model_dump() for row in measured_entries(None)]
    settings = {"seed": 1, "resamples": 100}
    content = ledger([claim], settings=settings, summary={"reproduced": 1}, measured=measured)
    return write(folder / "claims.json", dump_json(content))


def read_claims(folder: Path) -> Any:
    from asi_repro.claims.ledger import find_claim, read_ledger
    from asi_repro.claims.page import page

    ledger = read_ledger(folder / "claims.json")
    return find_claim(ledger, "one"), page(ledger)


def read_params(folder: Path) -> Any:
    from asi_repro.config.params import load_params

    return load_params(folder)


def read_selected(folder: Path) -> Any:
    from asi_repro.sweep.selection import read_selection

    return read_selection(folder / "selection.yaml")


SELECTION = "# Written\nselection:\n  delta_net: asi_repro/models/baselines\n  7-mixer: artifacts/archive\n"


def make_training(folder: Path) -> Path:
    from asi_repro.results.training import CURVE, Point, TrainingResult, write_curve, write_json

    result = TrainingResult(
        name="delta_net", title="DeltaNet", index=None, program_sha256=None, scale="smoke", seed=0, key="0" * 64,
        identity={"recipe": {"steps": 2}, "corpus": "0"}, status="completed", stop=None, leak_guard=False, steps=2,
        tokens=20, parameters=5, flops_per_token=30.0, flops=600.0, final_loss=5.0, last_tenth_loss=5.0,
        auxiliary_loss=None, unsaved_state=["a"], weights_sha256="0" * 64,
    )  # fmt: skip
    points = [Point(step=n, tokens=10 * n, loss=6.0 - n, mean_loss=None, learning_rate=0.1, grad_norm=1.0,
                    auxiliary_loss=None) for n in (1, 2)]  # fmt: skip
    write_json(result, folder / "result.json")
    write_curve(points, folder / CURVE)
    return folder / "result.json"


def read_trained(folder: Path) -> Any:
    from asi_repro.results.training import last_tenth, read_curve, read_training

    return read_training(folder), last_tenth(read_curve(folder), 2)


def make_evaluation(folder: Path) -> Path:
    from asi_repro.results.evaluation import (
        EvaluationResult,
        ItemsRecord,
        MetricRecord,
        TaskRecord,
    )
    from asi_repro.store.records import write_record

    data = ItemsRecord(
        source="package", dataset="d", revision="1", split="s", sha256="0", available=2, note=""
    )
    task = TaskRecord(
        task="piqa", lm_eval_task="piqa", version=1.0, shots=0, items=2, main_metric="acc", chance=0.5,
        metrics={"acc": MetricRecord(value=0.5, stderr=None, higher_is_better=True)},
        per_item={"acc": [1.0, 0.0]}, data=data,
    )  # fmt: skip
    result = EvaluationResult(
        name="delta_net", weights_sha256=None, program_sha256=None, parameters=5, dtype="float32", sandbox="none",
        limit=None, batch_size=1, max_length=16, tokenizer={"name": "gpt2"}, versions={"torch": "2"}, tasks=[task],
        validation=None, requests=4,
    )  # fmt: skip
    write_record(folder / "evaluation.json", result)
    return folder / "evaluation.json"


def read_evaluation(folder: Path) -> Any:
    from asi_repro.results.evaluation import read_result

    return read_result(folder / "evaluation.json")


def make_items(folder: Path) -> Path:
    from asi_repro.data.items import ItemFile

    rows = [{"goal": f"Open jar {n}", "sol1": "Turn.", "sol2": "Sing.", "label": n % 2} for n in range(3)]
    data = "".join(json.dumps(row) + "\n" for row in rows)
    write(folder / "piqa.jsonl", data)
    file = ItemFile(
        benchmark="piqa",
        source="package",
        dataset="made-up",
        revision="1",
        split="validation",
        items=3,
        sha256=sha256_bytes(data.encode()),
        note="",
    )
    return write(folder / "manifest.json", dump_json({"schema": 1, "files": [file.model_dump()]}))


def read_items(folder: Path) -> Any:
    from asi_repro.data.items import load_items

    return load_items(folder, "piqa")


def make_sweep(folder: Path) -> Path:
    from asi_repro.results.differences import Difference, Spread
    from asi_repro.results.table import CurvePoint, ModelRow, Results, Summary, write_results

    summary = Summary(
        about="Made up.", scale="smoke", tokens=20, corpus="c", corpus_stand_in=True, tasks=["piqa"],
        items={"piqa": 2}, chance=0.5, against="delta_net", resamples=100, not_compared=[],
    )  # fmt: skip
    rows = [
        ModelRow(name=name, title=name, baseline=name == "delta_net", seeds=1, loss=Spread(mean=5.0, count=1),
                 tasks={"piqa": Spread(mean=0.5, count=1)}, against={"score": Difference(estimate=0.1)})
        for name in ("delta_net", "7-mixer")
    ]  # fmt: skip
    curves = [CurvePoint(name="delta_net", seed=0, step=n, tokens=n, loss=5.0) for n in (1, 2)]
    write_results(Results(summary=summary, models=rows, curves=curves), folder)
    return folder / "summary.json"


def read_sweep(folder: Path) -> Any:
    from asi_repro.results.table import read_results

    return read_results(folder).better("score")


def make_row(folder: Path) -> Path:
    [row, *_] = sorted((ROOT / "artifacts/sweeps/laptop/rows").glob("*.json"))
    return write(folder / "rows" / row.name, row.read_bytes())


def read_row(folder: Path) -> Any:
    from asi_repro.results.recorded_sweep import read_sweep as read
    from asi_repro.results.recorded_sweep import sentence
    from asi_repro.results.sweep_rows import read_row as one
    from asi_repro.results.sweep_rows import row_paths

    rows = [one(path) for path in row_paths(folder)]
    return sentence(read(rows, paper={}, total=None, seed=1, resamples=10))


def make_probe(folder: Path) -> Path:
    from asi_repro.results.probe_rows import ProbeRow, probe_path, write_probe

    fields = dict.fromkeys(("key", "program", "conditions", "trouble", "hardware"), "k")
    row = ProbeRow(
        **fields,
        name="delta_net",
        task="recall",
        seed=0,
        score=0.5,
        chance=0.0625,
        asked=100,
        tokens=1000,
        tokens_to_pass=None,
        curve={"1000": 0.5},
        parameters=10,
        cpu_seconds=1.0,
    )
    write_probe(row, folder)
    return probe_path(folder, row.name, row.task, row.seed)


def read_probe(folder: Path) -> Any:
    from asi_repro.results.probe_matrix import make_matrix
    from asi_repro.results.probe_rows import probe_paths
    from asi_repro.results.probe_rows import read_probe as one

    return make_matrix([one(path) for path in probe_paths(folder)], {"recall": "recall"}).sentence


def other(make: Callable[[Path], Path], name: str) -> Callable[[Path], Path]:
    """Another of the files that `make` writes."""
    return lambda folder: make(folder).with_name(name)


def make_state(folder: Path) -> Path:
    from asi_repro.tui.state import State, save_state

    state = State("dark")
    place = state.run(folder / "archive")
    place.index, place.bookmarks, place.views = 7, [1, 2], {"lineage": {"order": "score"}}
    save_state(state, folder / "browse.json")
    return folder / "browse.json"


def read_state(folder: Path) -> Any:
    from asi_repro.tui.state import load_state

    return load_state(folder / "browse.json").run(folder)


def make_pins(folder: Path) -> Path:
    pin = "outs:\n- md5: 0123456789abcdef0123456789abcdef\n  size: 3\n  hash: md5\n  path: tree.json\n"
    return write(folder / "artifacts/release/data/tree.json.dvc", pin)


def read_pins(folder: Path) -> Any:
    from asi_repro.archive.fsck.dvc import _read_yaml

    return _read_yaml(Project(folder).release / "data/tree.json.dvc")


STAGES = {
    "release tree": release("data/tree.json"),
    "release gallery": release("data/106.json"),
    "release cognition": release("cognition_base/cognition/paper_1.json"),
    **{
        f"archive {name}": archive(name)
        for name in ("experiments", "programs", "curves", "benchmarks", "cognition", "sources")
    },
    "history header": Reader("bytes", make_bundle, read_bundle_header),
    "history bundle": Reader("bytes", make_bundle, read_bundle, heavy=True),
    "certificate": Reader("json", make_certificate, read_certificate),
    "claims": Reader("json", make_claims, read_claims),
    "params.yaml": Reader(
        "text", lambda at: write(at / "params.yaml", (ROOT / "params.yaml").read_bytes()), read_params
    ),
    "selection.yaml": Reader("text", lambda at: write(at / "selection.yaml", SELECTION), read_selected),
    "training result": Reader("json", make_training, read_trained),
    "training curve": Reader("text", other(make_training, "curve.csv"), read_trained),
    "evaluation": Reader("json", make_evaluation, read_evaluation),
    "items manifest": Reader("json", make_items, read_items),
    "sweep summary": Reader("json", make_sweep, read_sweep),
    "sweep models": Reader("text", other(make_sweep, "models.csv"), read_sweep),
    "sweep curves": Reader("text", other(make_sweep, "curves.csv"), read_sweep),
    "sweep row": Reader("json", make_row, read_row),
    "probe row": Reader("json", make_probe, read_probe),
    "DVC pin": Reader("text", make_pins, read_pins),
    "browse state": Reader("json", make_state, read_state),
}
