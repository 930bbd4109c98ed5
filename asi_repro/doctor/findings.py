"""One thing that was looked at, and whether it is a gap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["ok", "gap", "not run"]
Journey = Literal["verify", "rerun", "discover", "browse"]


@dataclass(frozen=True)
class Finding:
    """What one probe found.

    Attributes:
        name: what was looked at, one or two words.
        status: "ok", "gap", or "not run" where it could not be looked at.
        detail: what was found, one line.
        todo: what to do about a gap, or "".
        needed_for: the journeys that stop without it; empty for what merely helps.
        facts: figures for a program to read.
    """

    name: str
    status: Status
    detail: str
    todo: str = ""
    needed_for: tuple[Journey, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "facts" or value}


def can_verify(findings: Iterable[Finding]) -> bool:
    """Whether nothing that the journey `pull`, `dvc repro` needs is a gap."""
    return not any(f.status != "ok" and "verify" in f.needed_for for f in findings)
