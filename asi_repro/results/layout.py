"""Where the trained and evaluated models of a project lie, such as artifacts/trained/SCALE/MODEL/seed-N."""

from __future__ import annotations

import re
from pathlib import Path

from asi_repro.errors import DataError

BASELINES = (
    "delta_net",
    "delta_net_conv",
    "delta_net_wide",
    "gated_delta_net",
    "mamba2",
    "transformer",
)
# Models that are known to pass a probe; see `models.baselines.registry`.
CONTROLS = ("delta_net_negative",)
REFERENCE = "delta_net"
EVALUATION = "evaluation.json"
_UNPLAIN = re.compile(r"[^A-Za-z0-9_-]+")


def slug_of(index: int, name: str) -> str:
    """`0965-delta_net_…`: unique by the index, and a plain file name whatever the experiment is called."""
    plain = _UNPLAIN.sub("-", name).strip("-")[:60]
    return f"{index:04d}-{plain}" if plain else f"{index:04d}"


def trained_root(artifacts: Path, scale: str) -> Path:
    """The folder of all trained models of a scale."""
    return artifacts / "trained" / scale


def evaluated_root(artifacts: Path, scale: str) -> Path:
    """The folder of all scores of a scale."""
    return artifacts / "evaluated" / scale


def seed_folder(root: Path, slug: str, seed: int) -> Path:
    """The folder of one seed of a model below `trained_root` or `evaluated_root`."""
    if _UNPLAIN.search(slug):
        raise DataError(f"{slug!r} is not the name of a trained model's folder")
    return root / slug / f"seed-{seed}"
