"""What the gallery's motivations promise, against what was measured on the programs and by the benchmarks."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np
from scipy import stats

from asi_repro.claims.finding import Row
from asi_repro.data.item_counts import SCORED
from asi_repro.facts.context import Context
from asi_repro.facts.measures import bootstrap, listed, percent, permutation_p, share, shown
from asi_repro.facts.outcome import Found, NotRun, tested, yes_if
from asi_repro.facts.registry import fact

# Words by which a motivation is taken to promise something. They find the promise, not its strength.
SUBQUADRATIC = r"O\(\s*[NLT]\s*\)|O\(\s*[NLT]\s*log|sub-?quadratic|linear[- ](time|complexity|cost|scaling)"
CAUSAL = r"\bcausal"
BATCH = r"batch[- ]?(size[- ]?)?(independ|agnostic|invarian)"
CHEAP = (
    r"negligible|zero[- ]overhead|no (extra|additional) (cost|parameter)|minimal (cost|overhead)|lightweight"
)
NAMED = {
    "arc_challenge": r"ARC[- _]?(c\b|challenge)",
    "arc_easy": r"ARC[- _]?(e\b|easy)",
    "boolq": r"BoolQ",
    "hellaswag": r"HellaSwag",
    "piqa": r"\bPIQA",
    "social_iqa": r"Social[- _]?IQA",
    "winogrande": r"WinoGrande",
}


def promising(context: Context, pattern: str) -> list[int]:
    """Indices of the programs whose motivation matches, whatever the case of its letters.

    Raises:
        NotRun: where there is none.
    """
    words = re.compile(pattern, re.IGNORECASE)
    found = [p.index for p in context.data.programs.values() if p.motivation and words.search(p.motivation)]
    if not found:
        raise NotRun("no motivation promises it")
    return found


def _kept(context: Context, pattern: str, rows: Iterable[str], said: str) -> Found:
    """Whether every program that promises something passes the certificate rows which measure it."""
    promised = promising(context, pattern)
    failing = context.failing(*rows)
    broken = [index for index in promised if index in failing]
    others = len(failing) - len(broken)
    interval = share(len(broken), len(promised))
    without = len(context.certificates) - len(promised)
    return Found(
        answer=yes_if(not broken),
        sentence=f"{len(broken)} of {len(promised)} programs whose motivation {said} ({percent(interval)}) "
        f"fail, and {others} of the {without} whose motivation does not.",
        estimate=interval,
        rows=[
            {
                "index": index,
                "display_name": context.certificates[index].display_name,
                "fails": ", ".join(failing[index]),
            }
            for index in broken
        ],
    )


@fact("promised-cost-kept")
def promised_cost_kept(context: Context) -> Found:
    return _kept(
        context, SUBQUADRATIC, ("flops_exponent", "elements_exponent", "memory_exponent"), "promises it"
    )


@fact("promised-causality-kept")
def promised_causality_kept(context: Context) -> Found:
    return _kept(
        context,
        CAUSAL,
        ("causality_perturbation", "causality_jacobian", "prefix_consistency"),
        "speaks of it",
    )


@fact("promised-batch-independence-kept")
def promised_batch_independence_kept(context: Context) -> Found:
    return _kept(context, BATCH, ("batch_independence", "mask_sample_isolation"), "promises it")


@fact("named-benchmark-improves")
def named_benchmark_improves(context: Context) -> Found:
    motivations = {p.index: p.motivation or "" for p in context.data.programs.values()}
    names = [
        [bool(re.search(NAMED[task], motivations.get(e.index, ""), re.IGNORECASE)) for task in SCORED]
        for e in context.scored
    ]
    named, values = np.asarray(names), context.accuracies
    spread = values.std(axis=0, ddof=1)
    usable = (named.any(axis=0)) & (~named.all(axis=0)) & (spread > 0)
    if not usable.any():
        raise NotRun("no task is named by some motivations and not by others")
    named, values = named[:, usable], values[:, usable]
    z = (values - values.mean(axis=0)) / spread[usable]

    def advantage(mentions: np.ndarray, scores: np.ndarray) -> float:
        """The mean of the named cells minus that of the others."""
        if not mentions.any() or mentions.all():
            return 0.0
        return float(scores[mentions].mean() - scores[~mentions].mean())

    observed = advantage(named, z)
    rng = context.rng()
    null, p_value = permutation_p(
        observed,
        lambda: advantage(named[rng.permutation(len(named))], z),
        context.settings.resamples,
        centre=0.0,
    )
    interval = bootstrap(context, len(named), lambda rows: advantage(named[rows], z[rows]), rng=rng)
    tasks = [task for task, keep in zip(SCORED, usable, strict=True) if keep]
    rows: list[Row] = [
        {
            "task": task,
            "named_by": int(mentions.sum()),
            "points_above_the_others": float(column[mentions].mean() - column[~mentions].mean()),
            "p_mann_whitney": float(stats.mannwhitneyu(column[mentions], column[~mentions]).pvalue),
        }
        for task, mentions, column in zip(tasks, named.T, values.T, strict=True)
    ]
    return Found(
        answer=tested(observed, p_value),
        sentence=f"Where a motivation names a task, the architecture is {shown(interval, '+.2f')} standard "
        f"deviations better on it than those that do not, over {int(named.sum())} named pairs of "
        f"{len(named)} architectures and {len(tasks)} tasks.",
        estimate=interval,
        numbers={"power": 2.8 * float(null.std())},
        p_value=p_value,
        rows=rows,
    )


@fact("promised-cheapness-shows")
def promised_cheapness_shows(context: Context) -> Found:
    promised = set(promising(context, CHEAP))
    flops = {
        index: float(one.row("flops_token_340m").value or 0) for index, one in context.certificates.items()
    }
    inside = np.asarray([index in promised for index in flops])
    cost = np.asarray(list(flops.values())) / 1e6
    if inside.all() or min(inside.sum(), (~inside).sum()) < 3:
        raise NotRun("nearly all or nearly no motivations promise it")

    def difference(rows: np.ndarray) -> float:
        marked = inside[rows]
        if marked.all() or not marked.any():
            return float("nan")
        return float(np.median(cost[rows][marked]) - np.median(cost[rows][~marked]))

    interval = bootstrap(context, len(cost), difference, part=5)
    test = stats.mannwhitneyu(cost[inside], cost[~inside])
    likely = float(test.statistic) / (int(inside.sum()) * int((~inside).sum()))
    return Found(
        answer=tested(0.5 - likely, float(test.pvalue)),
        sentence=f"The median of the {int(inside.sum())} that promise it is {shown(interval, '+.1f')} "
        f"MFLOPs a token from that of the other {int((~inside).sum())} ({np.median(cost):.0f} in all); one "
        f"that promises it takes more than one that does not in {100 * likely:.0f}% of pairs.",
        estimate=interval,
        numbers={"some": listed(sorted(promised)[:5])},
        p_value=float(test.pvalue),
    )
