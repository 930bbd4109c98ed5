"""How much there is: experiments, architectures, rows, and how the files agree."""

from __future__ import annotations

from collections import Counter

from asi_repro.archive.reader import Experiment, Program
from asi_repro.claims.context import Context
from asi_repro.claims.data import same_name, syntax_digest
from asi_repro.claims.finding import Evidence, Finding, NotCheckable, Part, holds
from asi_repro.claims.registry import claim


@claim("experiments")
def experiments(context: Context) -> Finding:
    indices = [e.index for e in context.data.experiments]
    claimed = context.figure("experiments")
    gaps = sorted(set(range(indices[0], indices[-1] + 1)) - set(indices))
    roots = [e for e in context.data.experiments if e.parent is None]
    records, numbered = len(indices), indices[-1] - indices[0] + 1
    near = context.limit("share") * claimed <= records <= claimed <= numbered
    parts = [
        context.part("records", f"{claimed:,}", f"{records:,}", abs(records - claimed), "strict"),
        Part(
            "records, of indices given out",
            f"nearly {claimed:,}",
            f"{records:,} of {numbered:,}",
            holds(near),
            "lenient",
        ),
    ]
    return Finding(
        effect=f"{records:,} of {claimed:,} ({records - claimed:+,})",
        parts=parts,
        found=f"{len(indices):,} records (indices {indices[0]:,} to {indices[-1]:,}, {len(gaps)} missing)",
        figures={
            "records": len(indices),
            "first_index": indices[0],
            "last_index": indices[-1],
            "missing_indices": len(gaps),
            "difference": len(indices) - claimed,
        },
        evidence=[
            Evidence("first and last record", "archive/experiments", [_row(e) for e in _ends(context)]),
            Evidence("indices without a record", "archive/experiments", [{"index": i} for i in gaps]),
        ],
        notes=[
            f"Of the records, {len(roots)} is the baseline the search began with, so "
            f"{len(indices) - len(roots):,} were proposed by it.",
            f"The indices allow for {indices[-1]:,} records. Nothing says what became of the missing ones.",
        ],
    )


def _ends(context: Context) -> list[Experiment]:
    return [context.data.experiments[0], context.data.experiments[-1]]


def _row(e: Experiment) -> dict[str, object]:
    return {"index": e.index, "name": e.name, "display_name": e.display_name, "parent": e.parent}


@claim("gallery-size")
def gallery_size(context: Context) -> Finding:
    claimed = context.figure("architectures")
    gallery, programs = context.data.gallery, list(context.data.programs.values())
    digests = {p.index: syntax_digest(p.source) for p in programs}
    trees = Counter(digests.values())
    copies = [p for p in programs if trees[digests[p.index]] > 1]
    labels = Counter(e.label for e in gallery)
    shared = [e for e in gallery if labels[e.label] > 1]
    parts = [
        context.part("records in the gallery", claimed, len(gallery), abs(claimed - len(gallery))),
        context.part("programs that differ", claimed, len(trees), claimed - len(trees)),
    ]
    return Finding(
        effect=f"{len(gallery)} records, {len(trees)} different programs of {claimed}",
        found=f"{len(gallery)} records, {len(trees)} different programs, {len(labels)} display names",
        figures={
            "records": len(gallery),
            "different_programs": len(trees),
            "names": len({e.name for e in gallery}),
            "display_names": len(labels),
        },
        parts=parts,
        evidence=[
            Evidence("architectures that share a display name", "archive/experiments", _by_label(shared)),
            Evidence(
                "programs with the same syntax tree as another",
                "archive/programs",
                [{"index": p.index, "sha256": p.sha256} for p in copies],
            ),
            Evidence.first(
                "programs", "archive/programs", [{"index": p.index, "sha256": p.sha256} for p in programs], 5
            ),
        ],
    )


def _by_label(experiments: list[Experiment]) -> list[dict[str, object]]:
    return [_row(e) for e in sorted(experiments, key=lambda e: (e.label, e.index))]


@claim("table2-complete")
def table2_complete(context: Context) -> Finding:
    rows = context.paper.table2
    by_name = context.data.gallery_by_name
    names = {same_name(row.model) for row in rows}
    unknown = sorted(names - set(by_name))
    absent = [e for name, group in sorted(by_name.items()) if name not in names for e in group]
    shared = [e for name, group in sorted(by_name.items()) if name in names and len(group) > 1 for e in group]
    claimed = context.figure("architectures")
    lacking = max(abs(len(rows) - claimed), abs(len(rows) - len(context.data.gallery)))
    parts = [
        context.part("rows", claimed, len(rows), lacking, "strict"),
        context.part("rows whose name the gallery has not", "0", len(unknown), len(unknown), "strict"),
        context.part(
            "names in one of the two only",
            "0",
            f"{len(set(by_name) ^ names)} of {len(by_name)}",
            len(set(by_name) ^ names),
            "lenient",
        ),
    ]
    return Finding(
        effect=f"{len(rows)} of {claimed} rows; {len(names & set(by_name))} of {len(by_name)} names",
        found=f"{len(rows)} rows; {len(unknown)} with a name that the gallery has not",
        figures={
            "rows": len(rows),
            "architectures": len(context.data.gallery),
            "rows_without_architecture": len(unknown),
            "architectures_without_row": len(context.data.gallery) - len(rows),
        },
        parts=parts,
        evidence=[
            Evidence("names in Table 2 only", "paper/table2.csv", [{"model": name} for name in unknown]),
            Evidence("architectures whose name has no row", "archive/experiments", _by_label(absent)),
            Evidence("architectures that share one row", "archive/experiments", _by_label(shared)),
        ],
    )


_FIELDS = ("index", "name", "display_name", "parent", "score")


@claim("gallery-in-tree")
def gallery_in_tree(context: Context) -> Finding:
    claimed = context.figure("architectures")
    nodes = context.data.archive.experiments
    programs = list(context.data.programs.values())
    differing = [row for p in programs for row in _differences(p, nodes.get(p.index))]
    agreeing = len(programs) - len({row["index"] for row in differing})
    shown = [{field: getattr(p, field) for field in _FIELDS} for p in programs]
    wrong = max(claimed - agreeing, len(programs) - agreeing)
    parts = [
        context.part(
            "architectures whose record and node agree", claimed, f"{agreeing} of {len(programs)}", wrong
        )
    ]
    return Finding(
        effect=f"{agreeing} of {len(programs)} agree",
        parts=parts,
        found=f"{agreeing} of {len(programs)} agree in every field",
        figures={"architectures": len(programs), "agreeing": agreeing, "differing_fields": len(differing)},
        evidence=[
            Evidence("fields that differ", "archive/programs, archive/experiments", differing),
            Evidence.first("records that agree with their node", "archive/programs", shown, 5),
        ],
    )


def _differences(program: Program, node: Experiment | None) -> list[dict[str, object]]:
    if node is None:
        return [{"index": program.index, "field": "index", "gallery": program.index, "tree": None}]
    return [
        {"index": program.index, "field": f, "gallery": getattr(program, f), "tree": getattr(node, f)}
        for f in _FIELDS
        if getattr(program, f) != getattr(node, f)
    ]


@claim("one-tree")
def one_tree(context: Context) -> Finding:
    root_name = context.figure("root")
    lineage = context.data.archive.lineage
    roots = [context.data.archive.get(index) for index in lineage.roots]
    reached = {e.index: 1 + len(lineage.descendants(e.index)) for e in roots}
    rows: list[dict[str, object]] = [{**_row(e), "experiments": reached[e.index]} for e in roots]
    deepest = max(context.data.experiments, key=lambda e: e.depth)
    astray = len(context.data.experiments) - max(
        (reached[e.index] for e in roots if e.label == root_name), default=0
    )
    names = ", ".join(e.label for e in roots[:5])
    total = len(context.data.experiments)
    parts = [
        context.part(f"experiments below {root_name}", "all", f"{total - astray:,} of {total:,}", astray)
    ]
    return Finding(
        effect=f"{total - astray:,} of {total:,} below {root_name}",
        parts=parts,
        found=f"{len(roots)} root{'s' if len(roots) != 1 else ''} ({names}); deepest at {deepest.depth}",
        figures={"roots": len(roots), "experiments": sum(reached.values()), "depth": deepest.depth},
        evidence=[
            Evidence("roots", "archive/experiments", rows),
            Evidence("a deepest experiment", "archive/experiments", [_row(deepest)]),
        ],
    )


@claim("traces-released")
def traces_released(context: Context) -> Finding:
    archive = context.data.archive
    gallery = {e.index for e in context.data.gallery}
    everyone = {e.index for e in context.data.experiments}
    programs = context.data.programs
    has: dict[str, set[int]] = {
        "motivation": {i for i, p in programs.items() if p.motivation},
        "program": set(programs),
        "summary": {i for i, p in programs.items() if p.summary},
        "training curve": set(context.data.curves),
        "benchmark scores": set(context.data.benchmarks),
    }
    rows = []
    for name in context.figure("fields"):
        with_it = has.get(name, set()) & everyone
        rows.append(
            {
                "field": name,
                "gallery": len(with_it & gallery),
                "others": len(with_it - gallery),
                "missing": len(everyone) - len(with_it),
            }
        )
    roots = set(archive.lineage.roots)
    if everyone == roots:
        raise NotCheckable("there is no experiment but the root")
    complete = set(everyone)
    for name in context.figure("fields"):
        complete &= has.get(name, set())
    lacking = sorted(everyone - roots - complete)
    others = sum(row["others"] for row in rows)
    designs = gallery.intersection(*(has.get(name, set()) for name in context.figure("designs")))
    parts = [
        context.part(
            "experiments with every field",
            "all",
            f"{len(everyone - roots) - len(lacking):,} of {len(everyone - roots):,}",
            len(lacking),
            "strict",
        ),
        Part(
            f"gallery architectures with {', '.join(context.figure('designs'))}",
            "all",
            f"{len(designs)} of {len(gallery)}",
            holds(bool(gallery) and context.allows(len(gallery) - len(designs))),
            "lenient",
        ),
    ]
    return Finding(
        effect=f"{parts[0].found} complete; gallery {parts[1].found}",
        parts=parts,
        found=f"{len(lacking):,} of {len(everyone):,} experiments lack some of it; outside the gallery, "
        f"{'nothing but name, parent and score' if not others else 'part of it'}",
        figures={"experiments": len(everyone), "gallery": len(gallery), "lacking": len(lacking)},
        evidence=[
            Evidence("experiments that have each field", "archive/programs, archive/curves", rows),
            Evidence.first(
                "experiments that lack a field", "archive/experiments", [{"index": i} for i in lacking]
            ),
        ],
    )
