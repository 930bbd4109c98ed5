"""A made-up search of our own, as the loop writes it, with a hostile name."""

from __future__ import annotations

import json
from typing import Any

from report_runs import HOSTILE

from asi_repro.project import Project


def make_search(**changes: Any) -> dict[str, Any]:
    counts = [0, 1, 1, 2, 3]
    bounds = {"estimate": 60.0, "low": 20.0, "high": 100.0}
    return {
        "schema": 1,
        "name": HOSTILE[0],
        "arm": "operators",
        "discovery": f"beats {HOSTILE[5]}",
        "experiments": len(counts),
        "discoveries": counts[-1],
        "verified": 1,
        "failed": 0,
        "rates": [{"unit": "100 experiments", "interval": bounds, "line_r2": 0.9}],
        "setting": None,
        "curve": [
            {"index": place + 1, "experiments": place, "discoveries": count, "best_score": 0.5}
            for place, count in enumerate(counts, 1)
        ],
        **changes,
    }


def add_search(project: Project, name: str = "control", **changes: Any) -> None:
    folder = project.artifacts / "recorded" / name
    folder.mkdir(parents=True)
    (folder / "discoveries.json").write_text(json.dumps(make_search(**changes)))
