"""Known token mixers in the same frame as programs: what the paper compares with, and softmax attention."""

from asi_repro.models.baselines.registry import BASELINES, Baseline, load_baseline

__all__ = ["BASELINES", "Baseline", "load_baseline"]
