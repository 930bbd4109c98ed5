"""Scoring a model of a workspace. Apart from it, so that trainings do not depend on what scores them."""

from __future__ import annotations

from collections.abc import Callable

from asi_repro.config.params import load_params
from asi_repro.evaluate.trained import evaluate_trained
from asi_repro.sweep.workspace import Workspace


def evaluate_model(
    workspace: Workspace,
    slug: str,
    seed: int = 0,
    *,
    device: str = "cpu",
    unsafe: bool = False,
    force: bool = False,
    progress: Callable[[int], None] | None = None,
) -> bool:
    """Score a trained model, or leave what is there; see `evaluate_trained`."""
    return evaluate_trained(
        workspace.trained(slug, seed),
        workspace.evaluated(slug, seed),
        settings=load_params(workspace.project.root).evaluation(workspace.scale),
        items=workspace.project.artifacts / "benchmarks",
        corpus=workspace.corpus,
        device=device,
        unsafe=unsafe,
        force=force,
        progress=progress,
    )
