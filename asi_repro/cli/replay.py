"""`asi-repro replay`: a recorded run step by step, its policy audited at each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Optional

import typer

from asi_repro.archive.reader import Archive
from asi_repro.cli.options import ArchiveOption, JsonOption, the_archive
from asi_repro.cli.output import console, print_columns, print_json, safe
from asi_repro.errors import NotFound
from asi_repro.project import RELEASE, archive_of, find_project
from asi_repro.replay.policy import Policy, policy_of
from asi_repro.replay.steps import Step
from asi_repro.replay.steps import replay as step_through
from asi_repro.replay.summary import Phase, Summary, summarise
from asi_repro.store.files import atomic_write
from asi_repro.text import csv_text

# More steps than that are shown one a refresh, unless --every says otherwise.
_MANY = 100
STYLES = {"top": "green", "pool": "yellow", "outside": "red", "not yet": "magenta"}


def replay(
    run: Annotated[
        str, typer.Argument(metavar="RUN", help="`release`, or the name of a run in artifacts/runs.")
    ] = "release",
    first: Annotated[
        Optional[int], typer.Option("--from", metavar="INDEX", help="Index of the first experiment.")
    ] = None,
    last: Annotated[
        Optional[int], typer.Option("--to", metavar="INDEX", help="Index of the last experiment.")
    ] = None,
    every: Annotated[
        Optional[int],
        typer.Option(
            min=1,
            help="Print one step out of every N. By default all are printed, or one per refresh if "
            "there are "
            f"more than {_MANY}. The summary covers every step.",
        ),
    ] = None,
    late: Annotated[
        int, typer.Option(min=0, help="Number of pool refreshes by which results are delayed.")
    ] = 0,
    csv: Annotated[
        Optional[Path], typer.Option(metavar="FILE", help="Write the steps to this CSV file.")
    ] = None,
    archive: ArchiveOption = None,
    json_: JsonOption = False,
) -> None:
    """Step through a recorded run and audit the published selection policy at each experiment.

    Nothing is run again: `asi-repro discover --recorded NAME` does that. `asi-repro browse --view replay`
    shows the same steps as charts.

    The recorded parent is used, never a resampled one. Beside it stand its rank in the pool at that time
    (by default the 50 best by recorded score, refreshed every 50 experiments after a cold start of 200),
    the parents the policy would have allowed, and the growth of the gallery and of the best score.
    """
    opened = _archive(run, archive)
    experiments = list(opened.experiments.values())
    # The settings of a run of our own stand beside its archive.
    policy = replace(policy_of(opened.folder.parent), late=late)
    steps = _between(step_through(experiments, policy), first, last)
    summary = summarise(experiments, steps, policy)
    if csv is not None:
        _write_csv(csv, steps[:: every or 1])
    if json_:
        print_json(
            {
                "run": run,
                "policy": policy.to_dict(),
                "steps": [step.to_dict() for step in steps[:: every or 1]],
                "summary": summary.to_dict(),
            }
        )
        return
    shown = steps[:: every or (policy.refresh if len(steps) > _MANY else 1)]
    _print_steps(shown, policy)
    _print_summary(summary, policy)


def _archive(run: str, folder: Path | None) -> Archive:

    if folder is not None or run == RELEASE:
        return the_archive(folder)
    return the_archive(archive_of(find_project(), run))


def _between(steps: list[Step], first: int | None, last: int | None) -> list[Step]:

    chosen = [
        step
        for step in steps
        if (first is None or step.experiment.index >= first)
        and (last is None or step.experiment.index <= last)
    ]
    if not chosen:
        ends = (
            f"indices run from {steps[0].experiment.index} to {steps[-1].experiment.index}" if steps else ""
        )
        raise NotFound("there is no experiment between --from and --to", hint=ends or None)
    return chosen


def _write_csv(path: Path, steps: Sequence[Step]) -> None:
    rows = [step.to_dict() for step in steps]
    atomic_write(path, csv_text([{**row, "allowed": " ".join(map(str, row["allowed"]))} for row in rows]))


def _print_steps(steps: Sequence[Step], policy: Policy) -> None:
    header = (
        "index", "parent", "rank", "at best", "ruling", "pool", "worst", "gallery", "best score",
        f"of the {policy.top} allowed", "name",
    )  # fmt: skip
    rows = []
    for step in steps:
        e, pool = step.experiment, step.pool
        allowed = " ".join(map(str, pool.allowed[:4])) + (" …" if len(pool.allowed) > 4 else "")
        rows.append(
            (
                str(e.index), _cell(e.parent), _cell(step.rank), _cell(step.best_rank), str(step.ruling),
                f"{len(pool.members)}/{pool.seen}", _score(pool.members[-1][1] if pool.members else None),
                str(step.gallery), f"{_score(step.best_score)} ({_cell(step.best_index)})", allowed,
                safe(e.label) + (" *" if e.in_gallery else ""),
            )
        )  # fmt: skip
    styles = [STYLES.get(str(step.ruling), "") for step in steps]
    print_columns(console(), header, rows, right={0, 1, 2, 3, 5, 6, 7}, styles=styles)


def _print_summary(summary: Summary, policy: Policy) -> None:

    out = console()
    late = f", {policy.late} refreshes late" if policy.late else ""
    out.print(
        f"\nPolicy: a parent from the {policy.top} best of a pool of {policy.pool}, refreshed every "
        f"{policy.refresh}{late}, after a cold start of {policy.cold_start} from the first program.\n"
    )
    header = (
        "explorations", "drawn", f"top {policy.top}", "share", f"rest of {policy.pool}", "outside",
        "not yet", "median rank", "gallery", "best score",
    )  # fmt: skip
    rows = [_phase_row(phase) for phase in (*summary.phases, *((summary.total,) if summary.total else ()))]
    print_columns(out, header, rows, right=range(1, len(header)))
    if summary.schedules:
        out.print("\nAfter the cold start, under other schedules of the pool:\n")
        print_columns(
            out,
            (f"top {policy.top}", f"top {policy.pool}", "schedule"),
            [
                (
                    f"{row['share_from_top']:.1%}",
                    f"{row['share_from_pool']:.1%}",
                    row["schedule"] + (" (bound)" if row["bound"] else ""),
                )
                for row in summary.schedules
            ],
            right={0, 1},
        )
    out.print("\nWhat the record does not tell:")
    for note in summary.unknown:
        out.print(f"- {note}")


def _phase_row(phase: Phase) -> tuple[str, ...]:
    return (
        phase.name, f"{phase.drawn:,}", f"{phase.top:,}",
        "-" if phase.share is None else f"{phase.share:.1%}", f"{phase.pool:,}", f"{phase.outside:,}",
        f"{phase.not_yet:,}", _cell(phase.median_rank), str(phase.gallery),
        f"{_score(phase.best_score)} ({_cell(phase.best_index)})",
    )  # fmt: skip


def _cell(value: int | None) -> str:
    return "-" if value is None else str(value)


def _score(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
