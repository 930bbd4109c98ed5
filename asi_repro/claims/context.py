"""What a check is given."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asi_repro.claims.data import Data
from asi_repro.claims.finding import PLAIN, Part, holds
from asi_repro.claims.paper_tables import PaperTables
from asi_repro.claims.texts import ClaimText


@dataclass(frozen=True)
class Settings:
    """What of params.yaml changes a verdict's numbers."""

    seed: int = 20250724
    resamples: int = 10_000


@dataclass(frozen=True)
class Context:
    """One claim with the data it is checked against.

    Attributes:
        certificates: the folder with the results of the checks on programs, or None.
    """

    text: ClaimText
    data: Data
    paper: PaperTables
    settings: Settings
    certificates: Path | None = None

    @property
    def claimed(self) -> str:
        """What the paper claims, in a few words."""
        return self.text.filled(self.text.claimed)

    def allows(self, exceptions: int) -> bool:
        """Whether the criterion lets that many cases fail."""
        return exceptions <= int(self.limit("exceptions"))

    def part(self, what: str, claimed: object, found: object, failing: int, reading: str = PLAIN) -> Part:
        """A piece that holds where the criterion lets that many cases fail."""
        return Part(what, str(claimed), str(found), holds(self.allows(failing)), reading)

    def figure(self, name: str) -> Any:
        """A figure that the paper claims."""
        return self.text.figures[name]

    def limit(self, name: str) -> Any:
        """A limit that the criterion sets."""
        return self.text.limits[name]

    def rng(self) -> np.random.Generator:
        """Random numbers of this claim's own, so that no other claim's draws change them."""
        return np.random.default_rng([self.settings.seed, zlib.crc32(self.text.id.encode())])
