"""Rows of the ledger for what this project measured: from the recorded sweep, never a verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
from sweep_rows import probe_row
from trained_models import made_up_results

from asi_repro.archive.tables import Run
from asi_repro.claims.finding import Verdict
from asi_repro.claims.ledger import SCHEMA_VERSION, Ledger
from asi_repro.claims.own_measurements import MAKE, measured_entries
from asi_repro.claims.page import claim_section, page
from asi_repro.claims.recorded_probes import probe_entries
from asi_repro.errors import DataError
from asi_repro.results.probe_rows import probe_path, write_probe
from asi_repro.results.table import MODELS, write_results


@pytest.fixture
def sweeps(tmp_path: Path) -> Path:
    write_results(made_up_results(12), tmp_path / "smoke")
    return tmp_path


def test_rows_say_scale_tokens_and_that_they_reproduce_nothing(sweeps: Path) -> None:
    rows = {row.id: row for row in measured_entries(sweeps)}
    assert rows["measured-smoke-score"].found.startswith("1 of 11 above and 0 below")
    assert rows["measured-smoke-best"].found_figures["p_value"] == 0.7
    assert rows["measured-smoke-rank-20m"].found.startswith("Not run")
    for row in rows.values():
        assert row.verdict not in {verdict.value for verdict in Verdict}
        assert "scale smoke, 12,288 tokens" in row.where
        assert "not a reproduction" in row.criterion
        assert "With one seed" in row.notes[-1]
        assert claim_section(row)
    ledger = Ledger(
        schema_version=SCHEMA_VERSION,
        settings={},
        papers=[],
        summary={},
        claims=[],
        measured=[*rows.values()],
    )
    assert "# Measured by this project" in page(ledger)


def test_an_architecture_that_sees_later_tokens_is_named(
    sweeps: Path, certify: Callable[..., Path], release_run: Run
) -> None:
    names = ("causality_perturbation", "causality_jacobian")
    results = made_up_results(12)
    leaking = release_run.programs[7]["index"]
    model = results.architectures[0].model_copy(update={"index": leaking})
    models = [model if row.name == model.name else row for row in results.models]
    write_results(results.model_copy(update={"models": models}), sweeps / "smoke")
    said = f"#{leaking}: counted here, but sees later tokens"
    assert all(said in row.notes for row in measured_entries(sweeps, certify(*names, failing=names)))
    assert not any(
        "later tokens" in note for row in measured_entries(sweeps, certify(*names)) for note in row.notes
    )


def test_without_a_sweep_one_row_says_how_to_run_it(tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        [row] = measured_entries(folder)
        assert row.found == "not run"
        assert MAKE in row.would_change


def test_a_damaged_sweep_is_one_error(sweeps: Path) -> None:
    (sweeps / "smoke" / MODELS).write_text("name,loss.mean\na,b\n")
    with pytest.raises(DataError, match="not a table of models"):
        measured_entries(sweeps)


def test_probes_are_one_row_with_noise_beside_it(tmp_path: Path) -> None:
    assert list(probe_entries(None)) == list(probe_entries(tmp_path)) == []
    folder = tmp_path / "laptop"
    for seed in (0, 1):
        write_probe(probe_row("delta_net", "recall", seed, 0.4 + 0.02 * seed), folder)
        write_probe(probe_row("0007-better", "recall", seed, 0.9), folder)
    damaged = probe_path(folder, "mamba2", "recall", 0)
    damaged.write_text("{}")
    [entry] = probe_entries(tmp_path)
    assert "1 above and 0 below of 1" in entry.found
    assert "associative recall 0.010" in entry.power
    assert entry.notes == [f"left out, damaged: {damaged.name}"]
    assert claim_section(entry)
