"""What the report reads: the archive, the claims ledger and the paper's printed tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from asi_repro.archive.store import Archive, Experiment
from asi_repro.errors import DataError, MissingInput
from asi_repro.project import Project

CLAIM_KEYS = ("id", "verdict", "claimed", "found", "method", "evidence")
RELEASE = "GAIR-NLP/ASI-Arch"


@dataclass(frozen=True)
class Inputs:
    """Everything a section may read; a section of a later stage reads its own file below `project`."""

    project: Project

    @cached_property
    def archive(self) -> Archive:
        archive = Archive(self.project.archive)
        if not archive.experiments:
            raise DataError(
                "the archive holds no experiment",
                where=str(archive.folder),
                hint="there is nothing to report; run `dvc repro archive` on a run that has some",
            )
        return archive

    @cached_property
    def experiments(self) -> list[Experiment]:
        """In index order."""
        return list(self.archive.experiments.values())

    @cached_property
    def claims(self) -> list[dict[str, Any]]:
        return read_claims(self.project.claims)

    @cached_property
    def commit(self) -> str:
        """Where the data was published, shortly."""
        rows = self.archive.table("sources", ["url", "commit"]).to_pylist()
        commits = sorted({row["commit"] for row in rows if row["commit"]})
        if commits:
            return f"{RELEASE} commit {', '.join(c[:12] for c in commits)}"
        return "a local copy, commit not recorded"

    def source_of(self, *files: str) -> str:
        """The files' names with the start of their SHA-256, and the commit they come from."""
        rows = self.archive.table("sources", ["file", "sha256"]).to_pylist()
        hashes = {row["file"]: row["sha256"][:12] for row in rows}
        named = [f"{file} (SHA-256 {hashes[file]}…)" if file in hashes else file for file in files]
        return f"released data, {' and '.join(named)}, {self.commit}"

    def claim(self, identity: str) -> Mapping[str, Any] | None:
        """The claim of that id, or None where the ledger has none."""
        return next((claim for claim in self.claims if claim["id"] == identity), None)


def read_claims(path: Path) -> list[dict[str, Any]]:
    """The claims ledger.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not a list of claims.
    """
    remake = "run `dvc repro claims`"
    try:
        claims = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise MissingInput(f"there is no claims ledger at {path}", hint=remake) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"cannot read the claims ledger: {error}", where=str(path), hint=remake) from error
    if not isinstance(claims, list) or not claims:
        raise DataError("the claims ledger is not a list of claims", where=str(path), hint=remake)
    for position, claim in enumerate(claims):
        missing = [key for key in CLAIM_KEYS if not isinstance(claim, dict) or key not in claim]
        if missing:
            raise DataError(
                f"claim {position} has no {', '.join(missing)}", where=str(path), hint=f"{remake} again"
            )
        for key in ("id", "verdict"):
            if not isinstance(claim[key], str):
                raise DataError(f"claim {position}: {key} is not text", where=str(path), hint=remake)
    return claims
