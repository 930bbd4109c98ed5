"""Figure 7: which components the designs use, and how long the tail of rare ones is."""

from __future__ import annotations

import re
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from asi_repro.archive.reader import Experiment, Program
from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, Row, combine, holds
from asi_repro.claims.registry import claim

# Families of components and the parts of words that speak of them. The
# delta rule is left out: it is what every design starts from.
FAMILIES = {
    "gating": r"gate|gating",
    "convolution": r"conv|\bfir\b|fir_",
    "routing": r"rout",
    "temperature": r"temperature|\btemp\b|_temp|temp_",
    "floor": r"floor",
    "memory": r"memory|recurren",
    "softmax": r"softmax",
    "statistics": r"statistic|variance|_stat|stat_",
    "multi-scale": r"multi.?scale|hierarch|local.?global",
    "entropy": r"entropy",
    "residual": r"resid|skip",
    "feed-forward": r"mlp|feed.?forward",
    "normalisation": r"norm",
    "spectral": r"fft|spectral|wavelet|fourier",
    "position": r"rotary|rope\b|positional",
    "sparsity": r"spars|top.?k|prun",
}

_WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")


@claim("components")
def components(context: Context) -> Finding:
    if not context.data.gallery or not _programs(context):
        raise NotCheckable("no gallery program was released")
    rows = _family_rows(context)
    dominant = set(context.figure("dominant"))
    weakest = min(row["motivations"] for row in rows if row["family"] in dominant)
    ahead = [r["family"] for r in rows if r["family"] not in dominant and r["motivations"] > weakest]
    own, others, p_value = _tail(context)
    level = context.limit("level")
    parts = [
        Part(
            "most frequent families",
            " and ".join(context.figure("dominant")),
            ", ".join(f"{r['family']} {r['motivations']}" for r in rows[:3])
            + f" of {len(_programs(context))}",
            holds(not ahead),
        ),
        Part(
            "different words in names",
            "more outside the gallery",
            f"{own} in the gallery, {others:.0f} in as many others (p = {p_value:.2g})",
            holds(own < others and p_value < 1 - level),
        ),
    ]
    return Finding(
        verdict=combine(parts),
        found="; ".join(f"{part.what}: {part.found}" for part in parts),
        method="Count the motivations that speak of each family; compare the number of different words in "
        f"the gallery's names with {context.settings.resamples:,} random choices of as many experiments.",
        figures={
            "programs": len(_programs(context)),
            "families_ahead_of_claimed": len(ahead),
            "words_in_gallery_names": own,
            "words_in_as_many_other_names": others,
            "p_value": p_value,
        },
        parts=parts,
        evidence=[
            Evidence("motivations by family", "archive/programs", rows),
            Evidence(
                "programs by component in their syntax tree", "archive/programs", _program_rows(context)
            ),
            Evidence("most frequent words of names", "archive/experiments", _word_rows(context)),
        ],
        notes=[
            "The families and the words that stand for them are ours: Figure 7's labels were not released, "
            "and neither were motivations or programs of experiments outside the gallery.",
            "The programs' syntax trees count what the baseline brings along too (convolution, "
            "normalisation, gates), so they do not decide.",
        ],
    )


def _programs(context: Context) -> list[Program]:
    return list(context.data.programs.values())


def _family_rows(context: Context) -> list[Row]:
    texts = [(p.motivation or "").lower() for p in _programs(context)]
    rows: list[Row] = []
    for family, pattern in FAMILIES.items():
        word = re.compile(pattern)
        rows.append(
            {
                "family": family,
                "motivations": sum(word.search(text) is not None for text in texts),
            }
        )
    return sorted(rows, key=lambda row: (-row["motivations"], row["family"]))


def words(name: str) -> set[str]:
    """The words of a name in camel case."""
    return {word.lower() for word in _WORDS.findall(name)}


def _program_rows(context: Context) -> list[Row]:
    counts = Counter(
        name for facts in context.data.static_facts.values() if facts for name in facts.components
    )
    return [
        {"component": name, "programs": count}
        for name, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    ]


def _tail(context: Context) -> tuple[int, float, float]:
    """Different words in the gallery's names, the mean over as many others, and P(as few by chance)."""
    experiments = context.data.experiments
    names = [words(e.label) for e in experiments]
    column = {word: place for place, word in enumerate(sorted(set().union(*names)))}
    uses = np.zeros((len(names), len(column)), dtype=bool)
    for row, name in enumerate(names):
        uses[row, [column[word] for word in name]] = True
    inside = np.array([e.in_gallery for e in experiments])
    size, rng = int(inside.sum()), context.rng()

    def draws(rows: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The number of different words in `size` random rows, over and over."""
        chosen = (
            rng.choice(len(rows), min(size, len(rows)), replace=False)
            for _ in range(context.settings.resamples)
        )
        return np.array([np.count_nonzero(rows[few].any(axis=0)) for few in chosen])

    own = int(np.count_nonzero(uses[inside].any(axis=0)))
    chance, other = draws(uses), draws(uses[~inside])
    return own, float(other.mean()), float((1 + (chance <= own).sum()) / (1 + len(chance)))


def _word_rows(context: Context) -> list[Row]:
    inside, outside = (
        _counts(context.data.gallery),
        _counts([e for e in context.data.experiments if not e.in_gallery]),
    )
    return [
        {"word": word, "gallery": inside[word], "others": outside[word]}
        for word, _ in sorted((inside + outside).items(), key=lambda pair: (-pair[1], pair[0]))[:15]
    ]


def _counts(experiments: list[Experiment]) -> Counter[str]:
    return Counter(word for e in experiments for word in words(e.label))
