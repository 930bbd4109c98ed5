"""Figure 7: which components the designs use, and how long the tail of rare ones is."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from asi_repro.archive.reader import Experiment
from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, Row, either, holds
from asi_repro.claims.registry import claim
from asi_repro.results.significance import holm

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


@dataclass(frozen=True)
class Tail:
    """Different words in the gallery's names against as many other names.

    Attributes:
        own: words in the gallery's names.
        others: the mean over random choices of as many others.
        p_longer: one-sided p-value that the others have more; `p_shorter` that they have fewer.
        critical: the most words the gallery could have for the others to have more beyond chance (p = 0.05).
    """

    own: int
    others: float
    p_longer: float
    p_shorter: float
    critical: int

    def __str__(self) -> str:
        return f"{self.own} words against {self.others:.0f}, one-sided p = {self.p_longer:.2g}"


@claim("components")
def components(context: Context) -> Finding:
    named = families_by_motivation(context)
    if not named:
        raise NotCheckable("no gallery program was released")
    alpha, block = context.limit("alpha"), int(context.limit("block"))
    dominant = list(context.figure("dominant"))
    rows = _family_rows(named)
    counts = {row["family"]: row["motivations"] for row in rows}
    weakest = min(counts[family] for family in dominant)
    ahead = [family for family in counts if family not in dominant and counts[family] > weakest]
    tests = _dominance(named, dominant)
    most = ", ".join(f"{row['family']} {row['motivations']}" for row in rows[:3]) + f" of {len(named)}"
    worst = max((row["p_holm"] for row in tests), default=1.0)
    reversed_ = any(row["p_reversed_holm"] < alpha for row in tests)
    onset = _onset(context)
    matched = tail(context, block=block, first=onset)
    whole, later = tail(context), tail(context, first=onset)
    strong = tail(context, first=onset, least_score=2.0)
    parts = [
        Part(
            "most frequent families",
            " and ".join(dominant),
            f"{most}, largest p = {worst:.2g} after Holm",
            either(worst < alpha, reversed_),
            "strict",
        ),
        Part(
            f"words in names, matched in blocks of {block}",
            "more outside",
            str(matched),
            either(matched.p_longer < alpha, matched.p_shorter < alpha),
            "strict",
        ),
        Part("most frequent families", " and ".join(dominant), most, holds(not ahead), "lenient"),
        Part(
            "words in names",
            "more outside",
            str(whole),
            either(whole.p_longer < alpha, whole.p_shorter < alpha),
            "lenient",
        ),
    ]
    return Finding(
        effect=f"{dominant[-1]} {weakest} of {len(named)}; tail p = {whole.p_longer:.2g}, "
        f"matched {matched.p_longer:.2g}",
        found=f"{most}; words in names: {whole}; matched by index: {matched}",
        method="Count the motivations that speak of each family; compare the number of different words in "
        f"the gallery's names with {context.settings.resamples:,} random choices of as many experiments.",
        figures={
            "programs": len(named),
            "families_ahead_of_claimed": len(ahead),
            "words_in_gallery_names": whole.own,
            "words_in_as_many_other_names": whole.others,
            "p_value": whole.p_longer,
            "p_matched": matched.p_longer,
            "p_after_cold_start": later.p_longer,
            "p_score_at_least_2": strong.p_longer,
        },
        parts=parts,
        power=f"Among experiments of the same time the gallery's names would have to have {matched.critical} "
        f"words at most to be told from chance at 0.05; they have {matched.own}. Names stand in for "
        "components, whose labels were not released.",
        evidence=[
            Evidence("motivations by family", "archive/programs", rows),
            Evidence("claimed families against every other", "archive/programs", tests),
            Evidence(
                "words in names against as many others",
                "archive/experiments",
                [
                    {"others": name, **vars(t)}
                    for name, t in (
                        ("all experiments", whole),
                        (f"of the same {block} indices, after the cold start", matched),
                        ("after the cold start", later),
                        ("after the cold start, score of 2 or more", strong),
                    )
                ],
            ),
            Evidence(
                "programs by component in their syntax tree", "archive/programs", _program_rows(context)
            ),
            Evidence("most frequent words of names", "archive/experiments", _word_rows(context)),
        ],
    )


def families_by_motivation(context: Context) -> dict[int, set[str]]:
    """The families that each gallery motivation names, by index."""
    patterns = {family: re.compile(pattern) for family, pattern in FAMILIES.items()}
    texts = {index: (p.motivation or "").lower() for index, p in context.data.programs.items()}
    return {
        index: {family for family, pattern in patterns.items() if pattern.search(text)}
        for index, text in texts.items()
    }


def _family_rows(named: dict[int, set[str]]) -> list[Row]:
    counts = Counter(family for families in named.values() for family in families)
    rows: list[Row] = [{"family": family, "motivations": counts[family]} for family in FAMILIES]
    return sorted(rows, key=lambda row: (-row["motivations"], row["family"]))


def _dominance(named: dict[int, set[str]], dominant: list[str]) -> list[Row]:
    """McNemar's exact test, one-sided each way, of each claimed family against every other."""
    rows: list[Row] = []
    for family in dominant:
        for other in FAMILIES:
            if other not in dominant:
                only = sum(family in f and other not in f for f in named.values())
                reverse = sum(other in f and family not in f for f in named.values())
                rows.append(
                    {
                        "family": family,
                        "other": other,
                        "only_family": only,
                        "only_other": reverse,
                        "p": _sign_test(only, reverse),
                        "p_reversed": _sign_test(reverse, only),
                    }
                )
    for name in ("p", "p_reversed"):
        for row, adjusted in zip(rows, holm([row[name] for row in rows]), strict=True):
            row[f"{name}_holm"] = adjusted
    return rows


def _sign_test(wins: int, losses: int) -> float:
    return float(stats.binom.sf(wins - 1, wins + losses, 0.5)) if wins + losses else 1.0


def _onset(context: Context) -> int:
    """The index of the first experiment whose parent is not a root; the first of all where none is."""
    adapted = [e.index for e in context.data.experiments if e.depth > 1]
    return min(adapted, default=context.data.experiments[0].index)


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


def tail(context: Context, block: int = 0, first: int = 0, least_score: float = float("-inf")) -> Tail:
    """Compare the words in the gallery's names with those in as many other names.

    Args:
        block: where it is not 0, as many others are drawn in every `block` indices as the gallery has there.
        first: the lowest index that takes part.
        least_score: the lowest score that takes part; those without a score do where it is -inf.
    """
    key = ("tail", context.settings, block, first, least_score)
    return context.data.once(key, lambda: _tail(context, block, first, least_score))


def _tail(context: Context, block: int, first: int, least_score: float) -> Tail:
    chosen = [
        e
        for e in context.data.experiments
        if e.index >= first and (e.score if e.score is not None else float("-inf")) >= least_score
    ]
    names = [words(e.label) for e in chosen]
    column = {word: place for place, word in enumerate(sorted(set().union(*names)))}
    uses = np.zeros((len(names), len(column)), dtype=bool)
    for row, name in enumerate(names):
        uses[row, [column[word] for word in name]] = True
    inside = np.array([e.in_gallery for e in chosen], dtype=bool)
    stratum = np.array([e.index // block if block else 0 for e in chosen], dtype=np.int64)
    rng, resamples = context.rng(), context.settings.resamples
    everyone = np.arange(len(chosen))
    chance = _word_counts(uses, inside, stratum, everyone, rng, resamples)
    other = _word_counts(uses, inside, stratum, everyone[~inside], rng, resamples)
    own = int(np.count_nonzero(uses[inside].any(axis=0)))
    longer, shorter = (float((1 + side.sum()) / (1 + resamples)) for side in (chance <= own, chance >= own))
    critical = int(np.quantile(chance, 0.05, method="lower"))
    return Tail(own, float(other.mean()), longer, shorter, critical)


def _word_counts(
    uses: NDArray[np.bool_],
    inside: NDArray[np.bool_],
    stratum: NDArray[np.int64],
    pool: NDArray[np.int64],
    rng: np.random.Generator,
    resamples: int,
) -> NDArray[np.int64]:
    """The number of different words in random rows of `pool`, over and over.

    In every stratum as many rows are drawn as it has members inside, or all of the pool's where those are
    fewer.
    """
    strata = stratum[pool]
    wanted = {int(s): int((inside & (stratum == s)).sum()) for s in np.unique(stratum)}
    # Sorted by stratum, and at random within one, the first rows of each stratum are a random choice.
    ends = np.searchsorted(np.sort(strata), [*wanted, max(wanted) + 1])
    places = np.concatenate(
        [
            np.arange(start, min(start + size, end))
            for start, end, size in zip(ends[:-1], ends[1:], wanted.values(), strict=True)
        ]
    )
    found = np.empty(resamples, dtype=np.int64)
    for draw in range(resamples):
        order = np.lexsort((rng.random(len(pool)), strata))
        found[draw] = np.count_nonzero(uses[pool[order[places]]].any(axis=0))
    return found


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
