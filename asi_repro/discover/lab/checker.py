"""The certificates' checks on a proposal: its text, and its behaviour in a sandbox. No torch here."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from asi_repro.discover.types import Proposal, Verdict
from asi_repro.errors import NotFound
from asi_repro.sandbox.tiers import best_tier
from asi_repro.traces.spans import Trace
from asi_repro.verify.catalogue import CHECKS, ROW_NAMES, Check
from asi_repro.verify.examiner import Examiner
from asi_repro.verify.results import CheckResult


class SandboxChecker:
    """Runs the checks that hold the rows which a proposal must pass.

    Args:
        rows: names of rows of the certificate.

    Raises:
        NotFound: for an unknown row.
    """

    def __init__(self, rows: Sequence[str]) -> None:
        if unknown := sorted(set(rows) - set(ROW_NAMES)):
            raise NotFound(
                f"no check has a row named {unknown[0]!r}",
                where="params.yaml: discover.must_pass",
                hint="one of " + ", ".join(ROW_NAMES),
            )
        self._rows = tuple(rows)

    @property
    def checks(self) -> list[Check]:
        """The checks that are run, in the catalogue's order."""
        return [check for check in CHECKS if set(check.rows) & set(self._rows)]

    def check(self, proposal: Proposal, trace: Trace) -> Verdict:
        """See `discover.types.Checker`.

        Raises:
            SandboxUnavailable: where no tier works here.
            SandboxFailure: where no worker can be started.
        """
        examiner = Examiner(proposal.program, stated=None, tier=best_tier())
        found = examiner.examine(self.checks, threading.Event(), times=False)
        rows = {row.check: row for listed in found.rows.values() for row in listed}
        bad = [rows[name] for name in self._rows if rows[name].verdict != "pass"]
        evidence = {name: _evidence(rows[name]) for name in self._rows}
        if not bad:
            return Verdict(True, f"passes {len(self._rows)} checks", evidence)
        return Verdict(False, "; ".join(map(_reason, bad[:3])), evidence)


def _reason(row: CheckResult) -> str:
    if row.verdict == "not run":
        return f"{row.check} could not be checked: {str(row.detail.get('reason', 'no reason given'))[:300]}"
    bound = f" where {row.comparison} {row.threshold} is needed" if row.threshold is not None else ""
    return f"{row.check} fails: {row.value} {row.unit}{bound}"


def _evidence(row: CheckResult) -> dict[str, object]:
    data = row.to_json()
    return {"verdict": data["verdict"], "value": data["value"], "threshold": data["threshold"]}
