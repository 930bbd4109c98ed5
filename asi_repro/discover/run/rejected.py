"""What was turned down in an experiment: rejected/N.json, or N.failed.json where no commit came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from asi_repro.store.json_text import dump_json
from asi_repro.store.records import Record, read_record


class TurnedDown(Record):
    """A proposal that was turned down.

    Attributes:
        by: repeat, novelty, check, lab or fitness.
        reason, evidence: see `discover.types.Verdict`.
        proposal: a `Proposal` as JSON.
    """

    by: str
    reason: str
    evidence: dict[str, Any]
    proposal: dict[str, Any]


class RejectedRecord(Record):
    """Of one experiment.

    Attributes:
        status: whether a commit came of it.
        why: the last reason, "" where it is committed.
        trace: rows of its spans where it failed: there is no commit to hold them.
    """

    index: int
    status: Literal["committed", "failed"]
    why: str
    turned_down: list[TurnedDown]
    trace: list[dict[str, Any]]

    def dump(self) -> str:
        """As the file has it."""
        return dump_json(self.model_dump())

    @property
    def was_trained(self) -> bool:
        """Whether a training of it was paid for."""
        return any(one.by in ("lab", "fitness") for one in self.turned_down)


def read_rejected(path: Path) -> RejectedRecord:
    """The record in a file.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is damaged.
    """
    return read_record(path, RejectedRecord, missing="no record of what was turned down", make="run it again")
