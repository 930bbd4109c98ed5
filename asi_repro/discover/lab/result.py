"""How a training ended, as JSON: metrics, a failure of the program, or a suspected leak.

The one encoding of lab.jsonl, of the journal, and of what a node of a cluster leaves.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Optional

from asi_repro.discover.json_values import to_json
from asi_repro.discover.types import LabFailure, LeakSuspected, Metrics
from asi_repro.errors import DataError
from asi_repro.store.records import Record, faults_reported

_LOG_CHARACTERS = 4000


class Failure(Record):
    """See `LabFailure`."""

    reason: str
    log: str


class LabResult(Record):
    """One of the three is not None."""

    metrics: Optional[Metrics] = None
    failure: Optional[Failure] = None
    leak: Optional[str] = None


def encode_result(train: Callable[[], Metrics]) -> dict[str, Any]:
    """What `train` came to; what is no fault of the program is raised."""
    try:
        return {"metrics": to_json(train())}
    except LabFailure as error:
        return {"failure": {"reason": error.reason, "log": error.log[-_LOG_CHARACTERS:]}}
    except LeakSuspected as error:
        return {"leak": error.detail}


def decode_result(result: dict[str, Any], where: str) -> Metrics:
    """The metrics of a training.

    Raises:
        LabFailure, LeakSuspected: where it had none.
        DataError: where `result` is not one that `encode_result` gave.
    """
    with faults_reported("this is not a training result", where=where):
        found = LabResult.model_validate_json(json.dumps(result))
    if found.failure is not None:
        raise LabFailure(found.failure.log, reason=found.failure.reason)
    if found.leak is not None:
        raise LeakSuspected(found.leak)
    if found.metrics is None:
        raise DataError("a training result has neither metrics nor a failure", where=where)
    return found.metrics
