"""Results as text for prompts and notes: the same numbers for every role, none of them rounded twice."""

from __future__ import annotations

from collections.abc import Sequence

from asi_repro.discover.types import Candidate, Metrics

_CURVE_POINTS = 8


def results_text(metrics: Metrics, baseline: Metrics | None = None) -> str:
    """Metrics as Markdown: loss, benchmark and tasks (with the baseline's difference), curve, size."""
    versus = baseline.scores if baseline else {}
    lines = [
        f"- training loss (mean of the last tenth, nats per token): {metrics.train_loss:.4f}"
        + (_difference(metrics.train_loss, baseline.train_loss, "baseline") if baseline else ""),
        f"- benchmark (mean accuracy): {metrics.benchmark:.4f}"
        + (_difference(metrics.benchmark, baseline.benchmark, "baseline") if baseline else ""),
        *(
            f"- {task}: {metrics.scores[task]:.4f}"
            + (_difference(metrics.scores[task], versus[task], "baseline") if task in versus else "")
            for task in sorted(metrics.scores)
        ),
        f"- curve (step: loss): {curve_text(metrics.curve)}",
        f"- parameters: {metrics.parameters:,}; tokens: {metrics.tokens:,}; FLOPs: {metrics.flops:.3g}",
    ]
    return "\n".join(lines)


def curve_text(curve: Sequence[tuple[int, float]]) -> str:
    """Up to eight points of a curve, evenly spread, the first and the last among them."""
    if not curve:
        return "not recorded"
    count = min(_CURVE_POINTS, len(curve))
    places = sorted({round(i * (len(curve) - 1) / max(count - 1, 1)) for i in range(count)})
    return ", ".join(f"{curve[place][0]}: {curve[place][1]:.3f}" for place in places)


def candidate_results(candidate: Candidate, baseline: Metrics) -> str:
    """A candidate's results with its fitness."""
    return f"- fitness: {candidate.fitness:.4f}\n{results_text(candidate.metrics, baseline)}"


def _difference(value: float, reference: float, name: str) -> str:
    return f" ({value - reference:+.4f} against the {name}'s {reference:.4f})"
