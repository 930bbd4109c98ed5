"""The finished steps of one experiment: what a restart finds there is not done again.

Each step is one line with its result, the spans it left in the trace and its wall time. The line is written
when the step is over; a step that was cut off is done anew, from the spans of the steps before it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asi_repro.errors import DataError
from asi_repro.store.json_lines import append_line, read_lines
from asi_repro.traces.spans import Trace

Hook = Callable[[str], None]


class Journal:
    """Steps of one experiment, in order.

    Args:
        path: the file, made at the first step.
        session: of the trace.
        hook: called with "before NAME" and "after NAME" at every step that is done; for tests that kill.
    """

    def __init__(self, path: Path, session: str, *, hook: Hook | None = None) -> None:
        self._path = path
        self._hook = hook or (lambda moment: None)
        self._done: dict[str, Any] = {}
        self.seconds: dict[str, float] = {}
        rows: list[dict[str, Any]] = []
        for line in read_lines(path):
            try:
                self._done[line["step"]] = line["value"]
                self.seconds[line["step"]] = float(line["seconds"])
                rows += line["spans"]
            except (KeyError, TypeError, ValueError) as error:
                raise DataError(
                    "the journal is damaged",
                    where=str(path),
                    hint="delete the file; its experiment will start again",
                ) from error
        self.trace = Trace.from_rows(rows) if rows else Trace(session)

    def step(self, name: str, work: Callable[[], Any]) -> Any:
        """The JSON value that `work` gives, or gave before a restart."""
        if name in self._done:
            return self._done[name]
        self._hook(f"before {name}")
        before = len(self.trace.spans)
        began = time.perf_counter()
        value = work()
        seconds = time.perf_counter() - began
        spans = self.trace.to_rows()[before:]
        append_line(self._path, {"step": name, "value": value, "spans": spans, "seconds": round(seconds, 4)})
        self._done[name] = value
        self.seconds[name] = seconds
        self._hook(f"after {name}")
        return value

    def moment(self, name: str) -> None:
        """Tell the hook of a moment that is not a step."""
        self._hook(name)

    def remove(self) -> None:
        """Drop the file: the experiment is finished."""
        self._path.unlink(missing_ok=True)
