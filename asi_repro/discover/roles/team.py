"""The roles of a run, made from its settings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from asi_repro.archive.reader import Archive
from asi_repro.config.roles import RolesSettings
from asi_repro.discover.cognition.base import CognitionBase, Note, own_notes, read_folder, release_notes
from asi_repro.discover.novelty.embedding import shared_embedder
from asi_repro.discover.novelty.fingerprint import Programs
from asi_repro.discover.roles.analyst import LlmAnalyst
from asi_repro.discover.roles.checker import LlmChecker
from asi_repro.discover.roles.engineer import LlmEngineer
from asi_repro.discover.roles.judge import LlmJudge
from asi_repro.discover.roles.novelty import LlmNovelty
from asi_repro.discover.roles.researcher import LlmResearcher
from asi_repro.discover.run.content import PROGRAM
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.run.store import RunStore
from asi_repro.discover.types import Checker, Lab, Team
from asi_repro.llm.client import LLM
from asi_repro.project import Project

ADDED_ENTRIES = "cognition"
"""Folder below the project's root where `asi-repro cognition add` puts entries."""


def build_llm_team(
    programs: Programs,
    cognition: CognitionBase,
    settings: RolesSettings,
    llm: LLM,
    checker: Checker,
    lab: Lab,
) -> Team:
    """The arm of language models.

    Args:
        programs: the programs of the run's experiments by index.
        checker: the checks in the sandbox, which come before the reading.
        lab: trains and scores.

    Raises:
        MissingInput: where texts cannot be embedded here.
    """
    return Team(
        researcher=LlmResearcher(llm, cognition, settings),
        novelty=LlmNovelty(llm, programs, shared_embedder(), settings),
        checker=LlmChecker(llm, checker),
        analyst=LlmAnalyst(llm, cognition, settings),
        lab=lab,
        judge=LlmJudge(llm, settings),
        engineer=LlmEngineer(llm, settings),
    )


def build_run_team(run: DiscoveryRun, root: Path, llm: LLM, checker: Checker, lab: Lab) -> Team:
    """`build_llm_team` for a run in its folder.

    Raises:
        MissingInput: where texts cannot be embedded here, or the release's entries are wanted and its archive
            is not there.
        DataError: where an entry of the cognition base is not what it should be.
    """
    settings = run.discover.roles
    bases = [] if "cognition" in run.discover.without else settings.cognition
    cognition = CognitionBase(read_notes(bases, root), shared_embedder())
    return build_llm_team(programs_of(run.store), cognition, settings, llm, checker, lab)


def read_notes(bases: Sequence[str], root: Path) -> list[Note]:
    """The entries of the named cognition bases (`config.roles.BASES`), own ones first.

    Raises:
        MissingInput: where the release's are wanted and its archive is not there.
        DataError: where an entry is not what it should be.
    """
    notes: list[Note] = []
    if "own" in bases:
        notes += own_notes()
    if "added" in bases:
        notes += read_folder(root / ADDED_ENTRIES)
    if "release" in bases:
        notes += release_notes(Archive(Project(root).archive))
    return notes


def programs_of(store: RunStore) -> Programs:
    """Reads programs out of a run's repository."""

    def programs(indices: Sequence[int]) -> dict[int, str]:
        commits = store.commits()
        known = [index for index in indices if index in commits]
        files = store.files([commits[index] for index in known], [PROGRAM])
        return {index: found[PROGRAM].decode() for index, found in zip(known, files, strict=True)}

    return programs
