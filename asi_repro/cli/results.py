"""`asi-repro results`: what was trained and evaluated here, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from asi_repro.claims.recorded_sweep import table2_by_slug
from asi_repro.cli.options import JsonOption, ScaleOption
from asi_repro.cli.output import console, print_columns, print_json, safe
from asi_repro.cli.recorded_sweep import show_recorded
from asi_repro.config.params import load_params
from asi_repro.project import find_project
from asi_repro.results.baseline_comparison import SCORE, build_results
from asi_repro.results.differences import Spread
from asi_repro.results.layout import evaluated_root, trained_root
from asi_repro.results.speed import TIMES, step_times
from asi_repro.results.sweep_rows import row_paths
from asi_repro.results.table import (
    RESULTS_FOLDER,
    SWEEPS_FOLDER,
    ModelRow,
    Summary,
    write_metrics,
    write_results,
)
from asi_repro.results.trained_models import load_models
from asi_repro.store.records import write_record
from asi_repro.sweep.workspace import open_workspace
from asi_repro.verify.certificate import leaking_programs

_HEADER = (
    "model",
    "seeds",
    "parameters",
    "loss",
    "valid. loss",
    "score",
    "minus DeltaNet [95%]",
    "p (Holm)",
    "answer bits/B",
)


def results(
    scale: ScaleOption = None,
    record: Annotated[
        bool,
        typer.Option("--record", help="Also write the table to artifacts/sweeps/SCALE, which Git tracks."),
    ] = False,
    record_times: Annotated[
        bool,
        typer.Option(
            "--record-times",
            help="Also record each model's time per step there, as measured on this machine.",
        ),
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Compare all trained models with DeltaNet and write artifacts/results (stage `results`).

    A score is the mean accuracy over the tasks. Intervals and p-values come from a bootstrap over the
    items that both models answered, with Holm's correction over the architectures. A program that sees later
    tokens by its certificate is in no comparison. At a scale whose sweep is recorded (`sweep.recorded` in
    params.yaml), the rows in artifacts/sweeps/SCALE are compared instead, with how reliable they are and how
    they agree with the paper's results; nothing is written.
    """
    project = find_project()
    workspace = open_workspace(project.root, scale=scale)
    params = load_params(project.root)
    recorded = params.recorded(workspace.scale) is not None
    # The stage `results` of the scale in params.yaml still writes what DVC expects of it.
    if recorded and workspace.scale != params.train.scale and not (record or record_times):
        show_recorded(workspace, params, console(), json_=json_)
        return
    models = load_models(
        trained_root(project.artifacts, workspace.scale), evaluated_root(project.artifacts, workspace.scale)
    )
    found = build_results(
        models,
        seed=params.seed,
        resamples=params.claims.resamples,
        paper=table2_by_slug(workspace.archive) if workspace.archive is not None else None,
        leaking=leaking_programs(project.certificates),
    )
    sweep_folder = project.artifacts / SWEEPS_FOLDER / workspace.scale
    if record:
        write_results(found, sweep_folder)
    if record_times:
        write_record(sweep_folder / TIMES, step_times(models))
    found = write_results(found, project.artifacts / RESULTS_FOLDER)
    write_metrics(found, project.artifacts / RESULTS_FOLDER)
    if json_:
        print_json({**found.summary.model_dump(), "models": [row.model_dump() for row in found.models]})
        return
    out, summary = console(), found.summary
    out.print(summary.about)
    print_models(sorted(found.models, key=lambda row: -(row.score.mean if row.score else -1.0)))
    if summary.chance is not None:
        out.print(_without_a_model(summary))
    if (curse := summary.winners_curse) is not None:
        out.print(
            f"best of {curse.models} architectures: {curse.observed:+.4f}; if none beat DeltaNet "
            f"the best would show {curse.expected:+.4f}, in 1 of 20 cases over {curse.high:+.4f} "
            f"(p = {curse.p_value:.3f})"
        )
    if summary.not_compared:
        out.print(f"not compared, trained otherwise than DeltaNet: {', '.join(summary.not_compared)}")
    if summary.leaking:
        out.print(f"sees later tokens, in no comparison: {', '.join(summary.leaking)}")
    for agreement in summary.rank_agreement:
        out.print(agreement.sentence)
    if recorded and any(row_paths(sweep_folder)):
        show_recorded(workspace, params, out, json_=False)


def print_models(rows: Sequence[ModelRow]) -> None:
    """Trained models as a table, one a line."""
    print_columns(console(), _HEADER, [_cells(row, SCORE) for row in rows], right=range(1, 6))


def _without_a_model(summary: Summary) -> str:
    """What accuracies are without a model: of a guess, and of the most common answer."""
    said = [
        f"{task} {chance:.3f}"
        + (f" and {summary.majorities[task]:.3f}" if task in summary.majorities else "")
        for task, chance in summary.chances.items()
    ]
    each = f"; a guess and the most common answer by task: {', '.join(said)}" if said else ""
    return f"a guess scores {summary.chance:.4f} on average{each}"


def _cells(row: ModelRow, kind: str) -> list[str]:
    difference = p_value = ""
    if (against := row.against.get(kind)) is not None:
        between = f" [{against.low:+.4f}, {against.high:+.4f}]" if against.low is not None else ""
        difference = f"{against.estimate:+.4f}{between}"
        p_value = f"{against.holm_p_value:.3f}" if against.holm_p_value is not None else "baseline"
    title = safe(row.title)
    name = row.name if title == row.name else f"{row.name} ({title})"
    stopped = f", stopped: {row.stopped}" if row.stopped else ""
    parameters = f"{row.parameters:,}" if row.parameters is not None else "not run"
    numbers = [_number(value) for value in (row.loss, row.validation_loss, row.score)]
    bits = _number(row.answer_bits_per_byte)
    return [name + stopped, str(row.seeds), parameters, *numbers, difference, p_value, bits]


def _number(spread: Spread | None) -> str:
    if spread is None:
        return "not run"
    if spread.high is None:
        return f"{spread.mean:.4f}"
    return f"{spread.mean:.4f} ± {spread.high - spread.mean:.4f}"
