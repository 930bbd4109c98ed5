"""A finished run of the fake team, and a project for the real lab, each made once."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

SHORT = {
    "steps": 20,
    "warmup_steps": 4,
    "decay_steps": 8,
    "batch": 1,
    "length": 16,
    "micro_batch": 1,
    "curve_every": 5,
}
"""A recipe that takes no time."""
_SCALES = ("smoke", "laptop", "20m", "340m")


@pytest.fixture(scope="session")
def whole(tmp_path_factory):
    """(order, commit lines) of an undisturbed run, which the tests compare others with."""
    from fake_team import begin, do_all, fake_job

    from asi_repro.discover.run.recorded import commit_lines

    folder = tmp_path_factory.mktemp("whole") / "run"
    run = begin(folder)
    work = fake_job(folder, log=folder.parent / "log")
    do_all(work)
    return work, commit_lines(run)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory):
    """A project with a corpus of a few words and six items of one task."""
    from asi_repro.config.corpus import CorpusSettings
    from asi_repro.config.train import Recipe, TrainSettings
    from asi_repro.data.corpus import build_corpus
    from asi_repro.data.items import ItemFile
    from asi_repro.data.packages import GPT2_BPE
    from asi_repro.data.tokenizer import load_tokenizer
    from asi_repro.project import Project
    from asi_repro.store.files import sha256_bytes
    from asi_repro.store.json_text import dump_json
    from asi_repro.sweep.workspace import Workspace

    if not GPT2_BPE.installed():
        pytest.skip(f"not run: {GPT2_BPE.command}")
    root = tmp_path_factory.mktemp("project")
    given = {"seed": 1, "claims": {"resamples": 500}, "train": {"recipes": dict.fromkeys(_SCALES, SHORT)}}
    (root / "params.yaml").write_text(json.dumps(given))  # JSON is YAML
    texts = root / "texts"
    texts.mkdir()
    for number in range(60):
        (texts / f"{number:02d}.txt").write_text(
            f"Text {number}: " + "ash birch cedar elm " * (number % 7 + 8)
        )
    tokenizer = load_tokenizer("package")
    build_corpus(CorpusSettings(source=str(texts)), 1, root / "artifacts" / "corpus", tokenizer=tokenizer)
    items = [{"goal": f"Open jar {n}", "sol1": "Turn it.", "sol2": "Sing.", "label": n % 2} for n in range(6)]
    data = "".join(json.dumps(row, sort_keys=True) + "\n" for row in items).encode()
    folder = root / "artifacts" / "benchmarks"
    folder.mkdir(parents=True)
    (folder / "piqa.jsonl").write_bytes(data)
    file = ItemFile(
        benchmark="piqa",
        source="package",
        dataset="made-up",
        revision="1",
        split="validation",
        items=len(items),
        sha256=sha256_bytes(data),
        note="",
    )
    (folder / "manifest.json").write_text(dump_json({"schema": 1, "files": [file.model_dump()]}))
    recipes = dict.fromkeys(_SCALES, Recipe.model_validate(SHORT))
    return Workspace(Project(root), TrainSettings(recipes=recipes), "smoke")
