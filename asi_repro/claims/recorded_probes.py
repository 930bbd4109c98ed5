"""A row of the ledger for the recorded capability probes: what they tell apart, and the noise beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from asi_repro.claims.finding import Evidence, Row
from asi_repro.claims.ledger import Entry
from asi_repro.claims.own_measurements import measured_entry
from asi_repro.data.probe_tasks import PROBES
from asi_repro.results.probe_matrix import make_matrix
from asi_repro.results.probe_rows import PROBES_FOLDER, read_probes


def probe_entries(sweeps: Path | None) -> Iterator[Entry]:
    """One row shaped as claims are for every folder of recorded probes; none where no row is whole."""
    for folder in [] if sweeps is None else sorted(path.parent for path in sweeps.glob(f"*/{PROBES_FOLDER}")):
        rows, damaged = read_probes(folder)
        if rows:
            matrix = make_matrix(rows, {name: task.title for name, task in PROBES.items()})
            evidence: list[Row] = [
                {
                    "name": model,
                    "task": task,
                    "score": cell.mean,
                    "chance": matrix.tasks[task].chance,
                    "seeds": len(cell.scores),
                    "deviation": cell.deviation,
                    "minus_deltanet": cell.minus_reference,
                    "p_holm": cell.p_value,
                }
                for model, cells in matrix.models.items()
                for task, cell in cells.items()
            ]
            noise = [
                f"{task.title} {task.seed_deviation:.3f}"
                for task in matrix.tasks.values()
                if task.seed_deviation is not None
            ]
            where = f"sweeps/{folder.name}/{PROBES_FOLDER}"
            yield measured_entry(
                id=f"measured-{folder.name}-probes",
                found=matrix.sentence,
                method="t test with the deviation of a seed pooled over all models, p < 0.05 after Holm",
                statement="Which small synthetic tasks tell architectures apart by more than seeds differ?",
                where=f"this project: scale {folder.name}, capability probes, not quality",
                check=f"artifacts/{where}",
                power=f"One seed deviates by: {', '.join(noise)}." if noise else "No model has two seeds.",
                would_change="More architectures or seeds: asi-repro probes",
                found_figures={name: task.model_dump() for name, task in matrix.tasks.items()},
                evidence=[Evidence.first("scores of the probes", where, evidence, 900)],
                notes=[f"left out, damaged: {Path(error.where or '').name}" for error in damaged],
            )
