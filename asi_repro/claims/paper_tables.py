"""The paper's tables, and the points of its Figure 1 as read off the picture, from `paper/*.csv`."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path

from asi_repro.errors import DataError

# Table 2's columns: (loss, score) at each scale. Loss in nats per token, score in points of 100.
STAGES = {"20m": ("train_loss_20m", "test_score_20m"), "340m": ("train_loss_340m", "test_score_340m")}
TABLE2_COLUMNS = [column for pair in STAGES.values() for column in pair]
BASELINE_MARK = " (Baseline)"


@dataclass(frozen=True)
class Table2Row:
    """A row of Table 2: values and printed differences by column."""

    model: str
    values: dict[str, float]
    deltas: dict[str, float]


@dataclass(frozen=True)
class PaperTables:
    """The tables below a folder, or those that come with the package where it is None.

    Raises:
        DataError: where a cell is not a number.
    """

    folder: Path | None = None

    def rows(self, name: str) -> list[dict[str, str]]:
        """A table's rows as text, by column."""
        if self.folder is None:
            text = (files(__package__) / "tables" / name).read_text(encoding="utf-8")
        else:
            text = (self.folder / name).read_text(encoding="utf-8")
        return list(csv.DictReader(text.splitlines()))

    def _number(self, row: dict[str, str], column: str, name: str) -> float:
        try:
            return float(row[column])
        except (KeyError, TypeError, ValueError):
            first = next(iter(row.values()))
            raise DataError(
                f"{row.get(column)!r} is not a number", where=f"paper/{name}, row {first}, column {column}"
            ) from None

    @cached_property
    def figure1(self) -> tuple[list[float], list[int]]:
        """GPU hours and the cumulative count of state-of-the-art architectures."""
        rows = self.rows("figure1.csv")
        hours = [self._number(row, "gpu_hours", "figure1.csv") for row in rows]
        counts = [int(self._number(row, "cumulative_sota", "figure1.csv")) for row in rows]
        return hours, counts

    def _models(self, name: str) -> dict[str, dict[str, float]]:
        """Metrics by model, of a table whose first two columns are the model and who designed it."""
        return {
            row["model"]: {c: self._number(row, c, name) for c in row if c not in ("model", "origin")}
            for row in self.rows(name)
        }

    def _designed_by(self, name: str, origin: str) -> list[str]:
        return [row["model"] for row in self.rows(name) if row["origin"] == origin]

    @cached_property
    def table1(self) -> dict[str, dict[str, float]]:
        """Metrics by model, the printed `average` among them."""
        return self._models("table1.csv")

    @cached_property
    def table1_discovered(self) -> list[str]:
        """The five final models, in the table's order."""
        return self._designed_by("table1.csv", "discovered")

    @cached_property
    def table1_human(self) -> list[str]:
        """The models that people designed."""
        return self._designed_by("table1.csv", "human")

    @cached_property
    def evolve_table1(self) -> dict[str, dict[str, float]]:
        """ASI-Evolve's Table 1: metrics and three averages by model."""
        return self._models("asi_evolve_table1.csv")

    @cached_property
    def evolve_discovered(self) -> list[str]:
        """The five models of ASI-Evolve's Table 1, in its order."""
        return self._designed_by("asi_evolve_table1.csv", "discovered")

    @cached_property
    def _table2(self) -> list[Table2Row]:
        found = []
        for row in self.rows("table2.csv"):
            values = {c: self._number(row, c, "table2.csv") for c in TABLE2_COLUMNS}
            deltas = {
                c: self._number(row, f"delta_{c}", "table2.csv") for c in TABLE2_COLUMNS if row[f"delta_{c}"]
            }
            found.append(Table2Row(row["model"], values, deltas))
        return found

    @cached_property
    def table2(self) -> list[Table2Row]:
        """The rows of architectures, without the baselines."""
        return [row for row in self._table2 if not row.model.endswith(BASELINE_MARK)]

    @cached_property
    def table2_baselines(self) -> dict[str, Table2Row]:
        """The baselines' rows by name."""
        return {
            row.model.removesuffix(BASELINE_MARK): row
            for row in self._table2
            if row.model.endswith(BASELINE_MARK)
        }

    @cached_property
    def table3(self) -> dict[str, dict[str, float]]:
        """Shares in percent by category and source."""
        return {
            row["category"]: {
                column: self._number(row, column, "table3.csv") for column in row if column != "category"
            }
            for row in self.rows("table3.csv")
        }
