"""Rows of the ledger for a sweep that is recorded row by row: what it says, and how reliable that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from asi_repro.archive.reader import Archive
from asi_repro.claims.context import Settings
from asi_repro.claims.finding import Evidence, Row
from asi_repro.claims.ledger import Entry
from asi_repro.claims.own_measurements import measured_entry
from asi_repro.claims.paper_tables import PaperTables
from asi_repro.errors import DataError
from asi_repro.results.layout import slug_of
from asi_repro.results.leaking import NOT_CHECKED
from asi_repro.results.recorded_sweep import OURS, RecordedSweep, grouped, read_sweep, sentence
from asi_repro.results.sweep_rows import ROWS, read_rows
from asi_repro.verify.certificate import leaking_programs


def recorded_entries(
    sweeps: Path | None, archive: Archive, settings: Settings, certificates: Path | None
) -> list[Entry]:
    """Rows shaped as claims are for every sweep with recorded rows; none where no architecture has one."""
    folders = [] if sweeps is None else sorted(path.parent for path in sweeps.glob(f"*/{ROWS}"))
    return [entry for folder in folders for entry in _entries(folder, archive, settings, certificates)]


def table2_by_slug(archive: Archive) -> dict[str, dict[str, float]]:
    """Table 2's values by our names; a row whose name several architectures bear is left out."""
    found = {}
    for row in PaperTables().table2:
        matches = [e for e in archive.named(row.model) if e.in_gallery]
        if len(matches) == 1:
            found[slug_of(matches[0].index, matches[0].name)] = row.values
    return found


def read_recorded(
    folder: Path, archive: Archive | None, certificates: Path | None, *, seed: int, resamples: int
) -> tuple[RecordedSweep, list[DataError]]:
    """A recorded sweep beside the paper's Table 2, and what is wrong with the rows that are left out.

    Args:
        folder: of the sweep.
        archive: of the release; without it nothing is compared with the paper.
        certificates: folder with the results of the checks, which say which programs see later tokens.
        seed, resamples: see `read_sweep`.
    """
    rows, damaged = read_rows(folder)
    leaking = leaking_programs(certificates)
    paper, total = ({}, None) if archive is None else (table2_by_slug(archive), len(archive.gallery))
    found = read_sweep(rows, paper=paper, total=total, seed=seed, resamples=resamples, leaking=leaking)
    return found, damaged


def _entries(
    folder: Path, archive: Archive, settings: Settings, certificates: Path | None
) -> Iterator[Entry]:
    sweep, damaged = read_recorded(
        folder, archive, certificates, seed=settings.seed, resamples=settings.resamples
    )
    if not sweep.architectures:
        return
    scale, tokens = folder.name, sweep.rows[0].tokens
    for name, answer in (("foretells", _foretells(scale, sweep)), ("beyond-seeds", _beats(scale, sweep))):
        yield measured_entry(
            f"measured-{scale}-{name}",
            *answer.texts,
            found_figures=answer.figures | {"scale": scale, "tokens": tokens},
            evidence=[answer.evidence],
            where=f"this project: scale {scale}, {tokens:,} tokens",
            check=f"artifacts/sweeps/{scale}/{ROWS}",
            power=answer.power,
            would_change="More architectures, seeds or tokens: asi-repro sweep --scale " + scale,
            notes=[
                f"architectures trained so far: {sweep.trained}",
                *([NOT_CHECKED] if sweep.leaking is None else []),
                *(f"left out, damaged: {Path(error.where or '').name}" for error in damaged),
            ],
        )


class _Answer(NamedTuple):
    """Question, finding and method; what the data could show; the numbers and the rows."""

    texts: tuple[str, str, str]
    power: str
    figures: dict[str, Any]
    evidence: Evidence


def _foretells(scale: str, sweep: RecordedSweep) -> _Answer:
    known = sweep.reliabilities.get(OURS)
    power = sweep.power
    if power is None or known is None:
        said = "Not known: fewer than three architectures have two seeds."
    elif power.first_from_tenth is None:
        said = "None that can be told: the spread over architectures is not beyond that over seeds."
    else:
        said = f"To tell the first from the tenth in 8 of 10 cases takes {power.first_from_tenth:,} seeds."
    figures = {
        "architectures": len(sweep.architectures),
        "of": sweep.total,
        "reliability": None if known is None else asdict(known),
        "seed_deviation": sweep.seed_deviation,
    }
    evidence: list[Row] = [
        {
            "measure": one.measure,
            "target": one.target,
            "models": one.models,
            "spearman": None if one.found is None else one.found.estimate,
            "low": None if one.found is None else one.found.low,
            "high": None if one.found is None else one.found.high,
            "ceiling": one.ceiling,
        }
        for one in sweep.agreements
    ]
    what = "Spearman's correlation with Table 2's 340M columns"
    return _Answer(
        (
            "Does so small a training foretell the paper's results at 340M?",
            sentence(sweep),
            "Spearman's rank correlation with a bootstrap interval; ICC(3,1) over the first two seeds",
        ),
        said,
        figures,
        Evidence.first(what, f"sweeps/{scale}/rows", evidence, 40),
    )


def _beats(scale: str, sweep: RecordedSweep) -> _Answer:
    counts = [f"{one.lower} below and {one.higher} above {one.baseline}" for one in sweep.beats]
    losses: list[Row] = [
        {
            "name": name,
            "seeds": len(group),
            "validation_loss": _mean_loss(group),
            "parameters": group[0].parameters,
        }
        for name, group in grouped(sweep.rows).items()
    ]
    found = (
        f"of {len(sweep.architectures)}: {', '.join(counts)}"
        if counts
        else "not known: no model has two seeds"
    )
    return _Answer(
        (
            "How many architectures differ from each baseline in validation loss by more than seeds do?",
            found,
            "t test with the deviation of a seed pooled over all models, p < 0.05 after Holm",
        ),
        f"One seed deviates by {sweep.seed_deviation:.4f} nats a byte.",
        {"baselines": {one.baseline: asdict(one) for one in sweep.beats}},
        Evidence.first("validation losses", f"sweeps/{scale}/rows", losses, 120),
    )


def _mean_loss(group: list[Any]) -> float | None:
    found = [row.validation_loss for row in group if row.validation_loss is not None]
    return sum(found) / len(found) if found else None
