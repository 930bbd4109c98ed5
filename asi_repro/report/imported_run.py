"""An imported run as a page: what it is, how its score went, its best programs, and what does not add up."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from asi_repro import markdown
from asi_repro.archive.fsck.checks import run_checks as run_each
from asi_repro.archive.fsck.place import Place
from asi_repro.archive.node_model import UNKNOWN, Objective
from asi_repro.imports.checks import run_checks
from asi_repro.imports.layout import ARCHIVE
from asi_repro.imports.outcomes import NO_DIRECTION, Step, discovery_of, ranked, steps
from asi_repro.imports.record import ImportRecord, read_import
from asi_repro.report.drawing import render
from asi_repro.report.model import Drawing
from asi_repro.report.palette import COLOURS
from asi_repro.store.files import write_folder
from asi_repro.store.json_text import JsonDict, dump_json
from asi_repro.text import counted, csv_text, short_value

_MOST = 10
_PROBLEMS = 20


def write_imported_report(folder: Path) -> Path:
    """Write `report/` of an imported run: page, figures, plots, metrics.json; the same run, the same bytes.

    Raises:
        MissingInput, DataError: where the run is not whole.
    """
    record, (objective, made) = read_import(folder), steps(folder)
    rows = [
        {
            "index": s.experiment.index,
            "status": s.node.status,
            "score": s.experiment.score,
            "best_score": s.best,
        }
        for s in made
    ]
    picture = render(
        Drawing(
            id="search",
            title=f"{record.score} of {folder.name}",
            alt=f"{record.score} of {len(made)} experiments and the best so far",
            caption="",
            source=f"run {folder.name}",
            draw=lambda figure: _draw(figure, rows, record),
        )
    )
    best = ranked(folder)
    metrics = {
        "experiments": len(made),
        "statuses": record.statuses,
        "better_than_first": sum(step.found for step in made) if objective.directed else None,
        "best": best[0].experiment.score if best else None,
        "best_index": best[0].experiment.index if best else None,
        "direction": objective.direction,
    }
    files: dict[str, bytes] = {
        "report.md": "\n".join(_page(folder, record, objective, made, best)).encode(),
        "figures/search.svg": picture.svg.encode(),
        "figures/search.png": picture.png,
        "plots/search.csv": csv_text(rows).encode(),
        "metrics.json": dump_json(metrics).encode(),
    }
    target = folder / "report"
    write_folder(target, files)
    return target


def _page(
    folder: Path, record: ImportRecord, objective: Objective, made: list[Step], best: list[Step]
) -> list[str]:
    statuses = ", ".join(f"{count} {status}" for status, count in record.statuses.items())
    better = NO_DIRECTION
    if objective.directed:
        better = f"{sum(step.found for step in made)}: each {discovery_of(record.system, objective)}"
    about = [
        ("system", record.system),
        ("experiments", f"{record.experiments} ({statuses})"),
        ("score", f"{record.score}: {record.direction} ({record.direction_from})"),
        ("better than the first", better),
        *_sums(made),
    ]
    return [
        f"# The run {markdown.escape(folder.name)}",
        "",
        "> A run of another system, as its files tell. Nothing of it was run again here: scores are those "
        "that it recorded, and a better one may be noise.",
        "",
        *markdown.titled_table("What was imported", ("", ""), about),
        "## The score",
        "",
        "![Scores and the best so far over experiments](figures/search.svg)",
        "",
        *markdown.titled_table(
            "The best",
            ("index", "id", "score", "status", "iteration"),
            [_row(step) for step in best[:_MOST]],
            none="None has a score." if objective.directed else f"Which it is, is {NO_DIRECTION}.",
        ),
        "## What does not add up",
        "",
        *_problems(folder),
    ]


def _sums(made: list[Step]) -> list[tuple[str, str]]:
    found = []
    for name, unit in (("tokens", "tokens"), ("cost", "US dollars"), ("seconds", "seconds")):
        known = [value for step in made if (value := getattr(step.node, name)) is not None]
        said = (
            f"{sum(known):,.6g} {unit}, stated for {counted(len(known), 'experiment')}"
            if known
            else "not stated"
        )
        found.append((name, said))
    return found


def _row(step: Step) -> tuple[str, ...]:
    e, node = step.experiment, step.node
    return (str(e.index), node.native_id, short_value(e.score), node.status, short_value(node.iteration))


def _problems(folder: Path) -> list[str]:
    place = Place(None, folder / ARCHIVE)
    lines = []
    for result in run_each(place, run_checks(place)):
        lines.append(f"- {result.check}: {result.status} ({markdown.escape(result.detail)})")
        lines += [f"  - {markdown.escape(problem.what)}" for problem in result.problems[:_PROBLEMS]]
        if len(result.problems) > _PROBLEMS:
            lines.append(f"  - and {len(result.problems) - _PROBLEMS} more")
    return [*lines, ""]


def _draw(figure: Figure, rows: list[JsonDict], record: ImportRecord) -> None:
    axes = figure.subplots()
    scored = [row for row in rows if row["score"] is not None]
    axes.scatter([r["index"] for r in scored], [r["score"] for r in scored], s=12, color=COLOURS["blue"][0])
    if record.direction != UNKNOWN:
        known = [row for row in rows if row["best_score"] is not None]
        best = [row["best_score"] for row in known]
        axes.step([r["index"] for r in known], best, where="post", color=COLOURS["vermillion"][0])
    axes.set_xlabel("experiment")
    axes.set_ylabel(f"{record.score} ({record.direction})")
    axes.set_title("As the system recorded it")
