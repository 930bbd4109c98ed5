"""Every place that turns bytes into values is fuzzed, or says why it needs not be."""

from __future__ import annotations

import re
from pathlib import Path

from test_readers import READERS

import asi_repro

PACKAGE = Path(asi_repro.__file__).parent
PARSES = re.compile(
    r"json\.loads?\(|csv\.(?:DictReader|reader)\(|pq\.read_|ParquetFile\(|validate_json\(|ConfigParser\("
    r"|E(?:lement)?T(?:ree)?\.(?:fromstring|parse|iterparse|XMLPullParser)\(|XMLParser\(|ParserCreate\(|ast\.parse\(|load_file\("
    r"|safetensors\.torch\.load\(|torch\.load\(|\bipc\.open|memory_map\(|yaml\.(?:load|safe_load)\(|gzip\.open"
    r"|\"cat-file\""
)
OURS = "a file or text of this package, or written a moment before"
MACHINE = "this machine's own, never pulled; damage is taken for nothing there, or is an error"
FUZZED = {  # module: the readers of READERS that go through it
    "archive/history/records": ["archive programs"],
    "archive/node_tables": ["import nodes"],
    "imports/reading": ["import journal", "import asi_evolve", "import neutral"],
    "store/checksums": ["run settings"],
    "store/git": ["history bundle", "shared run", "shared trace.jsonl"],
    "store/hostile_json": ["release tree", "release gallery", "release cognition"],
    "archive/tables": ["archive experiments", "archive curves", "archive benchmarks", "archive sources"],
    "discover/run/content": ["shared discovery.json", "shared experiment.json"],
    "store/json_lines": ["run lab", "run times", "run spending"],
    "discover/lab/result": ["run lab"],
    "discover/operators/source": ["program text"],
    "discover/run/folder": ["run settings", "failed experiment"],
    "discover/run/sharing": ["shared run", "shared commits.txt"],
    "doctor/storage": ["DVC configuration"],
    "data/items": ["items manifest"],
    "llm/records": ["run llm"],
    "models/lm/folder": ["weights"],
    "plain_yaml": [
        "DVC pin",
        "params.yaml",
        "selection.yaml",
        "cognition entry",
        "cognition entries",
        "prompt",
    ],
    "planning/times": ["verify timings", "sweep times"],
    "store/records": ["claims", "training result", "evaluation", "sweep summary", "speed", "corpus manifest"],
    "replay/policy": ["pool policy"],
    "sandbox/protocol": ["worker frame"],
    "sandbox/source_text": ["program text"],
    "traces/note": ["trace table"],
    "traces/note_brief": ["trace table"],
    "traces/note_texts": ["trace table"],
    "traces/otlp": ["trace lines"],
    "traces/parquet": ["trace table"],
    "traces/spans": ["trace lines", "shared trace.jsonl"],
    "data/shards": ["corpus shard"],
    "results/training": ["training curve"],
    "results/table": ["sweep models", "sweep curves"],
    "results/recorded_rows": ["sweep row", "probe row"],
    "tui/state": ["browse state"],
    "verify/certificate": ["certificate"],
}
ELSEWHERE = {  # module: where it is tried, or why it reads nothing from outside
    "archive/manifest": OURS,
    "archive/pull": OURS,
    "claims/checks/gallery": "diagrams, by the same parser without entities; tests/claims",
    "claims/paper_tables": OURS,
    "claims/texts": OURS,
    "archive/svg": "tests/fuzz/test_texts.py",
    "cli/trace": "after the reader of the trace table; an error names the span",
    "discover/run/setup": OURS,
    "discover/novelty/fingerprint": "programs that passed the static check",
    "discover/lab/cluster": MACHINE,
    "discover/operators/code_edits": "pieces of a program that was parsed",
    "discover/json_values": OURS,
    "discover/roles/draft": "programs that passed the static check",
    "doctor/gpu/child": OURS,
    "doctor/gpu/messages": OURS,
    "doctor/gpu/trainings": OURS,
    "doctor/children": OURS,
    "doctor/stages": "what DVC printed a moment before",
    "facts/registry": OURS,
    "data/package_items": "an installed package, by its pinned version; every file's items are hashed",
    "imports/mixers": "programs that the archive's reader has parsed; what does not parse is text",
    "llm/answers": "tests/fuzz/test_texts.py",
    "llm/request": OURS,
    "models/row_inverse": "programs that passed the static check, and the loops that are looked for",
    "models/program": "programs that passed the static check",
    "provenance/code": OURS,
    "provenance/origin": "tests/provenance: results of this package, each with its own reader's checks",
    "report/drawing": OURS,
    "sandbox/allowlist": OURS,
    "sandbox/launch": OURS,
    "sandbox/scratch": "tests/sandbox",
    "store/generated_folder": "tests/reading/test_notes.py: damaged lists, and lists that lead elsewhere",
    "train/checkpoints": "tests/train: every file by its hash",
    "data/corpus": MACHINE,
    "train/loop": "tests/train: after the hashes of the checkpoint",
    "train/recorder": "tests/train: after the hashes of the checkpoint",
    "results/recipe_trials": MACHINE,
    "results/trained_models": MACHINE,
    "train/sandboxed": "tests/train: a worker's files, bounded, anything odd is no progress",
    "data/sources": "an installed package, by its pinned version",
    "data/tokenizer": "an installed package, by its fingerprint",
    "train/run": MACHINE,
    "tui/highlight": "tests/tui: what does not parse has no folds and no docstrings",
    "tui/keys": "tests/tui/test_everywhere.py: a person's own file; damage is one error",
    "tui/spans": "after the reader of the trace table",
    "verify/adapt": "tests/verify/test_bad_input.py: after the static check",
    "verify/program_text": "programs that passed the static check",
    "verify/stage": MACHINE,
    "verify/static_facts": "programs that the archive's reader has parsed",
}


def test_every_module_that_parses_is_named() -> None:
    found = {
        str(path.relative_to(PACKAGE).with_suffix(""))
        for path in PACKAGE.rglob("*.py")
        if PARSES.search(path.read_text(encoding="utf-8"))
    }
    named = {*FUZZED, *ELSEWHERE}
    assert found - named == set(), "fuzz it (tests/fuzz/readers.py), or say here why not"
    assert named - found == set(), "these parse nothing any more"
    assert not FUZZED.keys() & ELSEWHERE.keys()


def test_the_readers_named_there_are_all_of_them() -> None:
    named = {name for names in FUZZED.values() for name in names}
    assert named - set(READERS) == set()
    # What goes through a module that another reader names.
    assert {name.partition(" ")[0] for name in set(READERS) - named} <= {
        "history", "archive", "run", "shared", "import",
    }  # fmt: skip
