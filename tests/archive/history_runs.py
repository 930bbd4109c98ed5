"""Made-up runs for the tests of the history, and git as a stranger would use it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import Run, write_archive
from asi_repro.store.files import sha256_bytes


def experiment(index: int, parent: int | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "index": index,
        "name": f"mixer_{index}",
        "display_name": f"Mixer{index}",
        "parent": parent,
        "score": index / 8,
        "in_gallery": False,
        "has_program": False,
        **fields,
    }


def architecture(run: Run, index: int, parent: int | None = None, **fields: Any) -> None:
    """Add a gallery architecture, its program, curve and benchmarks to `run`."""
    source = fields.pop("source", f"WIDTH = {index}\n")
    texts = {
        "motivation": fields.pop("motivation", "why"),
        "summary": fields.pop("summary", "what"),
        "parameters_stated": fields.pop("parameters_stated", "4.5M"),
    }
    row = experiment(index, parent, in_gallery=True, has_program=True, **fields)
    run.experiments.append(row)
    shared = {name: row[name] for name in ("index", "name", "display_name", "parent", "score")}
    facts = {"source": source, "sha256": sha256_bytes(source.encode()), "lines": len(source.splitlines())}
    run.programs.append({**shared, **facts, **texts, "diagram": None, "parameters": 4_500_000})
    run.curves += [
        {"index": index, "step": s, "loss": loss} for s, loss in ((1, 11.0), (100, None), (1000, 4.25))
    ]
    run.benchmarks += [
        {"index": index, "column": c, "task": c, "metric": "accuracy", "value": v}
        for c, v in (("boolq", 0.5), ("wikitext", None), ("average", 0.375))
    ]


def archive_of(run: Run, folder: Path) -> Archive:
    write_archive(run, folder)
    return Archive(folder)


def small_run() -> Run:
    """Two roots, gaps, a branching tree, three architectures of which two share a display name."""
    run = Run(experiments=[experiment(0), experiment(1, 0), experiment(7, score=None, display_name=None)])
    architecture(run, 8, 1, display_name="Gate Net", score=1.5)
    architecture(run, 9, 8, display_name="Gate Net", score=2.5)
    architecture(run, 12, 7, display_name="Ünïcode/§ .lock", score=2.5)
    run.experiments.append(experiment(13, 8, score=99.0))
    return run


def git(folder: Path, *arguments: str, check: bool = True) -> str:
    """What plain git says, apart from the settings of whoever runs the tests."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    environment |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C"}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, capture_output=True, check=False, encoding="utf-8"
    )
    assert not check or done.returncode == 0, done.stderr
    return done.stdout + ("" if check else done.stderr)
