"""The cognition base, and Table 3's shares of where designs came from."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import PurePosixPath

import numpy as np
from scipy import optimize, stats

from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, Part, Row, Verdict, combine, holds
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
    parts = [
        Part("different sources", f"nearly {most}", f"{len(papers)}", holds(least <= len(papers) <= most)),
        Part(
            "entries in a file",
            f"{low} to {high}",
            f"{min(entries.values(), default=0)} to {max(entries.values(), default=0)}",
            holds(bool(entries) and not outside),
        ),
    ]
    repeated = [{"paper": p, "files": f} for p, f in papers.items() if len(f) > 1]
    others = [p for p in papers if not _ARXIV.fullmatch(p)]
    return Finding(
        verdict=combine(parts),
        found=f"{len(entries)} files, {len(papers)} sources, {len(table)} entries, "
        f"{min(sizes, default=0)} to {max(sizes, default=0)} each",
        method="Count files, the arXiv numbers in their names, and the entries of each file.",
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
    consistent = shares_exist([table[whole], table[rest], table[everything]], weight, rounding)
    worst = max(abs(row["printed"] - row["weighted_mean"]) for row in means)
    off = max(abs(row["sum"] - 100) for row in sums)
    parts = [
        Part("rows sum to 100", "100", f"at most {off:.1f} off", holds(off <= len(means) * rounding + 1e-9)),
        Part(
            f"'{everything}' is the weighted mean",
            "yes",
            f"at most {worst:.2f} off"
            + (", within rounding" if consistent else ", more than rounding explains"),
            holds(consistent),
        ),
    ]
    return Finding(
        verdict=combine(parts),
        found=f"sums at most {off:.1f} off; weighted mean at most {worst:.2f} off",
        method=f"Sum the rows; solve for shares within rounding that satisfy both, with weights {gallery} "
        f"and {experiments - gallery:,} (linear program).",
        figures={"weight": weight, "largest_difference": worst, "largest_sum_error": off},
        parts=parts,
        evidence=[
            Evidence("sums", "paper/table3.csv", sums),
            Evidence("weighted means", "paper/table3.csv, archive/experiments", means),
        ],
        notes=["The label of each component was not released, so the shares themselves cannot be checked."],
    )


@claim("experience-share")
def experience_share(context: Context) -> Finding:
    table, column = context.paper.table3, context.figure("column")
    share, other = (table[context.figure(name)][column] / 100 for name in ("whole", "rest"))
    gallery, experiments = len(context.data.gallery), len(context.data.experiments)
    level = context.limit("level")
    verdict = Verdict.NOT_CHECKABLE if share > other else Verdict.CONTRADICTED
    figures: dict[str, object] = {"gallery": 100 * share, "others": 100 * other}
    notes = []
    if share > other and 0 < gallery < experiments:
        per_design = components_needed(share, other, gallery, experiments - gallery, level)
        figures["components_per_design_needed"] = per_design
        notes = [
            f"From {per_design:.1f} labelled components a design on, a difference of this size would lie "
            f"outside the {level:.0%} range of chance, if labels were independent and without error."
        ]
    return Finding(
        verdict=verdict,
        found=f"{100 * share:.1f}% against {100 * other:.1f}% as printed; no label was released",
        method="Compare Table 3's shares, and look for the labels behind them in the release.",
        figures=figures,
        evidence=[
            Evidence("shares", "paper/table3.csv", [{"category": c, **row} for c, row in table.items()])
        ],
        notes=notes,
    )


def components_needed(share: float, other: float, designs: int, others: int, level: float) -> float:
    """Components a design from which two shares differ by more than chance (two-proportion z-test).

    Args:
        share: the share among `designs` designs, 0 to 1; `other` among `others`.
        level: confidence level, two-sided.
    """
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
