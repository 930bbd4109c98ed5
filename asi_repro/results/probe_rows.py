"""The rows of the capability probes: one small file a model, task and seed, artifacts/sweeps/laptop/probes.

A model that fails or diverges has a row that says so.
"""

from __future__ import annotations

from typing import Annotated, Optional

from pydantic import Field

from asi_repro.results.recorded_rows import NAME, RecordedRow, RowFiles

PROBES_FOLDER = "probes"
PASSED = 0.9
Share = Annotated[float, Field(ge=0, le=1)]


class ProbeRow(RecordedRow):
    """One model on one task."""

    task: str = Field(pattern=NAME.pattern, max_length=40, description="Name of the task.")
    trouble: str = Field(max_length=400, description="Why it did not end; empty where it did.")
    score: Optional[Share] = Field(description="Share of right answers in the test after the last step.")
    chance: Share = Field(description="That share of a guess.")
    asked: int = Field(ge=1, description="Answers asked in the test.")
    tokens: int = Field(ge=0, description="Tokens seen in training.")
    tokens_to_pass: Optional[int] = Field(
        description="Those at the first test with nine of ten right; null: not reached (censored)."
    )
    curve: dict[Annotated[str, Field(pattern="^[0-9]{1,9}$")], Share] = Field(
        description="Accuracy in the test by training tokens."
    )
    parameters: Optional[int] = Field(description="Of the model; null where it did not come to be.")

    @property
    def place(self) -> tuple[str, ...]:
        """See `RecordedRow`."""
        return (self.name, self.task)


_FILES = RowFiles(ProbeRow, PROBES_FOLDER)
probe_path, probe_paths, write_probe = _FILES.path, _FILES.paths, _FILES.write
read_probe, read_probes = _FILES.read, _FILES.read_all
