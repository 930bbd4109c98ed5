"""What the report reads: the archive, the claims ledger and the paper's printed tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from asi_repro.archive.reader import Archive, Experiment
from asi_repro.claims.ledger import Entry, Ledger, read_ledger
from asi_repro.claims.recorded_sweep import read_recorded
from asi_repro.config.params import load_params
from asi_repro.errors import DataError
from asi_repro.facts.ledger import Facts, read_facts
from asi_repro.project import Project
from asi_repro.report.searches import Search, read_search
from asi_repro.results.recorded_sweep import RecordedSweep
from asi_repro.results.retest import RETEST, Retest, read_retest
from asi_repro.results.sweep_rows import ROWS
from asi_repro.results.table import RESULTS_FOLDER, SUMMARY, SWEEPS_FOLDER, Results, read_results


@dataclass(frozen=True)
class Inputs:
    """Everything a section may read; a section of a later stage reads its own file below `project`."""

    project: Project

    @cached_property
    def archive(self) -> Archive:
        archive = Archive(self.project.archive)
        if not archive.experiments:
            raise DataError(
                "the archive contains no experiments",
                where=str(archive.folder),
                hint="there is nothing to report; run `dvc repro archive` on a run that has some",
            )
        return archive

    @cached_property
    def experiments(self) -> list[Experiment]:
        """In index order."""
        return list(self.archive.experiments.values())

    @cached_property
    def ledger(self) -> Ledger:
        """What the stage `claims` found."""
        ledger = read_ledger(self.project.claims)
        if not ledger.claims:
            raise DataError(
                "the claims ledger contains no claims",
                where=str(self.project.claims),
                hint="run `dvc repro --force claims`",
            )
        return ledger

    @property
    def claims(self) -> list[Entry]:
        return self.ledger.claims

    def claim(self, identity: str) -> Entry | None:
        """The claim of that id; None where the ledger has it not."""
        return next((claim for claim in self.claims if claim.id == identity), None)

    @cached_property
    def facts(self) -> Facts | None:
        """What the stage `facts` found; None where it did not run."""
        return read_facts(self.project.facts) if self.project.facts.is_file() else None

    @cached_property
    def results(self) -> Results | None:
        """What this checkout's pipeline trained and evaluated; None where it did not."""
        folder = self.project.artifacts / RESULTS_FOLDER
        return read_results(folder) if (folder / SUMMARY).is_file() else None

    @cached_property
    def sweeps(self) -> dict[str, Results]:
        """Recorded sweeps over the gallery, by scale."""
        folder = self.project.artifacts / SWEEPS_FOLDER
        return {path.parent.name: read_results(path.parent) for path in sorted(folder.glob(f"*/{SUMMARY}"))}

    @cached_property
    def recorded_sweeps(self) -> dict[str, RecordedSweep]:
        """Sweeps that are recorded row by row, by scale; damaged rows are left out."""
        folders = sorted((self.project.artifacts / SWEEPS_FOLDER).glob(f"*/{ROWS}"))
        found: dict[str, RecordedSweep] = {}
        for folder in (folder.parent for folder in folders):
            params = load_params(self.project.root)
            sweep, _ = read_recorded(
                folder,
                self.archive,
                self.project.certificates,
                seed=params.seed,
                resamples=params.claims.resamples,
            )
            if sweep.rows:
                found[folder.name] = sweep
        return found

    @cached_property
    def searches(self) -> list[Search]:
        """Recorded runs of our own discovery loop that were replayed here, by name."""
        found = (self.project.artifacts / "recorded").glob("*/discoveries.json")
        return [read_search(path) for path in sorted(found)]

    @cached_property
    def retests(self) -> list[Retest]:
        """What came of training the winners of recorded runs again, by name of the run."""
        found = (self.project.artifacts / "recorded").glob(f"*/{RETEST}")
        return [read_retest(path) for path in sorted(found)]

    @cached_property
    def commit(self) -> str:
        """Where the data was published, shortly."""
        rows = self.archive.table("sources", ["url", "commit"]).to_pylist()
        places = sorted({(row["url"] or "", row["commit"]) for row in rows if row["commit"]})
        if not places:
            return "a local copy, commit not recorded"
        return ", ".join(f"{_repository(url)} commit {commit[:12]}".strip() for url, commit in places)

    def source_of(self, *files: str) -> str:
        """The files' names with the start of their SHA-256, and the commit they come from."""
        rows = self.archive.table("sources", ["file", "sha256"]).to_pylist()
        hashes = {row["file"]: row["sha256"][:12] for row in rows}
        named = [f"{file} (SHA-256 {hashes[file]}…)" if file in hashes else file for file in files]
        return f"released data, {' and '.join(named)}, {self.commit}"

    def found_figures(self, identity: str) -> Mapping[str, Any]:
        """The numbers that the check of that claim found, by name; none where it did not run."""
        claim = self.claim(identity)
        return claim.found_figures if claim else {}

    def evidence_rows(self, identity: str, keys: set[str]) -> list[dict[str, Any]]:
        """The first evidence of that claim whose rows all have `keys`; empty where there is none."""
        claim = self.claim(identity)
        for evidence in claim.evidence if claim else ():
            if evidence.rows and all(keys <= row.keys() for row in evidence.rows):
                return evidence.rows
        return []


def _repository(url: str) -> str:
    """OWNER/NAME of a repository's address."""
    return "/".join(url.rstrip("/").removesuffix(".git").split("/")[-2:])
