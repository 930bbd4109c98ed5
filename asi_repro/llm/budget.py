"""What a run has spent, over all its processes and restarts, and the stop before it is too much.

Before a call its worst case is reserved; afterwards the reservation is replaced by what it took. A call is
made only if what was spent and what is reserved leaves room for its worst case, so a limit is never passed as
far as the estimate of its input holds. What a killed process had reserved counts as spent.
"""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Optional

from pydantic import Field

from asi_repro.config.llm import BudgetSettings
from asi_repro.llm.errors import BudgetExceeded
from asi_repro.store.checksums import with_checksum
from asi_repro.store.json_lines import appending, parse_line, whole_lines
from asi_repro.store.json_text import one_line
from asi_repro.store.records import Record, faults_reported

_MOST = 1 << 53
_POLL = 0.05


@dataclass
class Reservation:
    """One call that is under way. Set `tokens` and `usd` to what it took."""

    tokens: int = 0
    usd: float = 0.0


class _Line(Record):
    """A reservation, or without `pid` and `until` what it took: amounts that a limit can be held to."""

    id: str
    pid: Optional[int] = Field(default=None, ge=0, le=_MOST)
    tokens: int = Field(ge=0, le=_MOST)
    until: Optional[float] = Field(default=None, ge=0, le=_MOST)
    usd: float = Field(ge=0, le=_MOST)


@dataclass
class _Totals:
    tokens: int = 0
    usd: float = 0.0
    open: dict[str, _Line] = field(default_factory=dict)


class Ledger:
    """The spending of one run.

    Args:
        budget: its limits.
        path: JSON lines shared by the run's processes; None keeps it in this process.
        patience: seconds after which a reservation counts as spent even if its process is alive.
    """

    def __init__(self, budget: BudgetSettings, path: Path | None, *, patience: float = 3600.0) -> None:
        self._budget = budget
        self._path = path
        self._patience = patience
        self._lock = threading.Lock()
        self._totals = _Totals()
        self._read_to = 0

    @property
    def spent(self) -> tuple[int, float]:
        """Tokens and US dollars so far, what is reserved included."""
        with self._lock:
            self._refresh()
            return self._sum(reserved=True)

    @contextmanager
    def reserve(self, tokens: int, usd: float) -> Iterator[Reservation]:
        """Reserve a call's worst case while the body makes it.

        Waits while other calls' reservations, not what was spent, stand in the way.

        Raises:
            BudgetExceeded: where there is no room for it.
        """
        name = uuid.uuid4().hex
        while not self._try(name, tokens, usd):
            time.sleep(_POLL)
        reservation = Reservation()
        try:
            yield reservation
        finally:
            self._write(_Line(id=name, tokens=reservation.tokens, usd=reservation.usd), check=False)

    def _try(self, name: str, tokens: int, usd: float) -> bool:
        until = time.time() + self._patience
        return self._write(_Line(id=name, pid=os.getpid(), tokens=tokens, until=until, usd=usd), check=True)

    def _write(self, line: _Line, *, check: bool) -> bool:
        with self._lock:
            if self._path is None:
                if check and not self._fits(line.tokens, line.usd):
                    return False
                self._apply(line)
                return True
            with appending(self._path) as append:
                self._refresh()
                if check and not self._fits(line.tokens, line.usd):
                    return False
                append(one_line(with_checksum(line.model_dump(exclude_none=True))))
            return True

    def _fits(self, tokens: int, usd: float) -> bool:
        spent = self._sum(reserved=False)
        wanted, limits = (tokens, usd), (self._budget.tokens, self._budget.usd)
        for unit, had, want, limit in zip(("tokens", "US dollars"), spent, wanted, limits, strict=True):
            if limit is not None and had + want > limit:
                raise BudgetExceeded(
                    f"the budget of {limit:,g} {unit} does not allow another call: "
                    f"{had:,.6g} are spent, and it may take {want:,.6g}",
                    where="params.yaml, llm.budget",
                    hint="raise the budget and resume the run: what is recorded is not asked again",
                )
        reserved = self._sum(reserved=True)
        return all(
            limit is None or had + want <= limit
            for had, want, limit in zip(reserved, wanted, limits, strict=True)
        )

    def _sum(self, *, reserved: bool) -> tuple[int, float]:
        totals = self._totals
        for name, entry in list(totals.open.items()):
            if not _alive(entry.pid or 0) or (entry.until or 0.0) < time.time():
                totals.open.pop(name)
                totals.tokens += entry.tokens
                totals.usd += entry.usd
        live = list(totals.open.values()) if reserved else []
        return totals.tokens + sum(e.tokens for e in live), totals.usd + sum(e.usd for e in live)

    def _refresh(self) -> None:
        for line in whole_lines(self._path, self._read_to) if self._path is not None else ():
            self._read_to += len(line)
            where = f"{self._path}, byte {self._read_to}"
            with faults_reported("a line is not a record of spending", where=where):
                self._apply(_Line.model_validate(parse_line(line, where)))

    def _apply(self, line: _Line) -> None:
        if line.pid is not None:
            self._totals.open[line.id] = line
            return
        # A reservation that was given up as lost and then settled after all is counted twice: rather too
        # much than too little.
        self._totals.open.pop(line.id, None)
        self._totals.tokens += line.tokens
        self._totals.usd += line.usd


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):  # no process has such a number
        return False
    except PermissionError:
        return True
    return True
