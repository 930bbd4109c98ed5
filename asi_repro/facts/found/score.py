"""What the test score at 340M measures: which task drives it, and how far it is from guessing."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
from scipy import stats

from asi_repro.claims.finding import Row
from asi_repro.data.item_counts import SCORED
from asi_repro.facts.context import Context, Vector, guess
from asi_repro.facts.measures import bootstrap, listed, percent, permutation_p, share, shown, standard_error
from asi_repro.facts.outcome import ALPHA, Answer, Estimate, Found, beyond, yes_if
from asi_repro.facts.registry import fact
from asi_repro.results.significance import holm
from asi_repro.results.statistics import overlap_by_chance

TASKS = tuple(SCORED)
_BEST = 10
_USUAL_ALPHA = 0.7


def variance_shares(accuracies: Vector) -> Vector:
    """Each task's share of the variance of the mean score: its covariance with the mean, over tasks.

    Args:
        accuracies: shape [architectures, tasks].

    Returns:
        Shares that sum to 1, shape [tasks].
    """
    centred = accuracies - accuracies.mean(axis=0)
    mean = centred.mean(axis=1)
    return np.asarray(centred.T @ mean / (accuracies.shape[1] * (mean @ mean)))


@fact("one-task-drives-the-score")
def one_task_drives_the_score(context: Context) -> Found:
    values = context.accuracies
    shares = variance_shares(values)
    first = int(np.argmax(shares))
    interval = bootstrap(context, len(values), lambda rows: float(variance_shares(values[rows])[first]))
    rows: list[Row] = [
        {
            "task": task,
            "share_of_variance": part,
            "mean": column.mean(),
            "spread": column.std(ddof=1),
            "standard_error": float(standard_error(column.mean(), SCORED[task])),
        }
        for task, part, column in zip(TASKS, shares, values.T, strict=True)
    ]
    rows.sort(key=lambda row: -row["share_of_variance"])
    times = [row["spread"] / row["standard_error"] for row in rows]
    return Found(
        answer=beyond(interval, 0.5),
        sentence=f"{TASKS[first]} makes {percent(interval)} of the variance of the score between "
        f"{len(values)} architectures; an equal share would be {100 / len(TASKS):.1f}%.",
        estimate=interval,
        numbers={"spread": rows[0]["spread"], "times": times[0], "others": max(times[1:])},
        rows=rows,
    )


@fact("boolq-majority")
def boolq_majority(context: Context) -> Found:
    items, rate = SCORED["boolq"], guess("boolq")
    values = context.accuracies[:, TASKS.index("boolq")]
    right = np.rint(values / 100 * items).astype(int)
    above = right > round(rate * items)
    p_above = holm([stats.binomtest(int(k), items, rate, "greater").pvalue for k in right])
    p_below = holm([stats.binomtest(int(k), items, rate, "less").pvalue for k in right])
    sure, worse = sum(p < ALPHA for p in p_above), sum(p < ALPHA for p in p_below)
    interval = share(int(above.sum()), len(values))
    answer = Answer.YES if sure else Answer.UNKNOWN if above.any() else Answer.NO
    return Found(
        answer=answer,
        sentence=f"{int(above.sum())} of {len(values)} ({percent(interval)}) are above {100 * rate:.2f}%, "
        f"which always 'yes' scores; the best has {values.max():.2f}%, and {worse} are below it beyond "
        "sampling error.",
        estimate=interval,
        numbers={
            "error": float(standard_error(100 * rate, items)),
            "sure": sure,
            "worse": worse,
            "items": items,
        },
        rows=[
            {"index": e.index, "display_name": e.label, "boolq": value}
            for e, value in sorted(zip(context.scored, values, strict=True), key=lambda pair: -pair[1])[:10]
        ],
    )


@fact("tasks-beyond-guessing")
def tasks_beyond_guessing(context: Context) -> Found:
    rows: list[Row] = []
    for task, column in zip(TASKS, context.accuracies.T, strict=True):
        items = SCORED[task]
        right = np.rint(column / 100 * items).astype(int)
        adjusted = holm([stats.binomtest(int(k), items, guess(task), "greater").pvalue for k in right])
        above = sum(p < ALPHA for p in adjusted)
        rows.append(
            {
                "task": task,
                "guess": 100 * guess(task),
                "mean": column.mean(),
                "above_a_guess": above,
                "architectures": len(column),
            }
        )
    total = len(context.scored)
    beaten = [row["task"] for row in rows if 2 * row["above_a_guess"] > total]
    none = [row["task"] for row in rows if row["above_a_guess"] == 0]
    interval = replace(share(len(beaten), len(TASKS)), n=total)
    return Found(
        answer=yes_if(len(beaten) == len(TASKS)),
        sentence=f"Most of {total} architectures beat a guess on {len(beaten)} of {len(TASKS)} tasks "
        f"({listed(beaten)}); on {listed(none)} none does beyond sampling error.",
        estimate=interval,
        rows=rows,
    )


def cronbach_alpha(accuracies: Vector) -> float:
    """Internal consistency of the mean over standardised tasks, from shape [architectures, tasks]."""
    values = (accuracies - accuracies.mean(axis=0)) / accuracies.std(axis=0, ddof=1)
    count = values.shape[1]
    return float(
        count / (count - 1) * (1 - values.var(axis=0, ddof=1).sum() / values.sum(axis=1).var(ddof=1))
    )


@fact("tasks-measure-one-thing")
def tasks_measure_one_thing(context: Context) -> Found:
    values, rng = context.accuracies, context.rng()
    ranks = stats.rankdata(values, axis=0)
    mean = _mean_correlation(ranks)
    _, p_value = permutation_p(
        mean, lambda: _mean_correlation(rng.permuted(ranks, axis=0)), context.settings.resamples
    )
    interval = bootstrap(context, len(values), lambda rows: cronbach_alpha(values[rows]), rng=rng)
    pairs: list[Row] = [
        {
            "first": TASKS[a],
            "second": TASKS[b],
            "spearman": float(np.corrcoef(ranks[:, a], ranks[:, b])[0, 1]),
        }
        for a, b in combinations(range(len(TASKS)), 2)
    ]
    return Found(
        answer=beyond(interval, _USUAL_ALPHA),
        sentence=f"Cronbach's alpha of the seven is {shown(interval)} among {len(values)} architectures, "
        f"and the mean correlation over {len(pairs)} pairs of tasks {mean:.2f}.",
        estimate=interval,
        numbers={"p": p_value},
        rows=sorted(pairs, key=lambda row: -row["spearman"]),
    )


def _mean_correlation(table: Vector) -> float:
    matrix = np.asarray(np.corrcoef(table, rowvar=False))
    return float(matrix[np.triu_indices(len(TASKS), 1)].mean())


@fact("best-ten-without-one-task")
def best_ten_without_one_task(context: Context) -> Found:
    values = context.accuracies
    left_out = int(np.argmax(variance_shares(values)))
    by_all = np.argsort(-context.scores, kind="stable")
    by_rest = np.argsort(-np.delete(values, left_out, axis=1).mean(axis=1), kind="stable")
    best = min(_BEST, len(values))
    both = set(by_all[:best].tolist()) & set(by_rest[:best].tolist())
    chance = overlap_by_chance(len(both), best, best, len(values))
    interval = share(len(both), best)
    place = {int(row): rank for rank, row in enumerate(by_rest, 1)}
    return Found(
        answer=yes_if(2 * len(both) > best),
        sentence=f"Without {TASKS[left_out]} {len(both)} of the {best} best of {len(values)} stay among the "
        f"{best} best ({percent(interval)}); a random {best} would share {chance.expected:.1f}.",
        estimate=interval,
        numbers={"p": chance.p_value},
        rows=[
            {
                "index": context.scored[int(row)].index,
                "display_name": context.scored[int(row)].label,
                "score": values[int(row)].mean(),
                "place": rank,
                "place_without": place[int(row)],
            }
            for rank, row in enumerate(by_all[:best], 1)
        ],
    )


@fact("best-of-equals")
def best_of_equals(context: Context) -> Found:
    values, rng = context.accuracies, context.rng()
    items = np.asarray([SCORED[task] for task in TASKS])
    rates = values.mean(axis=0) / 100
    draws = np.asarray(
        [
            (100 * rng.binomial(items, rates, size=values.shape) / items).mean(axis=1).max()
            for _ in range(context.settings.resamples)
        ]
    )
    best, mean = float(context.scores.max()), float(context.scores.mean())
    p_value = (int((draws >= best - 1e-9).sum()) + 1) / (len(draws) + 1)
    low, high = np.quantile(draws, [0.025, 0.975])
    winner = context.scored[int(np.argmax(context.scores))]
    return Found(
        answer=Answer.YES if p_value < ALPHA else Answer.UNKNOWN,
        sentence=f"The best of {len(values)} is {best - mean:.2f} points above their mean; the best of as "
        f"many equal models would be {draws.mean() - mean:.2f} [{low - mean:.2f}, {high - mean:.2f}] above.",
        estimate=Estimate(
            best - mean, float(low) - mean, float(high) - mean, len(values), "95% of the draws under the null"
        ),
        p_value=p_value,
        rows=[{"index": winner.index, "display_name": winner.label, "score": best}],
    )
