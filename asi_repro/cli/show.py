"""`asi-repro show`: one experiment."""

from __future__ import annotations

import shlex
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from asi_repro.archive.details import Details, collect_details, origin_facts, origin_of
from asi_repro.archive.node_model import MAXIMIZE, MINIMIZE, Objective
from asi_repro.archive.reader import Experiment, Program
from asi_repro.cli.options import ArchiveOption, ExperimentArgument, JsonOption, the_archive
from asi_repro.cli.output import (
    console,
    print_columns,
    print_heading,
    print_lines,
    print_prose,
    print_result,
    print_utf8,
    safe,
)
from asi_repro.text import counted, terminal_safe


def show(
    experiment: ExperimentArgument,
    program: Annotated[bool, typer.Option("--program", help="Print only the program's source code.")] = False,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
) -> None:
    """Show one experiment: scores, lineage, benchmarks, training curve and motivation.

    When piped or redirected, `--program` writes the source byte for byte. On a terminal, control
    characters are shown as escape sequences.
    """
    run = the_archive(archive)
    found = run.find(experiment)
    if program and not json_:
        print_source(run.program(found.index))
        return
    details = collect_details(run, found)
    document = details.to_dict(with_source=program)
    imported = origin_of(run, found.index)
    if imported is not None:
        document["origin"] = imported
    of_run = "" if archive is None else f" --run {shlex.quote(str(archive))}"
    print_result(document, lambda: print_details(details, imported, run.objective, of_run), as_json=json_)


_BARS = "▁▂▃▄▅▆▇█"
_MANY_CHILDREN = 8
_METRICS = "Metrics"


def print_details(details: Details, origin: dict[str, Any] | None, objective: Objective, of_run: str) -> None:
    """Facts, lineage, benchmarks, curve and motivation.

    Args:
        origin: what the system of an imported run said; None for any other run.
        objective: what its score is.
        of_run: the option that names the run; "" for the release.
    """
    out = console()
    e = details.experiment
    out.print(Text(f"{e.index}  {safe(e.label)}", style="bold"))
    for label, value in _facts(details) if origin is None else _imported_facts(details, origin, objective):
        out.print(
            Text(f"{label:<12}", style="dim").append(value, style="none"), soft_wrap=not out.is_terminal
        )
    print_heading(out, "Lineage")
    path = _breadcrumb(details.path)
    print_lines(out, path, [""] * len(path))
    if details.children:
        out.print(Text(_children_line(details.children), style="dim"))
    _print_benchmarks(out, details.benchmarks, "Benchmarks" if origin is None else _METRICS)
    _print_curve(out, details.curve)
    if details.program is None and origin is not None:
        out.print(Text("\nNo file of the run has its program.", style="dim"))
        return
    if details.program is None:
        missing = [
            w for w, rows in (("benchmarks", details.benchmarks), ("curve", details.curve)) if not rows
        ]
        what = " and ".join(
            filter(None, [", ".join(["program", "motivation", *missing[:-1]]), *missing[-1:]])
        )
        out.print(Text(f"\nNot released for this experiment: {what}.", style="dim"))
        return
    print_prose(out, "Summary", details.program.summary)
    print_prose(out, "Motivation", details.program.motivation)
    out.print(Text(f"\nasi-repro show {e.index}{of_run} --program prints the source.", style="dim"))


def _facts(details: Details) -> list[tuple[str, str]]:
    e, program = details.experiment, details.program
    facts = [
        ("name", safe(e.name)),
        ("score", _score(details)),
        ("depth", _depth(e)),
        ("gallery", "yes, verified" if e.in_gallery else "no"),
    ]
    if program is not None:
        stated = "not stated" if program.parameters is None else f"{program.parameters:,} (as stated)"
        facts += [("parameters", stated), ("program", _size(program))]
    return facts


def _score(details: Details) -> str:
    e = details.experiment
    change = _change(details.path[-2], e) if len(details.path) > 1 else None
    said = "none recorded" if e.score is None else f"{e.score:.4f}"
    return said if change is None else f"{said}  ({change} against its parent)"


def _depth(e: Experiment) -> str:
    return f"{e.depth} step{'s' * (e.depth != 1)} from the root" if e.depth else "0, the root"


def _size(program: Program) -> str:
    return f"{counted(program.lines, 'line')}, SHA-256 {program.sha256}"


def _imported_facts(details: Details, origin: dict[str, Any], objective: Objective) -> list[tuple[str, str]]:
    """What the system that an imported run comes from said, without what it did not say."""
    better = {MAXIMIZE: "more is better", MINIMIZE: "less is better"}
    way = better.get(objective.direction, "which way is better is not known")
    facts = [
        ("id", safe(origin["native_id"])),
        ("status", origin["status"]),
        ("score", f"{_score(details)}; {safe(objective.score)}, {way}"),
        ("depth", _depth(details.experiment)),
    ]
    facts += [(label, safe(text)) for label, text in origin_facts(origin)]
    if details.program is not None:
        facts.append(("program", _size(details.program)))
    return facts


def _change(before: Experiment, after: Experiment) -> str | None:
    if before.score is None or after.score is None:
        return None
    return f"{after.score - before.score:+.4f}"


def _breadcrumb(path: list[Experiment]) -> list[str]:
    lines = []
    for position, e in enumerate(path):
        score = "      -" if e.score is None else f"{e.score:7.4f}"
        change = _change(path[position - 1], e) if position else None
        star = "*" if e.in_gallery else " "
        lines.append(f"{e.index:>6} {score} {change or '':>8} {star} {safe(e.label)}")
    return lines


def _children_line(children: list[Experiment]) -> str:
    shown = ", ".join(str(e.index) for e in children[:_MANY_CHILDREN])
    more = f" and {len(children) - _MANY_CHILDREN} more" if len(children) > _MANY_CHILDREN else ""
    return f"{len(children)} {'child' if len(children) == 1 else 'children'}: {shown}{more}"


def _print_benchmarks(out: Console, rows: list[dict[str, Any]], title: str) -> None:
    if not rows:
        return
    print_heading(out, title)
    cells = [
        (safe(row["task"]), "no value" if row["value"] is None else f"{row['value']:.4f}", row["metric"])
        for row in rows
    ]
    if title == _METRICS:  # all of them are as their system recorded them
        print_columns(out, ("metric", "value"), [cell[:2] for cell in cells], right=(1,))
    else:
        print_columns(out, ("task", "value", "metric"), cells, right=(1,))


def _print_curve(out: Console, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    print_heading(out, "Training loss, nats per token")
    losses = [row["loss"] for row in rows]
    known = [(row["loss"], row["step"]) for row in rows if row["loss"] is not None]
    if not known:
        out.print(f"{len(rows)} logged steps, none with a value")
        return
    low, step = min(known)
    (first, from_step), (last, to_step) = known[0], known[-1]
    text = f"{first:.3f} at step {from_step} → {last:.3f} at step {to_step}; lowest {low:.3f} at step {step}"
    out.print(f"{sparkline(losses)}\n{text}")


def sparkline(values: list[float | None]) -> str:
    """A bar for each value, a space for a missing one."""
    known = [value for value in values if value is not None]
    low, span = min(known), (max(known) - min(known)) or 1.0
    top = len(_BARS) - 1
    return "".join(" " if v is None else _BARS[round((v - low) / span * top)] for v in values)


def print_source(program: Program) -> None:
    """The source: highlighted and made safe on a terminal, byte for byte elsewhere."""
    out = console()
    if not out.is_terminal:
        print_utf8(program.source)
        return
    from rich.syntax import Syntax

    out.print(Syntax(terminal_safe(program.source), "python", theme="ansi_dark", background_color="default"))
