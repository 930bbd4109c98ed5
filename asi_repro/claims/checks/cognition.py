"""The cognition base, and Table 3's shares of where designs came from."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath

import numpy as np
from scipy import optimize, stats

from asi_repro.claims.checks.components import families_by_motivation
from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, Row, either, holds
from asi_repro.claims.registry import claim

_ARXIV = re.compile(r"\d{4}\.\d{4,5}", re.ASCII)


@claim("cognition-base")
def cognition_base(context: Context) -> Finding:
    table = (
        context.data.archive.table("cognition").select(["id", "file", "algorithmic_innovation"]).to_pylist()
    )
    entries = Counter(row["file"] for row in table)
    papers: dict[str, list[str]] = {}
    for file in sorted(entries):
        papers.setdefault(paper_of(file), []).append(file)
    texts = Counter(row["algorithmic_innovation"] for row in table)
    copies = [row["id"] for row in table if texts[row["algorithmic_innovation"]] > 1]
    low, high, most = context.figure("low"), context.figure("high"), context.figure("papers")
    least = context.limit("nearly") * most
    sizes = Counter(entries.values())
    outside = [{"file": f, "entries": n} for f, n in sorted(entries.items()) if not low <= n <= high]
    sized = holds(bool(entries) and context.allows(len(outside)))
    span = f"{min(entries.values(), default=0)} to {max(entries.values(), default=0)}"
    parts = []
    for reading, what, count in (
        ("strict", "different papers", len(papers)),
        ("lenient", "files", len(entries)),
    ):
        parts += [
            Part(what, f"nearly {most}", f"{count}", holds(least <= count <= most), reading),
            Part("entries in a file", f"{low} to {high}", span, sized, reading),
        ]
    repeated = [{"paper": p, "files": f} for p, f in papers.items() if len(f) > 1]
    others = [p for p in papers if not _ARXIV.fullmatch(p)]
    return Finding(
        effect=f"{len(papers)} papers in {len(entries)} files, {span} entries each",
        found=f"{len(entries)} files, {len(papers)} sources, {len(table)} entries, {min(sizes, default=0)} "
        f"to {max(sizes, default=0)} each",
        figures={
            "files": len(entries),
            "sources": len(papers),
            "entries": len(table),
            "not_arxiv": len(others),
            "entries_with_a_copy": len(copies),
        },
        parts=parts,
        evidence=[
            Evidence(
                "files by number of entries",
                "archive/cognition",
                [{"entries": size, "files": sizes[size]} for size in sorted(sizes)],
            ),
            Evidence("papers with several files", "archive/cognition", repeated),
            Evidence(
                "sources that are not arXiv papers", "archive/cognition", [{"source": p} for p in others]
            ),
            Evidence("files outside the range", "archive/cognition", outside),
            Evidence(
                "entries with the same text as another", "archive/cognition", [{"id": i} for i in copies]
            ),
        ],
    )


def paper_of(file: str) -> str:
    """The arXiv number in a file's name, without its version; the stem where there is none."""
    stem = PurePosixPath(file).name.removesuffix(".json")
    match = _ARXIV.search(stem)
    return match[0] if match else stem


@claim("table3-sums")
def table3_sums(context: Context) -> Finding:
    table = context.paper.table3
    whole, rest, everything = (context.figure(name) for name in ("whole", "rest", "all"))
    experiments, gallery = len(context.data.experiments), len(context.data.gallery)
    weight = gallery / experiments
    rounding = context.limit("rounding")
    sums: list[Row] = [{"category": c, "sum": sum(v.values())} for c, v in table.items()]
    means: list[Row] = [
        {
            "column": column,
            "printed": table[everything][column],
            "weighted_mean": weight * table[whole][column] + (1 - weight) * table[rest][column],
        }
        for column in table[everything]
    ]
    triple = [table[whole], table[rest], table[everything]]
    worst = max(abs(row["printed"] - row["weighted_mean"]) for row in means)
    off = max(abs(row["sum"] - 100) for row in sums)
    strict = shares_exist(triple, weight, rounding)
    low, high = weights_that_fit(triple, rounding)
    fits = f"{low:.1%} to {high:.1%}" if low <= high else "none"
    parts = [
        Part(
            f"'{everything}' is the mean weighted by experiments",
            f"gallery {weight:.1%}",
            f"at most {worst:.2f} off" + (", within rounding" if strict else ", more than rounding explains"),
            holds(strict),
            "strict",
        ),
        Part(
            f"weights of the gallery that make '{everything}'",
            "some",
            fits,
            holds(low <= high and off <= len(means) * rounding + 1e-9),
            "lenient",
        ),
    ]
    return Finding(
        effect=f"off by at most {worst:.2f} points; gallery's weight {fits}",
        found=f"sums at most {off:.1f} off; weighted mean at most {worst:.2f} off; the gallery's weight may "
        f"be {fits}",
        method=f"Sum the rows; solve for shares within rounding that satisfy both, with weights {gallery} "
        f"and {experiments - gallery:,} (linear program).",
        figures={
            "weight": weight,
            "lowest_weight_that_fits": low,
            "highest_weight_that_fits": high,
            "largest_difference": worst,
            "largest_sum_error": off,
        },
        parts=parts,
        evidence=[
            Evidence("sums", "paper/table3.csv", sums),
            Evidence("weighted means", "paper/table3.csv, archive/experiments", means),
        ],
    )


@claim("experience-share")
def experience_share(context: Context) -> Finding:
    table, column = context.paper.table3, context.figure("column")
    share, other = (table[context.figure(name)][column] / 100 for name in ("whole", "rest"))
    designs = len(context.data.gallery)
    others = len(context.data.experiments) - designs
    named = families_by_motivation(context)
    if not named or others < 1:
        raise NotCheckable("there are no motivations to count components in, or nothing outside the gallery")
    each = float(np.mean([len(families) for families in named.values()]))
    needed = components_needed(share, other, designs, others, 1 - context.limit("alpha"))
    difference, error = share - other, 0.0
    if share != other:
        pooled = (share * designs + other * others) / (designs + others)
        error = float(np.sqrt(pooled * (1 - pooled) * (1 / designs + 1 / others) / each))
    p_value = float(2 * stats.norm.sf(abs(difference) / error)) if error else 1.0
    low, high = (100 * (difference + sign * 1.96 * error) for sign in (-1, 1))
    significant = p_value < context.limit("alpha")
    interval = f"{100 * difference:+.1f} points [{low:+.1f}, {high:+.1f}]"
    verdict = either(significant and difference > 0, significant and difference < 0)
    return Finding(
        effect=interval,
        found=f"{100 * share:.1f}% against {100 * other:.1f}% as printed: {interval}, p = {p_value:.2g}",
        method=f"Two-proportion z-test of Table 3's shares. It assumes {each:.1f} components a design, the "
        "mean number of families that the gallery's motivations name: the count of section 5.2 is in none "
        "of the files here.",
        figures={
            "gallery": 100 * share,
            "others": 100 * other,
            "components_per_design": each,
            "components_per_design_needed": needed,
            "p_value": p_value,
        },
        parts=[Part("difference of the shares", "above 0", f"{interval}, p = {p_value:.2g}", verdict)],
        power=f"With the assumed {each:.1f} components a design a difference of {100 * 2.8 * error:.1f} "
        f"points would be found in four cases of five; the printed one is beyond chance from {needed:.1f} a "
        "design on."
        if np.isfinite(needed)
        else "",
        evidence=[
            Evidence("shares", "paper/table3.csv", [{"category": c, **row} for c, row in table.items()])
        ],
    )


def components_needed(share: float, other: float, designs: int, others: int, level: float) -> float:
    """Components a design from which two shares differ by more than chance (two-proportion z-test).

    Args:
        share: the share among `designs` designs, 0 to 1; `other` among `others`.
        level: confidence level, two-sided.
    """
    if share == other:
        return float("inf")
    pooled = (share * designs + other * others) / (designs + others)
    spread = pooled * (1 - pooled) * (1 / designs + 1 / others)
    return float(stats.norm.ppf(0.5 + level / 2) ** 2 * spread / (share - other) ** 2)


def shares_exist(rows: list[dict[str, float]], weight: float, rounding: float) -> bool:
    """Whether exact shares exist that round to those printed and fit together.

    Args:
        rows: the shares of a part, of the rest, and of both.
        weight: the part's share of both, 0 to 1.
        rounding: how far an exact share may be from the printed one.
    """
    columns = list(rows[0])
    count = len(columns)
    equations, right = [], []
    for row in range(3):
        line = np.zeros(3 * count)
        line[row * count : (row + 1) * count] = 1
        equations.append(line)
        right.append(100.0)
    for column in range(count):
        line = np.zeros(3 * count)
        line[column], line[count + column], line[2 * count + column] = weight, 1 - weight, -1
        equations.append(line)
        right.append(0.0)
    bounds = [(row[c] - rounding, row[c] + rounding) for row in rows for c in columns]
    result = optimize.linprog(
        np.zeros(3 * count), A_eq=np.array(equations), b_eq=right, bounds=bounds, method="highs"
    )
    return bool(result.status == 0)


def weights_that_fit(rows: list[dict[str, float]], rounding: float) -> tuple[float, float]:
    """The weights of the first row, 0 to 1, with which the mean can be the third, each column by itself.

    Returns:
        The lowest and the highest; the lowest is above the highest where none fits.
    """
    low, high = 0.0, 1.0
    for column in rows[0]:
        whole, rest, both = (row[column] for row in rows)
        ends = sorted(
            ((both - rest) + sign * 2 * rounding) / (whole - rest) if whole != rest else sign * np.inf
            for sign in (-1, 1)
        )
        low, high = max(low, float(ends[0])), min(high, float(ends[1]))
    return low, high
