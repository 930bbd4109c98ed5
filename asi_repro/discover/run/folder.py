"""One run on disk: its settings, database and records, and which of its experiments are finished.

| file | what |
|---|---|
| settings.json | everything that the results depend on |
| run.git | the database, see `store` |
| rejected/N.json, N.failed.json | proposals that were turned down and why; `failed`: no commit came of it |
| lab.jsonl, llm.jsonl | recorded results of trainings, scores and checks; recorded calls |
| timings.jsonl | wall times, which are part of nothing else |
| commits.txt | of a recorded run: what its reproduction must come to |
| journal/, locks/ | of unfinished experiments |
"""

from __future__ import annotations

import json
import re
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from asi_repro.config.discover import DiscoverSettings
from asi_repro.discover.loop.schedule import Schedule
from asi_repro.discover.run.store import RunStore
from asi_repro.errors import AsiReproError, DataError, MissingInput
from asi_repro.store.checksums import checked, with_checksum
from asi_repro.store.files import atomic_write, make_folder
from asi_repro.store.json_lines import read_lines
from asi_repro.store.json_text import JsonDict, dump_json
from asi_repro.store.locks import try_lock

SETTINGS, COMMITS = "settings.json", "commits.txt"
LAB, LLM, TIMINGS = "lab.jsonl", "llm.jsonl", "timings.jsonl"
TRAINING = ".training"  # the folder of what is being trained, with the losses so far
LOSSES = "losses.jsonl"
PLAN = "plan"  # the kind of a line of the timings that says how many experiments were asked for
SCHEMA = 1
_OBJECTS = ("exploration", "verification", "llm", "made_with")  # kept as they are given
_RESTORE = "restore the file from its commit or a copy, or begin a run of another name"
_FAILED = ".failed"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class RunSettings:
    """settings.json: what a run's results depend on.

    Attributes:
        seed: of every draw of the loop.
        discover: the loop's settings.
        exploration, verification: what identifies training and evaluation of each stage.
        llm: settings of the models asked, empty for the control arm.
        made_with: versions, for a reader; a reproduction does not depend on them.
    """

    seed: int
    discover: DiscoverSettings
    exploration: JsonDict
    verification: JsonDict
    llm: JsonDict
    made_with: JsonDict

    def to_json(self) -> JsonDict:
        """As settings.json has it."""
        return {
            "schema": SCHEMA,
            "origin": "settings of a run of our own discovery loop, not the paper's",
            "seed": self.seed,
            # How many experiments there are to be changes no experiment.
            "discover": self.discover.model_dump(exclude={"experiments"}),
            "components": list(self.discover.components),
            **{name: getattr(self, name) for name in _OBJECTS},
        }

    @classmethod
    def read(cls, path: Path) -> RunSettings:
        """The settings that `to_json` wrote.

        Raises:
            MissingInput: where there are none.
            DataError: where they are damaged or of another version.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            data = checked(data, "the settings are", where=str(path), hint=_RESTORE)
            if data["schema"] != SCHEMA:
                raise DataError(f"the settings have version {data['schema']}, not {SCHEMA}", where=str(path))
            return cls(
                seed=int(data["seed"]),
                discover=DiscoverSettings.model_validate(data["discover"]),
                **{name: dict(data[name]) for name in _OBJECTS},
            )
        except OSError as error:
            raise MissingInput(
                f"there is no run: {error.strerror}",
                where=str(path),
                hint="`asi-repro runs` lists the available runs",
            ) from error
        except (KeyError, TypeError, ValueError, ValidationError, RecursionError) as error:
            raise DataError(
                f"these are not the settings of a run: {str(error)[:200]}", where=str(path), hint=_RESTORE
            ) from error


class DiscoveryRun:
    """A run in its folder.

    Args:
        folder: `artifacts/runs/NAME`.
        settings: read from the folder where None.
    """

    def __init__(self, folder: Path, settings: RunSettings | None = None) -> None:
        self.folder = folder
        self.settings = settings or RunSettings.read(folder / SETTINGS)
        self.store = RunStore(folder / "run.git")

    @classmethod
    def create(cls, folder: Path, settings: RunSettings) -> DiscoveryRun:
        """Make the run, or open the one that is there with the same settings.

        Raises:
            DataError: where it was begun with other settings; names the first that differs.
        """
        check_name(folder.name)
        run = cls(folder, settings)
        path = folder / SETTINGS
        if path.is_file():
            _compare(RunSettings.read(path).to_json(), settings.to_json(), path)
        else:
            kept = json.loads(json.dumps(settings.to_json()))
            atomic_write(path, dump_json(with_checksum(kept)))
        run.make_places()
        return run

    def make_places(self) -> None:
        """Make the database and the folder of rejected proposals where they are not there.

        Raises:
            AsiReproError: where they cannot be made.
        """
        self.store.create()
        make_folder(self.folder / "rejected")  # a stage's output must be there, empty or not

    @property
    def discover(self) -> DiscoverSettings:
        """The loop's settings."""
        return self.settings.discover

    @cached_property
    def schedule(self) -> Schedule:
        """What may run beside what."""
        pool = self.discover.pool
        return Schedule(pool.cold_start, pool.refresh, self.discover.window, self.settings.seed)

    def journal(self, name: str) -> Path:
        """The journal of a piece of work."""
        return self.folder / "journal" / f"{name}.jsonl"

    def rejected(self, index: int, *, failed: bool) -> Path:
        """What was turned down in an experiment; the name says whether it failed."""
        return self.folder / "rejected" / f"{index:07d}{_FAILED if failed else ''}.json"

    def failed(self) -> set[int]:
        """Experiments that ended without a commit."""
        return {int(path.name[:7]) for path in (self.folder / "rejected").glob(f"[0-9]*{_FAILED}.json")}

    def finished(self) -> set[int]:
        """Experiments that are over, committed or failed."""
        return set(self.store.commits()) | self.failed()

    def claim(self, name: str) -> AbstractContextManager[bool]:
        """Whether this process has the piece of work to itself, for as long as the body lasts."""
        return try_lock(self.folder / "locks" / name)


def check_name(name: str) -> str:
    """`name` if it can be that of a run.

    Raises:
        AsiReproError: where it cannot.
    """
    if not _NAME.fullmatch(name) or name == "release":
        raise AsiReproError(
            f"{name!r} is not a valid name for a run",
            hint="use letters, digits, dots, hyphens and underscores; `release` is reserved",
        )
    return name


def step_seconds(timings: Path, scale: str) -> list[float]:
    """Mean seconds a step of the trainings of a scale in a file of timings: the peers of the next one."""
    return [float(line["step_seconds"]) for line in read_lines(timings) if line.get("scale") == scale]


def _compare(there: JsonDict, wanted: JsonDict, path: Path) -> None:
    skipped = {"made_with"}
    place = first_difference(
        {k: v for k, v in there.items() if k not in skipped},
        json.loads(json.dumps({k: v for k, v in wanted.items() if k not in skipped})),
    )
    if place is not None:
        raise DataError(
            f"the run was started with different settings: {place}",
            where=str(path),
            hint="use another name (--run), or restore the settings",
        )


def first_difference(first: Any, second: Any, place: str = "") -> str | None:
    """Where two JSON values differ first, with both values; None where they are equal."""
    if isinstance(first, dict) and isinstance(second, dict):
        for key in sorted(set(first) | set(second)):
            inner = f"{place}.{key}" if place else str(key)
            if key not in first or key not in second:
                return f"{inner} is only in {'one' if key in first else 'the other'}"
            found = first_difference(first[key], second[key], inner)
            if found is not None:
                return found
        return None
    if first == second:
        return None
    return f"{place}: {json.dumps(first)[:80]} there, {json.dumps(second)[:80]} now"
