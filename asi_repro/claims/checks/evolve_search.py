"""What ASI-Evolve says of the search, held against ASI-ARCH's release and its tables."""

from __future__ import annotations

from statistics import median

from asi_repro.archive.reader import Experiment
from asi_repro.claims.checks.cognition import paper_of
from asi_repro.claims.checks.search import share_interval
from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, Row, either, holds
from asi_repro.claims.paper_tables import STAGES
from asi_repro.claims.registry import claim


@claim("evolve-sota-count")
def sota_count(context: Context) -> Finding:
    claimed, tasks = context.figure("architectures"), context.figure("tasks")
    base = context.paper.table2_baselines[context.figure("baseline")].values
    loss_column, score_column = STAGES["340m"]
    gallery, beating = context.data.gallery, 0
    for e in gallery:
        final, score = context.data.final_losses.get(e.index), context.data.mean_score(e.index, tasks)
        if final is not None and final.complete and score is not None:
            beating += final.loss < base[loss_column] and score > base[score_column]
    parts = [
        context.part(what, claimed, count, abs(count - claimed), reading)
        for reading, what, count in (
            ("strict", "records in the gallery", len(gallery)),
            ("lenient", "complete results that beat DeltaNet", beating),
        )
    ]
    return Finding(
        effect=f"{len(gallery)} released, {beating} with complete results",
        found=f"{len(gallery)} in the gallery, {beating} of them with complete results that beat DeltaNet",
        figures={"gallery": len(gallery), "complete_and_better": beating},
        parts=parts,
        notes=[f"ASI-ARCH counts {context.figure('other')} for the same phase of the same search."],
    )


@claim("evolve-candidates")
def candidates(context: Context) -> Finding:
    claimed, terms = context.figure("candidates"), context.figure("terms")
    scores = [e.score for e in context.data.experiments if e.score is not None]
    roots = [context.data.archive.get(index).score for index in context.data.archive.lineage.roots]
    base = next((score for score in roots if score is not None), None)
    if base is None:
        raise NotCheckable("no root has a score")
    # A term below 0.5 leaves at most 0.5 + 1 + 1; two of at least 0.5 leave at least 1.
    surely, possibly = sum(s > terms - 0.5 for s in scores), sum(s > 1 for s in scores)
    above = sum(s > base for s in scores)
    agree = surely == possibly == claimed
    tolerance = context.limit("tolerance")
    return Finding(
        effect=f"{above:,} above DeltaNet; between {surely:,} and {possibly:,} in both",
        found=f"{above:,} of {len(scores):,} score above DeltaNet's {base:.3f}; the number that beat it in "
        f"both is between {surely:,} and {possibly:,}",
        figures={"above_root": above, "at_least": surely, "at_most": possibly},
        parts=[
            Part(
                "bounds",
                f"{claimed:,}",
                f"{surely:,} to {possibly:,}",
                either(agree, not surely <= claimed <= possibly),
                "strict",
            ),
            Part(
                "scores above DeltaNet's",
                f"{claimed:,}",
                f"{above:,}",
                holds(abs(above - claimed) <= tolerance * claimed),
                "lenient",
            ),
        ],
    )


@claim("evolve-cognition")
def cognition(context: Context) -> Finding:
    table = context.data.archive.table("cognition").select(["file"]).to_pylist()
    counts = {"entries": len(table), "papers": len({paper_of(row["file"]) for row in table})}
    parts = []
    for reading, limit in (("strict", "about"), ("lenient", "loosely")):
        for what, count in counts.items():
            claimed, share = context.figure(what), context.limit(limit)
            verdict = holds(abs(count - claimed) <= share * claimed)
            parts.append(Part(what, f"about {claimed}", f"{count}", verdict, reading))
    entries, papers = counts.values()
    ratio = entries / context.figure("entries") - 1
    return Finding(
        effect=f"{entries} entries ({ratio:+.0%}) from {papers} papers",
        found=f"{entries} entries of {papers} papers, {ratio:+.0%} entries",
        figures=counts,
        parts=parts,
    )


@claim("evolve-stages")
def stages(context: Context) -> Finding:
    size, steps = context.figure("millions"), context.figure("steps")
    tolerance, programs = context.limit("tolerance"), list(context.data.programs.values())
    counts = {p.index: p.parameters for p in programs if p.parameters is not None}
    last = {p.index: context.data.curves[p.index][-1][0] for p in programs if p.index in context.data.curves}
    if not counts or not last:
        raise NotCheckable("no parameter count or no training curve was released")

    def near(count: float) -> bool:
        return bool(abs(count - size * 1e6) <= tolerance * size * 1e6)

    good = sum(near(counts.get(p.index, 0)) and last.get(p.index) == steps for p in programs)
    middle, step = median(counts.values()), median(last.values())
    rows: list[Row] = [
        {"index": i, "parameters": count, "last_step": last.get(i), "near": near(count)}
        for i, count in counts.items()
    ]
    return Finding(
        effect=f"median {middle / 1e6:.1f} million, {step:,.0f} steps; {good} of {len(programs)} fit",
        found=f"{good} of {len(programs)} have {size}M within {tolerance:.0%} and {steps:,} steps; median "
        f"{middle / 1e6:.1f} million, {step:,.0f} steps",
        figures={"median_parameters": middle, "median_last_step": step, "fitting": good},
        parts=[
            context.part(
                "architectures", "all", f"{good} of {len(programs)}", len(programs) - good, "strict"
            ),
            Part(
                "medians",
                f"{size}M, {steps:,} steps",
                f"{middle / 1e6:.1f}M, {step:,.0f} steps",
                holds(near(middle) and step == steps),
                "lenient",
            ),
        ],
        evidence=[Evidence.first("stated counts and last steps", "archive/programs, archive/curves", rows)],
    )


@claim("evolve-second-half")
def second_half(context: Context) -> Finding:
    share, round_ = context.figure("share"), context.figure("round")
    late = [e for e in context.data.gallery if e.index > round_]
    if not late:
        raise NotCheckable(f"no gallery member was found after round {round_}")
    rows: list[Row] = [
        {
            "index": e.index,
            "display_name": e.label,
            "parent": e.parent,
            "nearest_early_ancestor": _early_ancestor(context, e, round_),
        }
        for e in late
    ]
    direct = sum(row["parent"] is not None and row["parent"] < round_ for row in rows)
    older = sum(row["nearest_early_ancestor"] is not None for row in rows)
    low, high = share_interval(direct, len(late), context.limit("level"))
    shown = f"{direct / len(late):.0%} [{low:.0%}, {high:.0%}]"
    return Finding(
        effect=f"parent early: {shown}; some ancestor: {older / len(late):.0%}",
        found=f"{direct} of {len(late)} have a parent from before round {round_}: {shown}; {older} have some "
        "ancestor other than the root",
        figures={"late": len(late), "parent_early": direct, "ancestor_early": older},
        parts=[
            Part("parent from before", f"{share:.0%}", shown, holds(low <= share <= high), "strict"),
            Part(
                "some ancestor from before",
                f"at least {share:.0%}",
                f"{older / len(late):.0%}",
                holds(older >= share * len(late)),
                "lenient",
            ),
        ],
        power=f"With {len(late)} architectures the interval reaches {(high - low) / 2:.0%} either way. That "
        "some ancestor is early holds for nearly any tree that grows from its beginning.",
        evidence=[Evidence("gallery members found later", "archive/experiments", rows)],
    )


def _early_ancestor(context: Context, e: Experiment, round_: int) -> int | None:
    """The index of the nearest ancestor from before that round; None where only the root is."""
    parent = e.parent
    while parent is not None:
        ancestor = context.data.archive.get(parent)
        if ancestor.index < round_ and ancestor.parent is not None:
            return ancestor.index
        parent = ancestor.parent
    return None


@claim("evolve-provenance")
def provenance(context: Context) -> Finding:
    table, tolerance = context.paper.table3, context.limit("tolerance")
    rows: list[Row] = []
    for said, category in (("all", context.figure("everything")), ("best", context.figure("whole"))):
        for item in context.figure(said).split(", "):
            column, value = item.split(" ")
            printed = table[category][column]
            rows.append(
                {"category": category, "column": column, "asi_evolve": float(value), "asi_arch": printed}
            )
    good = sum(abs(row["asi_evolve"] - row["asi_arch"]) <= tolerance for row in rows)
    shown = f"{good} of {len(rows)}"
    return Finding(
        effect=f"{shown} shares agree",
        found=f"{shown} shares are those of ASI-ARCH's Table 3",
        figures={"shares": len(rows), "agreeing": good},
        parts=[context.part("shares", "all agree", shown, len(rows) - good)],
        evidence=[Evidence("shares in both papers", "paper/table3.csv", rows)],
    )
