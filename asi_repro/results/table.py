"""The table of all models of a scale: a record that Git keeps and the claims and the report read.

Three files in one folder: summary.json says what scale and text it was, models.csv has a row a model,
curves.csv a row a step. Nothing in them depends on the machine: numbers have the digits that `digits` says,
times and hashes of weights stay beside the trained models.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from pydantic import Field, ValidationError

from asi_repro.errors import DataError, MissingInput
from asi_repro.results.differences import Difference, Spread, WinnersCurse
from asi_repro.results.digits import settled
from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import JsonDict, dump_json
from asi_repro.store.records import Record, first_fault, read_record
from asi_repro.text import csv_text

SUMMARY, MODELS, CURVES, METRICS = "summary.json", "models.csv", "curves.csv", "metrics.json"
RESULTS_FOLDER, SWEEPS_FOLDER = "results", "sweeps"
_TEXT = ("name", "title", "stopped")
_HINT = "asi-repro results"


class ModelRow(Record):
    """One model."""

    name: str = Field(description="Name of its folder and stages.")
    title: str = Field(description="What a person calls it. Untrusted where it is an architecture's.")
    index: Optional[int] = Field(default=None, description="Experiment index; null for a baseline.")
    baseline: bool = Field(description="Whether it is a baseline.")
    seeds: int = Field(description="Completed trainings.")
    stopped: str = Field(default="", description="Trainings that a guard stopped: SEED:REASON.")
    parameters: Optional[int] = Field(default=None, description="Parameters of the model.")
    flops_per_token: Optional[float] = Field(default=None, description="FLOPs of a training token.")
    tokens: Optional[int] = Field(default=None, description="Tokens of one training.")
    loss: Optional[Spread] = Field(default=None, description="Training loss of the last tenth of the steps.")
    validation_loss: Optional[Spread] = Field(default=None, description="Loss on held-out text.")
    score: Optional[Spread] = Field(default=None, description="Mean of the tasks' accuracies.")
    answer_bits_per_byte: Optional[Spread] = Field(
        default=None,
        description="Bits for a byte of the right answers, a mean over the tasks; lower: better.",
    )
    answer_margin: Optional[Spread] = Field(
        default=None, description="Bits that a byte of the wrong answers takes more; 0 without any use of it."
    )
    tasks: dict[str, Spread] = Field(default_factory=dict, description="Each task's main score.")
    against: dict[str, Difference] = Field(default_factory=dict, description="Minus DeltaNet, by what.")


class CurvePoint(Record):
    """One point of a loss curve."""

    name: str = Field(description="Name of the model.")
    seed: int = Field(description="Seed of the training.")
    step: int = Field(description="Optimizer steps done.")
    tokens: int = Field(description="Tokens seen.")
    loss: float = Field(description="Mean loss since the point before, in nats per token.")


class Agreement(Record):
    """Rank agreement with a column of the paper's Table 2."""

    column: str = Field(description="The column.")
    models: int = Field(description="Models in both.")
    spearman: Optional[float] = Field(default=None, description="Rank correlation; null for too few.")
    low: Optional[float] = Field(default=None, description="95% bootstrap interval.")
    high: Optional[float] = Field(default=None, description="95% bootstrap interval.")
    sentence: str = Field(description="What that says, and at what scale.")


class Summary(Record):
    """What the table is about."""

    about: str = Field(description="What it is and what it is not.")
    scale: str = Field(description="Size of the models.")
    tokens: int = Field(description="Tokens of one training.")
    corpus: str = Field(description="The text.")
    corpus_stand_in: bool = Field(description="Whether it stands in for the paper's corpus.")
    tasks: list[str] = Field(description="Benchmarks that every model has.")
    items: dict[str, int] = Field(description="Items scored of each.")
    chance: Optional[float] = Field(default=None, description="Mean score of a guess over the tasks.")
    chances: dict[str, float] = Field(default_factory=dict, description="Score of a guess, by task.")
    majorities: dict[str, float] = Field(
        default_factory=dict,
        description="Score of always giving the most common answer, by task with answers.",
    )
    against: str = Field(description="The reference.")
    resamples: int = Field(description="Draws of each bootstrap.")
    not_compared: list[str] = Field(description="Models trained otherwise than DeltaNet.")
    leaking: Optional[list[str]] = Field(
        default=None, description="Models left out, as they see later tokens; null: without certificates."
    )
    winners_curse: Optional[WinnersCurse] = Field(default=None, description="See `WinnersCurse`.")
    rank_agreement: list[Agreement] = Field(default_factory=list, description="See `Agreement`.")


class Results(Record):
    """All of it."""

    summary: Summary
    models: list[ModelRow]
    curves: list[CurvePoint]

    @property
    def architectures(self) -> list[ModelRow]:
        """The rows that are no baselines and were trained."""
        return [row for row in self.models if not row.baseline and row.seeds]

    def better(self, kind: str, *, level: float = 0.05, lower: bool = False) -> tuple[int, int]:
        """Architectures better and worse than DeltaNet after Holm's correction."""
        found = [row.against[kind] for row in self.architectures if kind in row.against]
        sure = [one.estimate for one in found if one.holm_p_value is not None and one.holm_p_value < level]
        up = sum(estimate > 0 for estimate in sure)
        return (len(sure) - up, up) if lower else (up, len(sure) - up)


def write_results(results: Results, folder: Path) -> Results:
    """Write the three files; the summary last, so that a folder that has one is complete.

    Returns:
        what was written: figures that were in the folder already stay while they hold, see `digits`.
    """
    try:
        there = _by_key(read_results(folder))
    except (MissingInput, DataError):
        there = {}
    found = settled(_by_key(results), there)
    rows = [_flat(row) for row in found["models"].values()]
    atomic_write(folder / MODELS, csv_text(rows, _columns(rows)))
    points = list(found["curves"].values())
    atomic_write(folder / CURVES, csv_text(points, list(CurvePoint.model_fields)))
    atomic_write(folder / SUMMARY, dump_json(found["summary"]))
    return Results(**{**found, "models": list(found["models"].values()), "curves": points})


def _by_key(results: Results) -> JsonDict:
    """As JSON, with rows and points by what names them, so that they are found again."""
    return {
        "summary": results.summary.model_dump(),
        "models": {row.name: row.model_dump() for row in results.models},
        "curves": {f"{p.name} {p.seed} {p.step}": p.model_dump() for p in results.curves},
    }


def write_metrics(results: Results, folder: Path) -> None:
    """Write metrics.json, by model, for `dvc metrics diff`."""
    metrics = {
        row.name: {
            name: spread.mean
            for name in ("loss", "validation_loss", "score")
            if (spread := getattr(row, name)) is not None
        }
        for row in results.models
    }
    atomic_write(folder / METRICS, dump_json(metrics))


def read_results(folder: Path) -> Results:
    """What `write_results` wrote.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not that.
    """
    summary = read_record(folder / SUMMARY, Summary, missing="no results", make=_HINT)
    models = [_record(row, ModelRow, folder / MODELS) for row in _read_csv(folder / MODELS)]
    curves = [_record(row, CurvePoint, folder / CURVES) for row in _read_csv(folder / CURVES)]
    return Results(summary=summary, models=models, curves=curves)


def _record(row: dict[str, str], model: Any, path: Path) -> Any:
    nested: dict[str, Any] = {}
    for column, cell in row.items():
        if cell == "" and column not in _TEXT:
            continue
        *parents, last = column.split(".")
        place = nested
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise DataError(
                    f"the columns {parent} and {column} contradict each other", where=str(path), hint=_HINT
                )
        place[last] = cell if column in _TEXT else _value(cell)
    try:
        return model.model_validate(nested)
    except ValidationError as error:
        raise DataError(
            f"the file is not a table of models: {first_fault(error)}", where=str(path), hint=_HINT
        ) from error


def _value(cell: str) -> Any:
    """A number, true or false, as JSON has it; other text as it is."""
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        return cell


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested records as columns `loss.mean`, `tasks.piqa.mean`, …"""
    found: dict[str, Any] = {}
    for name, item in value.items():
        if isinstance(item, dict):
            found |= _flat(item, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = _cell(item)
    return found


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def _columns(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Every column, those of one group together, without those that no row fills."""
    order = {name: place for place, name in enumerate(ModelRow.model_fields)}
    known = dict.fromkeys(column for row in rows for column, cell in row.items() if cell != "")
    needed = [name for name in ("name", "title") if name not in known]
    return sorted([*needed, *known], key=lambda column: order[column.partition(".")[0]])


def _read_csv(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except OSError as error:
        raise MissingInput(f"there are no results: {error.strerror}", where=str(path), hint=_HINT) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError("the file is not CSV", where=str(path), hint=_HINT) from error
    if any(None in row or None in row.values() for row in rows):
        raise DataError("a row has more or fewer cells than the header", where=str(path), hint=_HINT)
    return rows
