"""What each part contributes: every variant beside the whole loop, paired by seed, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Optional

import numpy as np

from asi_repro import markdown
from asi_repro.config.ablation import WHOLE
from asi_repro.discover.ablation.cells import ORIGIN, CellResult
from asi_repro.markdown import escape
from asi_repro.results.differences import Spread
from asi_repro.results.significance import holm, mean_interval, paired_bootstrap
from asi_repro.results.statistics import sign_flip_test

MEASURES = {
    "best": "best fitness",
    "mean": "mean fitness after the cold start",
    "discoveries": "discoveries per 100 experiments",
}


@dataclass(frozen=True)
class Effect:
    """A variant in one measure, and its difference from the whole loop over the seeds that both have.

    Attributes:
        seeds: runs of the variant; `paired` of them have their pair.
        mean, low, high: over its seeds, with Student's 95% interval, which is cut where a rate cannot be
            beyond it; None for a single one.
        difference: from the whole loop; its interval is a paired bootstrap over seeds.
        p_value: two-sided sign-flip test over the pairs, exact; with n pairs at least 2 / 2 ** n.
        holm_p_value: corrected over the variants.
    """

    variant: str
    measure: str
    seeds: int
    mean: Optional[float]
    low: Optional[float]
    high: Optional[float]
    paired: int = 0
    difference: Optional[float] = None
    difference_low: Optional[float] = None
    difference_high: Optional[float] = None
    p_value: Optional[float] = None
    holm_p_value: Optional[float] = None


@dataclass(frozen=True)
class Ablation:
    """The finished cells of an ablation, and what each variant comes to."""

    name: str
    cells: tuple[CellResult, ...]
    effects: tuple[Effect, ...]
    resamples: int
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "origin": ORIGIN,
            "cells": [cell.model_dump() for cell in self.cells],
            "effects": [asdict(effect) for effect in self.effects],
            "resamples": self.resamples,
            "seed": self.seed,
        }

    def text(self) -> str:
        """For a person, as Markdown."""
        scales = list(dict.fromkeys(cell.scale for cell in self.cells))
        sizes = sorted({cell.experiments for cell in self.cells})
        lines = [
            f"# The loop taken apart: {escape(self.name)}",
            "",
            f"> {ORIGIN[0].upper()}{ORIGIN[1:]}. {'; '.join(map(escape, scales))}; "
            f"{', '.join(map(str, sizes))} experiments a run. At this size a score is mostly luck, and no "
            "row says anything about the paper's loop.",
        ]
        for measure, title in MEASURES.items():
            rows = [_row(effect) for effect in self.effects if effect.measure == measure]
            lines += ["", f"**{title[0].upper()}{title[1:]}**", "", *markdown.table(_HEADER, rows)]
        pairs = max((effect.paired for effect in self.effects), default=0)
        smallest = f" With {pairs} pairs no p-value is below {2 / 2**pairs:.3g}." if pairs else ""
        lines += [
            "",
            "Differences are from the whole loop, paired by seed: percentile bootstrap over seeds "
            f"({self.resamples} resamples, seed {self.seed}), which is too narrow for few seeds; p: exact "
            f"two-sided sign-flip test, and corrected over the variants (Holm).{smallest}",
        ]
        return "\n".join(lines)


_HEADER = ("variant", "seeds", "mean (95%)", "difference (95%)", "p", "p (Holm)")


def ablation_of(name: str, cells: Sequence[CellResult], *, seed: int, resamples: int) -> Ablation:
    """The table of an ablation.

    Args:
        cells: finished ones.
        seed, resamples: of the bootstrap.
    """
    variants = list(dict.fromkeys(cell.variant for cell in cells))
    effects: list[Effect] = []
    for measure in MEASURES:
        values = {variant: _values(cells, variant, measure) for variant in variants}
        rows = [_effect(variant, measure, values, seed, resamples) for variant in variants]
        tested = [place for place, row in enumerate(rows) if row.p_value is not None]
        corrected = holm([rows[place].p_value or 0.0 for place in tested])
        for place, p_value in zip(tested, corrected, strict=True):
            rows[place] = replace(rows[place], holm_p_value=p_value)
        effects += rows
    return Ablation(name, tuple(cells), tuple(effects), resamples, seed)


def _values(cells: Sequence[CellResult], variant: str, measure: str) -> dict[int, float]:
    """A measure of a variant by seed, where a run has it."""
    found = {}
    for cell in (cell for cell in cells if cell.variant == variant):
        value = getattr(cell, measure)
        if measure == "discoveries":
            value = 100 * value / cell.experiments if cell.experiments else None
        if value is not None:
            found[cell.seed] = float(value)
    return found


def _effect(
    variant: str, measure: str, values: dict[str, dict[int, float]], seed: int, resamples: int
) -> Effect:
    own, whole = values[variant], values.get(WHOLE, {})
    spread = mean_interval(list(own.values())) if own else None
    alone = Effect(variant, measure, len(own), *_ends(spread, 100.0 if measure == "discoveries" else None))
    pairs = sorted(own.keys() & whole.keys())
    if variant == WHOLE or not pairs:
        return alone
    ours, theirs = ([side[one] for one in pairs] for side in (own, whole))
    (found,) = paired_bootstrap([[ours]], [theirs], rng=np.random.default_rng(seed), resamples=resamples)
    apart = replace(alone, paired=len(pairs), difference=found.estimate)
    if len(pairs) == 1:
        return apart
    p_value = sign_flip_test(np.subtract(ours, theirs), rng=np.random.default_rng(seed), resamples=resamples)
    return replace(apart, difference_low=found.low, difference_high=found.high, p_value=p_value)


def _ends(spread: Spread | None, most: float | None) -> tuple[float | None, float | None, float | None]:
    """Mean and interval, cut to 0 and `most` where the measure cannot be beyond."""
    if spread is None:
        return None, None, None
    if most is None or spread.low is None or spread.high is None:
        return spread.mean, spread.low, spread.high
    return spread.mean, max(spread.low, 0.0), min(spread.high, most)


def _row(effect: Effect) -> list[str]:
    difference = _between(effect.difference, effect.difference_low, effect.difference_high, "+.4f")
    return [
        escape(effect.variant),
        str(effect.seeds),
        _between(effect.mean, effect.low, effect.high, ".4f"),
        difference,
        *("–" if p is None else f"{p:.3g}" for p in (effect.p_value, effect.holm_p_value)),
    ]


def _between(value: float | None, low: float | None, high: float | None, form: str) -> str:
    if value is None:
        return "–"
    value, low, high = (None if v is None else v + 0.0 for v in (value, low, high))
    return f"{value:{form}}" + ("" if low is None else f" ({low:{form}} to {high:{form}})")
