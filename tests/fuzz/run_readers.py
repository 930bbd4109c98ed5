"""The readers of runs and of what people add: records, traces, shared runs, notes, prompts."""

from __future__ import annotations

import shutil
import sys
from functools import cache
from pathlib import Path
from typing import Any

from readers import ROOT, Reader, write

from asi_repro.errors import AsiReproError, DataError
from asi_repro.project import Project
from asi_repro.store.json_text import dump_json

sys.path.insert(0, str(ROOT / "tests" / "discover"))


@cache
def finished_run(home: Path) -> Path:
    """A run of the fake team, made once a process."""
    from fake_team import begin, do_all, fake_job

    folder = home / "run"
    begin(folder)
    do_all(fake_job(folder, experiments=4))
    return folder


# Records of a run


def make_settings(folder: Path) -> Path:
    from asi_repro.config.discover import DiscoverSettings
    from asi_repro.discover.run.folder import RunSettings

    stage = {"recipe": {"steps": 2}, "tasks": ["piqa"]}
    made = RunSettings(3, DiscoverSettings(), stage, stage, {"roles": {}}, {"python": "3.11"})
    return write(folder / "settings.json", dump_json(made.to_json()))


def read_settings(folder: Path) -> Any:
    from asi_repro.discover.run.folder import DiscoveryRun, RunSettings

    kept = RunSettings.read(folder / "settings.json")
    return kept.to_json(), DiscoveryRun(folder, kept).schedule


def make_lab(folder: Path) -> Path:
    from asi_repro.discover.json_values import to_json
    from asi_repro.discover.lab.cache import training_key
    from asi_repro.discover.types import Metrics
    from asi_repro.store.json_lines import append_line

    metrics = to_json(Metrics(5.0, {"piqa": 0.5}, 0.5, ((1, 9.0), (2, 5.0)), 10, 20, 30, 1.0))
    key = training_key("program", 0, {})
    for kind, result in (("train", {"metrics": metrics}), ("check", {"verdict": {"accepted": True}})):
        line = {"key": key, "kind": kind, "program": "0", "result": result, "made_with": {}}
        append_line(folder / "lab.jsonl", line)
    return folder / "lab.jsonl"


def read_lab(folder: Path) -> Any:
    from asi_repro.discover.lab.cache import CachedLab, ResultCache
    from asi_repro.traces.spans import Trace

    return CachedLab(ResultCache(folder / "lab.jsonl"), {}, None).run("program", 0, Trace("1"))


def make_llm(folder: Path) -> Path:
    from asi_repro.llm.records import Records
    from asi_repro.llm.request import request_key

    request = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
    response = {
        "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Yes"}, {"type": "tool_use", "id": "t", "name": "n", "input": {}}],
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }  # fmt: skip
    records = Records(folder / "llm.jsonl")
    for n in range(2):
        records.append("1", "judge", request_key(request), n, request, response)
    return folder / "llm.jsonl"


def read_llm(folder: Path) -> Any:
    from asi_repro.llm.message import text_of, tool_uses
    from asi_repro.llm.records import Records

    records = Records(folder / "llm.jsonl")
    found = [records.find(place.session, place.key, place.n) for place in records.places]
    return [(text_of(answer), tool_uses(answer)) for answer in found if answer is not None]


def make_journal(folder: Path) -> Path:
    from asi_repro.discover.loop.journal import Journal

    journal = Journal(folder / "1.jsonl", "1")
    for name in ("propose", "train"):

        def step(name: str = name) -> dict[str, Any]:
            with journal.trace.span(name, "TOOL", **{"tool.name": name}):
                return {"value": [1, name]}

        journal.step(name, step)
    return folder / "1.jsonl"


def read_journal(folder: Path) -> Any:
    from asi_repro.discover.loop.journal import Journal

    journal = Journal(folder / "1.jsonl", "1")
    return journal.seconds, journal.trace.to_jsonl()


def make_commits(folder: Path) -> Path:
    make_settings(folder)
    lines = [f"{kind} {n:07d} {'0' * 40}" for n, kind in enumerate(("experiment", "failed", "verified"))]
    return write(folder / "commits.txt", "\n".join(lines) + "\n")


def read_commits(folder: Path) -> Any:
    from asi_repro.discover.run.folder import DiscoveryRun
    from asi_repro.discover.run.listing import list_runs
    from asi_repro.discover.run.recorded import check_reproduction

    home = folder / "home"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(folder, home / "artifacts/recorded/one", ignore=shutil.ignore_patterns("home"))
    list_runs(Project(home))
    try:
        return check_reproduction(DiscoveryRun(folder))
    except AsiReproError as error:
        # Nothing was replayed, so a good list differs from what there is.
        return assert_in(error.what, "came out differently", "not a list of commits")


def assert_in(said: str, *known: str) -> str:
    if known[0] not in said:
        raise DataError(said)
    return said


# Traces


def a_trace() -> Any:
    from asi_repro.traces.spans import Trace

    trace = Trace("7", clock=iter(range(1000, 9000)).__next__)
    request = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}], "system": "S"}
    response = {
        "role": "assistant", "model": "m", "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "Yes"}], "usage": {"input_tokens": 1, "output_tokens": 2},
    }  # fmt: skip
    with trace.span("propose", "AGENT", **{"agent.name": "researcher"}):
        with trace.span(
            "ask", "LLM", **{"llm.request": request, "llm.response": response, "llm.cost.total": 0.1}
        ):
            pass
        with trace.span("recall", "RETRIEVER", **{"retrieval.documents": [{"document.id": "a"}]}):
            pass
        with trace.span("read", "TOOL", **{"tool.name": "read", "input.value": {"a": 1}, "more": [1]}):
            pass
    return trace


def read_trace_lines(folder: Path) -> Any:
    from asi_repro.traces.note import trace_note
    from asi_repro.traces.openinference import flatten
    from asi_repro.traces.otlp import otlp_json, to_otlp
    from asi_repro.traces.parquet import write_traces
    from asi_repro.traces.spans import Trace, read_jsonl

    rows = read_jsonl(folder / "trace.jsonl")
    write_traces(rows, folder / "out.parquet")
    if not rows:
        return None
    records = flatten(rows)
    otlp_json(to_otlp(records, "run"))
    return Trace.from_rows(rows), trace_note(records)


def make_trace_table(folder: Path) -> Path:
    from asi_repro.traces.parquet import write_traces

    trace = a_trace()
    write_traces(trace.to_rows(), folder / "run.parquet", trace.timings())
    return folder / "run.parquet"


def read_trace_table(folder: Path) -> Any:
    from asi_repro.traces.note import trace_note
    from asi_repro.traces.parquet import read_sessions, read_traces

    records = read_traces(folder / "run.parquet")
    return read_sessions(folder / "run.parquet"), trace_note(records) if records else None


# Shared runs: the file damaged as bytes, and one of its files damaged inside a bundle that git takes


def make_shared(folder: Path) -> Path:
    from asi_repro.discover.run.folder import DiscoveryRun
    from asi_repro.discover.run.sharing import share_run

    share_run(DiscoveryRun(finished_run(folder)), str(folder / "one.bundle"))
    return folder / "one.bundle"


def receive(folder: Path) -> Any:
    from asi_repro.discover.run.sharing import receive_run

    there = folder / "there"
    shutil.rmtree(there, ignore_errors=True)
    try:
        return receive_run(Project(there), str(folder / "one.bundle"), name="got").finished()
    finally:
        left = list((there / "artifacts/runs").glob(".*"))
        assert not left, f"left behind: {left}"


def shared(name: str) -> Reader:
    """A file of the bundle's record, or of one experiment's commit, damaged before it is bundled."""

    def make(folder: Path) -> Path:
        from asi_repro.discover.run.folder import DiscoveryRun

        run = DiscoveryRun(finished_run(folder))
        first = run.store.commits()[1]
        if name in ("discovery.json", "experiment.json", "trace.jsonl"):
            return write(folder / "damaged" / name, run.store.files([first], [name])[0][name])
        if name == "commits.txt":
            settings = (run.folder / "settings.json").read_bytes()
            return write(folder / "damaged" / name, rebundle(folder, "settings.json", settings))
        return write(folder / "damaged" / name, (run.folder / name).read_bytes())

    def read(folder: Path) -> Any:
        rebundle(folder, name, (folder / "damaged" / name).read_bytes())
        return receive(folder)

    kind = {"json": "json", "jsonl": "jsonl", "txt": "text"}[name.rpartition(".")[2]]
    return Reader(kind, make, read, heavy=True)  # type: ignore[arg-type]


def rebundle(folder: Path, name: str, data: bytes) -> str:
    """Bundle a run of one experiment whose file `name` is `data`; what its list of commits should be."""
    from asi_repro.archive.history.commits import Commit
    from asi_repro.discover.run.folder import DiscoveryRun
    from asi_repro.discover.run.sharing import RECORD
    from asi_repro.discover.run.store import RunStore
    from asi_repro.store.git import run_git

    run = DiscoveryRun(finished_run(folder))
    shutil.rmtree(folder / "made.git", ignore_errors=True)
    store = RunStore(folder / "made.git")
    store.create()
    names = ("experiment.json", "discovery.json", "analysis.md", "program.py", "README.md", "trace.jsonl")
    files = {**run.store.files([run.store.commits()[1]], names)[0]}
    record = {"settings.json": (run.folder / "settings.json").read_bytes()}
    (files if name in files else record)[name] = data
    made = store.add(Commit(1, files, b"One\n", None))
    commits = f"experiment 0000001 {made}\n"
    record.setdefault("commits.txt", commits.encode())
    store.add(Commit(1, record, b"Record of the run\n", None), RECORD)
    (folder / "one.bundle").unlink(missing_ok=True)
    run_git([f"--git-dir={store.folder}", "bundle", "create", "--quiet", str(folder / "one.bundle"), "--all"])
    return commits


# What people add


def entries(suffix: str) -> Reader:
    def make(folder: Path) -> Path:
        from asi_repro.discover.cognition.base import OWN_ENTRIES
        from asi_repro.discover.cognition.files import read_entries

        first = sorted(OWN_ENTRIES.glob("*.md"))[0]
        if suffix == ".md":
            return write(folder / "entry.md", first.read_bytes())
        import yaml

        values = [entry.model_dump(exclude_none=True) for entry in read_entries(first)]
        return write(folder / "entry.yaml", yaml.safe_dump(values, allow_unicode=True))

    def read(folder: Path) -> Any:
        from asi_repro.discover.cognition.adding import add_file
        from asi_repro.discover.cognition.base import read_folder

        shutil.rmtree(folder / "added", ignore_errors=True)
        found = read_folder(folder)
        try:
            add_file(folder / f"entry{suffix}", folder / "added")
        except AsiReproError as error:
            assert "already" in error.what or "survive" in error.what or "not of the entry" in error.what
        return found

    return Reader("text", make, read)


def make_prompt(folder: Path) -> Path:
    from asi_repro.discover.prompts import FOLDER

    for path in FOLDER.glob("*.md"):
        write(folder / path.name, path.read_bytes())
    return folder / "researcher.md"


def read_prompt(folder: Path) -> Any:
    from asi_repro.discover import prompts

    kept = prompts.FOLDER
    caches = (prompts.load_prompt, prompts._read)
    for cached in caches:
        cached.cache_clear()
    prompts.FOLDER = folder
    try:
        return prompts.load_prompt("researcher")
    finally:
        prompts.FOLDER = kept
        for cached in caches:
            cached.cache_clear()


RUNS = {
    "run settings": Reader("json", make_settings, read_settings),
    "run lab": Reader("jsonl", make_lab, read_lab),
    "run llm": Reader("jsonl", make_llm, read_llm),
    "run journal": Reader("jsonl", make_journal, read_journal),
    "run commits": Reader("text", make_commits, read_commits),
    "trace lines": Reader(
        "jsonl", lambda at: write(at / "trace.jsonl", a_trace().to_jsonl()), read_trace_lines
    ),
    "trace table": Reader("bytes", make_trace_table, read_trace_table),
    "shared run": Reader("bytes", make_shared, receive, heavy=True),
    **{
        f"shared {name}": shared(name)
        for name in ("settings.json", "commits.txt", "lab.jsonl", "discovery.json", "experiment.json")
    },
    "cognition entry": entries(".md"),
    "cognition entries": entries(".yaml"),
    "prompt": Reader("text", make_prompt, read_prompt),
}
