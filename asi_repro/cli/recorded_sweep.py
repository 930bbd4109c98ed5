"""How `asi-repro results` shows a recorded sweep: the table, the reliability, the agreement, the sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from rich.console import Console

from asi_repro.claims.recorded_sweep import read_recorded
from asi_repro.cli.output import print_columns, print_json, safe
from asi_repro.config.params import Params
from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.results.leaking import NOT_CHECKED
from asi_repro.results.recorded_sweep import MEASURES, Place, RecordedSweep, gallery_titles, grouped, sentence
from asi_repro.results.reliability import Reliability
from asi_repro.results.statistics import Interval
from asi_repro.results.sweep_rows import SweepRow
from asi_repro.results.table import SWEEPS_FOLDER
from asi_repro.sweep.workspace import Workspace
from asi_repro.text import counted


def show_recorded(workspace: Workspace, params: Params, out: Console, *, json_: bool) -> None:
    """Print what is recorded of the scale's sweep; damaged rows are named and left out.

    Raises:
        MissingInput: where nothing is recorded.
    """
    folder = workspace.project.artifacts / SWEEPS_FOLDER / workspace.scale
    archive = workspace.archive
    sweep, damaged = read_recorded(
        folder, archive, workspace.project.certificates, seed=params.seed, resamples=params.claims.resamples
    )
    if not sweep.rows:
        said = f"; {counted(len(damaged), 'row')} damaged: {damaged[0].what}" if damaged else ""
        raise MissingInput(
            f"nothing is recorded of this sweep{said}",
            where=str(folder),
            hint=f"asi-repro sweep --scale {workspace.scale}",
        )
    if json_:
        print_json(_as_json(sweep, damaged))
        return
    _print(sweep, damaged, out, gallery_titles(archive))


def _print(
    sweep: RecordedSweep, damaged: Sequence[AsiReproError], out: Console, known: dict[str, str]
) -> None:
    groups = grouped(sweep.rows)
    count = len(sweep.architectures)
    first = sweep.rows[0]
    out.print(
        f"Recorded sweep at scale {first.scale}, {first.tokens:,} tokens a training. Architectures trained: "
        f"{sweep.trained}; baselines: {len(groups) - count}. Not a reproduction of the paper's results."
    )
    ordered = sorted(groups.items(), key=lambda item: -_mean(item[1], "validation loss"))
    header = (
        "model",
        "place [95%]",
        "seeds",
        "parameters",
        "valid. loss",
        "answer bits/B",
        "accuracy",
        "tokens/s",
        "of peak",
    )
    print_columns(
        out,
        header,
        [_cells(name, group, known.get(name, name), sweep.places.get(name)) for name, group in ordered],
        right=range(1, 9),
    )
    if sweep.leaking is None:
        out.print(f"note: {NOT_CHECKED}")
    for name, group in grouped(sweep.leaking or []).items():
        loss = -_mean(group, "validation loss")
        out.print(f"sees later tokens, in no comparison: {name}, validation loss {loss:.4f}")
    for row in sweep.rows:
        if not row.completed:
            out.print(f"{row.name} seed {row.seed}: stopped, {safe(row.stop)}")
    for error in damaged:
        out.print(f"damaged, left out: {safe(str(error.where))}: {safe(error.what)}")
    if sweep.others:
        names = ", ".join(sorted({f"{row.name} seed {row.seed}" for row in sweep.others}))
        out.print(f"not compared, trained or scored under other conditions: {names}")
    _print_reliability(sweep, out)
    for beats in sweep.beats:
        out.print(
            f"against {beats.baseline}: {beats.lower} of {beats.models} architectures have a lower "
            f"validation loss and {beats.higher} a higher one, p < 0.05 after Holm (seeds alone deviate by "
            f"{sweep.seed_deviation:.4f}); without the correction chance alone would call "
            f"{beats.by_chance:.1f} different"
        )
    rows = [
        [
            one.measure,
            one.target,
            str(one.models),
            _interval(one.found),
            "" if one.ceiling is None else f"{one.ceiling:.2f}",
        ]
        for one in sweep.agreements
        if one.found is not None
    ]
    if rows:
        columns = ("measure", "against", "models", "Spearman [95%]", "ceiling")
        print_columns(out, columns, rows, right=range(2, 5))
    for (other, target), found in sweep.contrasts.items():
        out.print(f"validation loss minus {other}, against {target}: {_interval(found, signed=True)}")
    out.print(sentence(sweep))


def _print_reliability(sweep: RecordedSweep, out: Console) -> None:
    if not sweep.reliabilities:
        out.print("reliability: not known, fewer than three architectures have two seeds")
        return
    rows = [_reliability_cells(measure, found) for measure, found in sweep.reliabilities.items()]
    rows += [
        _reliability_cells(f"training loss after {tokens:,} tokens", found)
        for tokens, found in sweep.by_tokens.items()
    ]
    header = (
        "reliability of",
        "models",
        "between",
        "within",
        "ICC of a seed [95%]",
        "of the mean",
        "seed against seed",
    )
    print_columns(out, header, rows, right=range(1, 7))
    if (power := sweep.power) is not None:
        out.print(
            f"to tell the first from the tenth in 8 of 10 cases takes "
            f"{_seeds(power.first_from_tenth)} a model, "
            f"to tell the fifth from the sixth {_seeds(power.neighbours_in_top_ten)}, at this number of "
            "tokens and if the models' true losses are spread normally"
        )


def _reliability_cells(name: str, found: Reliability) -> list[str]:
    return [
        name,
        str(found.models),
        f"{found.between:.4f}",
        f"{found.within:.4f}",
        f"{found.single:.2f} [{found.low:.2f}, {found.high:.2f}]",
        f"{found.mean:.2f}",
        f"{found.split_half:.2f}",
    ]


def _seeds(number: int | None) -> str:
    return "no number of seeds that can be told from this" if number is None else f"{number:,} seeds"


def _cells(name: str, group: list[SweepRow], title: str, place: Place | None) -> list[str]:
    shown = safe(title)
    speeds = [row.tokens_per_second for row in group if row.tokens_per_second is not None]
    shares = [row.mfu for row in group if row.mfu is not None]
    accuracies = [row.accuracy for row in group if row.accuracy is not None]
    return [
        name if shown == name else f"{name} ({shown})",
        "" if place is None else f"{place.place} [{place.low}, {place.high}]",
        str(len(group)),
        f"{group[0].parameters:,}",
        f"{-_mean(group, 'validation loss'):.4f}",
        f"{-_mean(group, 'bits for the right answer'):.4f}",
        f"{fmean(accuracies):.4f}" if accuracies else "",
        f"{fmean(speeds):,.0f}" if speeds else "",
        f"{fmean(shares):.0%}" if shares else "",
    ]


def _mean(group: list[SweepRow], measure: str) -> float:
    found = [value for row in group if (value := MEASURES[measure](row)) is not None]
    return fmean(found) if found else float("-inf")


def _interval(found: Interval | None, *, signed: bool = False) -> str:
    if found is None:
        return "not run"
    form = "+.2f" if signed else ".2f"
    return f"{found.estimate:{form}} [{found.low:{form}}, {found.high:{form}}]"


def _as_json(sweep: RecordedSweep, damaged: Sequence[AsiReproError]) -> dict[str, Any]:
    value = asdict(sweep)
    value["rows"] = [row.model_dump() for row in sweep.rows]
    value["others"] = [row.model_dump() for row in sweep.others]
    value["leaking"] = None if sweep.leaking is None else [row.model_dump() for row in sweep.leaking]
    value["contrasts"] = [
        {"than": other, "target": target, **asdict(found)}
        for (other, target), found in sweep.contrasts.items()
    ]
    value["damaged"] = [{"where": error.where, "what": error.what} for error in damaged]
    return {**value, "sentence": sentence(sweep)}
