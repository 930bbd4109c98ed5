"""What the gallery's records hold: curves, benchmark values, diagrams, sizes, syntax."""

from __future__ import annotations

import math
import re
from statistics import median
from xml.parsers import expat

from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, Row, Verdict, either, holds
from asi_repro.claims.programs import recomputed_sizes
from asi_repro.claims.registry import claim
from asi_repro.results.statistics import trend


@claim("curves-complete")
def curves_complete(context: Context) -> Finding:
    steps, claimed = context.figure("steps"), context.figure("architectures")
    rows: list[Row] = []
    for e in context.data.gallery:
        curve = context.data.curves.get(e.index, [])
        empty = [step for step, loss in curve if loss is None or not math.isfinite(loss)]
        rows.append(
            {
                "index": e.index,
                "points": len(curve),
                "last_step": curve[-1][0] if curve else None,
                "missing_values": len(empty),
                "has_a_loss": len(empty) < len(curve),
                "first_missing_step": empty[0] if empty else None,
            }
        )
    short = [row for row in rows if not row["points"] or row["last_step"] < steps or not row["has_a_loss"]]
    broken = [row for row in rows if row in short or row["missing_values"]]
    good, some = len(rows) - len(broken), len(rows) - len(short)
    if not rows:
        raise NotCheckable("there is no gallery")
    points = sorted({row["points"] for row in rows})
    total = max(claimed, len(rows))
    parts = [
        context.part("curves without gaps", claimed, good, total - good, "strict"),
        context.part(f"curves to step {steps:,}", claimed, some, total - some, "lenient"),
    ]
    return Finding(
        effect=f"{good} of {total} complete; {some} reach step {steps:,}",
        parts=parts,
        found=f"{good} of {len(rows)} complete, of {' or '.join(map(str, points))} points each",
        figures={"curves": len(rows), "complete": good, "points": sum(row["points"] for row in rows)},
        evidence=[
            Evidence("curves that are not complete", "archive/curves", broken),
            Evidence.first("all curves", "archive/curves", rows, 5),
        ],
    )


@claim("benchmarks-complete")
def benchmarks_complete(context: Context) -> Finding:
    accuracies, gallery = context.figure("accuracies"), context.data.gallery
    table1 = [*accuracies, *context.figure("perplexities")]
    readings = {
        "strict": [*table1, *context.figure("appendix")],
        "as in Table 1": table1,
        "lenient": accuracies,
    }
    have = {
        column: sum(context.data.benchmarks.get(e.index, {}).get(column) is not None for e in gallery)
        for column in readings["strict"]
    }
    architectures = max(context.figure("architectures"), len(gallery))
    parts = []
    for reading, columns in readings.items():
        present, claimed = sum(have[column] for column in columns), architectures * len(columns)
        found = f"{present:,} of {claimed:,}"
        verdict = holds(context.allows(claimed - present))
        parts.append(Part(f"values of {len(columns)} metrics", f"{claimed:,}", found, verdict, reading))
    rows: list[Row] = [
        {"column": column, "values": count, "missing": architectures - count}
        for column, count in have.items()
    ]
    empty = [row["column"] for row in rows if row["missing"]]
    return Finding(
        effect=f"{parts[0].found} values; of the accuracies {parts[2].found}",
        found=f"{parts[0].found} values of the suite, {parts[1].found} of Table 1's, {parts[2].found} of the "
        "accuracies" + (f"; {', '.join(empty)} incomplete" if empty else ""),
        parts=parts,
        figures={"values": sum(have.values()), "expected": architectures * len(have)},
        evidence=[Evidence("values by metric", "archive/benchmarks", rows)],
    )


@claim("diagrams")
def diagrams(context: Context) -> Finding:
    claimed = context.figure("architectures")
    faults = [
        {"index": p.index, "fault": fault}
        for p in context.data.programs.values()
        if (fault := svg_fault(p.diagram)) is not None
    ]
    total = len(context.data.gallery)
    good = total - len(faults)
    begun = sum(bool(_SVG.search(p.diagram or "")) for p in context.data.programs.values())
    expected = max(claimed, total)
    parts = [
        context.part("diagrams that parse", claimed, good, expected - good, "strict"),
        context.part("diagrams", claimed, begun, expected - begun, "lenient"),
    ]
    return Finding(
        effect=f"{good} of {expected} parse; {begun} are there",
        parts=parts,
        found=f"{good} of {total} parse",
        figures={"diagrams": total, "parsed": good},
        evidence=[Evidence("diagrams that do not parse", "archive/programs", faults)],
    )


_SVG = re.compile(r"<(\w+:)?svg[\s>/]")


class _Refused(Exception):
    """The document declares an entity."""


def svg_fault(text: str | None) -> str | None:
    """What is wrong with an SVG text, or None. Entities are refused, so that none can swell."""
    if not text:
        return "there is none"
    roots: list[str] = []
    depth = 0

    def start(name: str, _: object) -> None:
        nonlocal depth
        if depth == 0:
            roots.append(name)
        depth += 1

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    def entity(*_: object) -> None:
        raise _Refused

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.EntityDeclHandler = entity
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        return f"{expat.ErrorString(error.code)}: line {error.lineno}, column {error.offset}"
    except _Refused:
        return "it declares an entity"
    return None if roots[0].split(" ")[-1] == "svg" else "its root is not svg"


@claim("model-size")
def model_size(context: Context) -> Finding:
    sizes, tolerance = context.figure("sizes"), context.limit("tolerance")
    stated = sorted(
        ((p.parameters, p) for p in context.data.programs.values() if p.parameters is not None),
        key=lambda pair: (pair[0], pair[1].index),
    )
    if not stated:
        raise NotCheckable("no parameter count is stated")
    rows: list[Row] = [
        {
            "index": p.index,
            "stated": p.parameters_stated,
            "parameters": count,
            "near": _near(count, sizes, tolerance),
        }
        for count, p in stated
    ]
    near = [row for row in rows if row["near"]]
    counts = [count for count, _ in stated]
    built, built_rows = recomputed_sizes(context, sizes, tolerance)
    middle = int(median(counts))
    parts = [
        context.part(
            "stated counts",
            context.claimed,
            f"{counts[0] / 1e6:.1f} to {counts[-1] / 1e6:.1f} million; {len(near)} of {len(rows)} within "
            f"{tolerance:.0%} of one",
            len(context.data.gallery) - len(near),
            "strict",
        ),
        built,
        Part(
            "median stated count",
            context.claimed,
            f"{middle / 1e6:.1f} million",
            holds(_near(middle, sizes, tolerance) is not None),
            "lenient",
        ),
    ]
    by_size = {
        f"near_{size}m": sum(_near(c, [size], tolerance) is not None for c in counts) for size in sizes
    }
    return Finding(
        effect=f"median {middle / 1e6:.1f} million; {len(near)} of {len(rows)} near a size named",
        found="; ".join(f"{p.what}: {p.found}" for p in parts if p.verdict is not Verdict.NOT_YET_RUN),
        figures={
            "smallest": counts[0],
            "median": middle,
            "largest": counts[-1],
            "near_a_size": len(near),
            **by_size,
        },
        parts=parts,
        evidence=[
            Evidence("smallest", "archive/programs", rows[:3]),
            Evidence("largest", "archive/programs", rows[-5:]),
            Evidence.first(
                "further off than the tolerance", "archive/programs", [r for r in rows if not r["near"]], 120
            ),
            built_rows,
        ],
    )


def _near(count: int, sizes: list[int], tolerance: float) -> int | None:
    """The size in millions that `count` is near, or None."""
    return next((s for s in sizes if abs(count - s * 1e6) <= tolerance * s * 1e6), None)


@claim("no-size-growth")
def no_size_growth(context: Context) -> Finding:
    stated = [
        (p.index, p.parameters, p.parameters_stated)
        for p in sorted(context.data.programs.values(), key=lambda p: p.index)
        if p.parameters is not None
    ]
    if len(stated) < 10:
        raise NotCheckable(f"{len(stated)} parameter counts are too few for a trend")
    level, margin = context.limit("level"), context.limit("margin")
    shares = (0, 0.1, 0.2, 0.3)
    rows = [_growth(stated, round(share * len(stated)), level) for share in shares]
    whole, later = rows[0], rows[1]
    interval = f"{whole['growth']:+.1%} [{whole['growth_low']:+.1%}, {whole['growth_high']:+.1%}]"
    no_more, more = whole["growth_high"] < margin, whole["growth_low"] > margin
    parts = [
        Part(
            "trend",
            "none",
            f"{interval}, p = {whole['mann_kendall_p']:.2g}",
            holds(not whole["grows"]),
            "strict",
        ),
        Part("growth", f"below {margin:.0%}", interval, either(no_more, more), "lenient"),
    ]
    spread = (whole["growth_high"] - whole["growth_low"]) / 2
    return Finding(
        effect=f"growth {interval} over the search",
        parts=parts,
        power=f"With {len(stated)} counts the interval reaches {spread:.1%} either way: a growth of about "
        f"{1.43 * spread:.1%} would be found in four cases of five. All are of the gallery, 6% of the "
        "experiments: of the others nothing can be said.",
        found="; ".join(
            f"{row['growth']:+.1%} ({row['growth_low']:+.1%} to {row['growth_high']:+.1%}), "
            f"p = {row['mann_kendall_p']:.2g}{where}"
            for row, where in ((whole, ""), (later, f" without the first {later['left_out']}"))
        ),
        figures={key: value for key, value in whole.items() if key != "left_out"},
        evidence=[
            Evidence("trend without the first architectures", "archive/programs", rows),
            Evidence(
                "stated counts by index",
                "archive/programs",
                [{"index": i, "parameters": c, "stated": text} for i, c, text in stated],
            ),
        ],
    )


def _growth(stated: list[tuple[int, int, str | None]], left_out: int, level: float) -> Row:
    """The trend of the counts in index order, without the first `left_out`."""
    rest = stated[left_out:]
    indices, counts = [row[0] for row in rest], [row[1] for row in rest]
    result = trend(indices, counts, level=level)
    unit = (indices[-1] - indices[0]) / median(counts)
    return {
        "left_out": left_out,
        "from_index": indices[0],
        "slope_per_experiment": result.slope.estimate,
        "slope_low": result.slope.low,
        "slope_high": result.slope.high,
        "growth": result.slope.estimate * unit,
        "growth_low": result.slope.low * unit,
        "growth_high": result.slope.high * unit,
        "kendall_tau": result.tau,
        "mann_kendall_p": result.p_value,
        "grows": result.slope.low > 0 and result.tau > 0 and result.p_value < 1 - level,
    }


@claim("einops-only")
def einops_only(context: Context) -> Finding:
    facts = context.data.static_facts
    if not facts:
        raise NotCheckable("no program was released")
    calls: list[Row] = [
        {"index": index, "line": line, "view": fact.view, "reshape": fact.reshape}
        for index, fact in facts.items()
        if fact is not None
        for line in fact.reshape_lines
    ]
    uses = sum(bool(fact.einops) for fact in facts.values() if fact)
    unparsed = [{"index": index} for index, fact in facts.items() if fact is None]
    guilty = {row["index"] for row in calls}
    total = len(facts)
    good, most = total - len(guilty) - len(unparsed), context.limit("most")
    parts = [
        context.part("programs without", "all", f"{good} of {total}", total - good, "strict"),
        Part("programs without", "most", f"{good / total:.0%}", holds(good >= most * total), "lenient"),
    ]
    return Finding(
        effect=f"{good} of {total} programs call neither",
        parts=parts,
        found=f"{len(guilty)} of {total} programs call them, {len(calls)} times; {uses} use einops",
        figures={"programs": total, "calling": len(guilty), "calls": len(calls), "using_einops": uses},
        evidence=[
            Evidence("lines with such a call, and the program's calls in all", "archive/programs", calls),
            Evidence("programs that do not parse", "archive/programs", unparsed),
        ],
    )
