"""What a run discovered, as one small file that the project's report reads: rates and the curve."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from asi_repro.config.params import load_params
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.run.outcomes import own_outcomes
from asi_repro.discover.run.run_comparison import curve, side_of
from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json

SCHEMA = 1
FILE = "discoveries.json"


def write_discoveries(run: DiscoveryRun, root: Path) -> None:
    """Write discoveries.json beside the run's archive, which must be there; nothing for a baseline alone.

    Args:
        root: of the project, whose params.yaml has seed and number of the resamples.
    """
    path = run.folder / FILE
    outcomes = own_outcomes(run.folder.name, run.folder)
    if not outcomes.indices:
        path.unlink(missing_ok=True)
        return
    params = load_params(root)
    side = side_of(outcomes, seed=params.seed, resamples=params.claims.resamples)
    stage = run.settings.exploration
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "origin": "a run of our own discovery loop, not the paper's",
        **asdict(side),
        "failed": len(run.failed()),
        "setting": _setting(stage) or None,
        "curve": [
            {key: row[key] for key in ("index", "experiments", "discoveries", "best_score")}
            for row in curve(outcomes)
        ],
    }
    atomic_write(path, dump_json(record))


def _setting(stage: dict[str, Any]) -> dict[str, Any]:
    """Size and length of the first stage's trainings, and its items; empty where it is not stated."""
    if not {"scale", "recipe", "tasks", "limit", "corpus"} <= stage.keys():
        return {}
    recipe = stage["recipe"]
    return {
        "scale": stage["scale"]["name"],
        "steps": recipe["steps"],
        "tokens": recipe["steps"] * recipe["batch"] * recipe["length"],
        "corpus": stage["corpus"]["title"],
        "tasks": len(stage["tasks"]),
        "limit": stage["limit"],
    }
