"""What the gallery's records hold: curves, benchmark values, diagrams, sizes, syntax."""

from __future__ import annotations

import math
from xml.parsers import expat

from asi_repro.claims.context import Context
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, Row, Verdict, combine, holds
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
                "first_missing_step": empty[0] if empty else None,
            }
        )
    broken = [row for row in rows if not row["points"] or row["last_step"] < steps or row["missing_values"]]
    good = len(rows) - len(broken)
    if not rows:
        raise NotCheckable("there is no gallery")
    points = sorted({row["points"] for row in rows})
    return Finding(
        verdict=holds(good == len(rows) == claimed),
        found=f"{good} of {len(rows)} complete, of {' or '.join(map(str, points))} points each",
        method="Count each curve's points, its last step, and the values that are not finite numbers.",
        figures={"curves": len(rows), "complete": good, "points": sum(row["points"] for row in rows)},
        evidence=[
            Evidence("curves that are not complete", "archive/curves", broken),
            Evidence.first("all curves", "archive/curves", rows, 5),
        ],
    )


@claim("benchmarks-complete")
def benchmarks_complete(context: Context) -> Finding:
    columns, gallery = context.figure("columns"), context.data.gallery
    rows: list[Row] = []
    for column in columns:
        have = [e.index for e in gallery if context.data.benchmarks.get(e.index, {}).get(column) is not None]
        rows.append({"column": column, "values": len(have), "missing": len(gallery) - len(have)})
    present = sum(row["values"] for row in rows)
    empty = [row["column"] for row in rows if row["missing"]]
    claimed = context.figure("architectures") * context.figure("metrics")
    lacking = [
        {
            "index": e.index,
            "missing": [c for c in columns if context.data.benchmarks.get(e.index, {}).get(c) is None],
        }
        for e in gallery
    ]
    lacking = [row for row in lacking if row["missing"]]
    return Finding(
        verdict=holds(present == claimed == len(columns) * len(gallery)),
        found=f"{present:,} of {claimed:,} values" + (f"; {', '.join(empty)} incomplete" if empty else ""),
        method="Count the finite values of each of the suite's metrics over the gallery.",
        figures={"values": present, "expected": claimed, "architectures_lacking": len(lacking)},
        evidence=[
            Evidence("values by metric", "archive/benchmarks", rows),
            Evidence.first("architectures without all metrics", "archive/benchmarks", lacking, 5),
        ],
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
    return Finding(
        verdict=holds(good == claimed == total),
        found=f"{good} of {total} parse",
        method="Parse each diagram as XML, entities refused, and look at its root.",
        figures={"diagrams": total, "parsed": good},
        evidence=[Evidence("diagrams that do not parse", "archive/programs", faults)],
        notes=["Whether a diagram shows what its program does is not judged."],
    )


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
    parts = [
        Part(
            "stated counts",
            f"{' or '.join(map(str, sizes))} million",
            f"{counts[0] / 1e6:.1f} to {counts[-1] / 1e6:.1f} million; {len(near)} of {len(rows)} within "
            f"{tolerance:.0%} of one",
            holds(len(near) == len(context.data.gallery)),
        ),
        built,
    ]
    by_size = {
        f"near_{size}m": sum(_near(c, [size], tolerance) is not None for c in counts) for size in sizes
    }
    return Finding(
        verdict=combine(parts),
        found="; ".join(f"{p.what}: {p.found}" for p in parts if p.verdict is not Verdict.NOT_YET_RUN),
        method="Read the counts that the gallery states, and compare them with the sizes named.",
        figures={
            "smallest": counts[0],
            "median": counts[len(counts) // 2],
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
    level, early = context.limit("level"), context.limit("early")
    rows = [_growth(stated, round(share * len(stated)), level) for share in (0, early, 2 * early, 3 * early)]
    whole, later = rows[0], rows[1]
    verdict = Verdict.NOT_CHECKABLE
    if whole["grows"] and later["grows"]:
        verdict = Verdict.CONTRADICTED
    elif not whole["grows"]:
        verdict = Verdict.REPRODUCED
    return Finding(
        verdict=verdict,
        found="; ".join(
            f"{row['growth']:+.1%} ({row['growth_low']:+.1%} to {row['growth_high']:+.1%}), "
            f"p = {row['mann_kendall_p']:.2g}{where}"
            for row, where in ((whole, ""), (later, f" without the first {later['left_out']}"))
        ),
        method="Theil–Sen slope of the stated counts over the index with Sen's interval, as growth of the "
        "median from the first to the last; Mann–Kendall test.",
        figures={key: value for key, value in whole.items() if key != "left_out"},
        evidence=[
            Evidence("trend without the first architectures", "archive/programs", rows),
            Evidence(
                "stated counts by index",
                "archive/programs",
                [{"index": i, "parameters": c, "stated": text} for i, c, text in stated],
            ),
        ],
        notes=[
            "Figure 8 shows all experiments; only the gallery's counts, at the large scale, were released.",
        ],
    )


def _growth(stated: list[tuple[int, int, str | None]], left_out: int, level: float) -> Row:
    """The trend of the counts in index order, without the first `left_out`."""
    rest = stated[left_out:]
    indices, counts = [row[0] for row in rest], [row[1] for row in rest]
    result = trend(indices, counts, level=level)
    unit = (indices[-1] - indices[0]) / sorted(counts)[len(counts) // 2]
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
    return Finding(
        verdict=holds(not guilty and not unparsed),
        found=f"{len(guilty)} of {total} programs call them, {len(calls)} times; {uses} use einops",
        method="Walk each syntax tree and note the calls of `view` and `reshape`; nothing is run.",
        figures={"programs": total, "calling": len(guilty), "calls": len(calls), "using_einops": uses},
        evidence=[
            Evidence("lines with such a call, and the program's calls in all", "archive/programs", calls),
            Evidence("programs that do not parse", "archive/programs", unparsed),
        ],
        notes=[
            "A syntax tree does not tell what a method is called on: a `view` that changes a type counts too."
        ],
    )
