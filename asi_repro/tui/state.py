"""What the UI remembers between sessions: one JSON file in the XDG state folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from asi_repro.errors import AsiReproError, DataError
from asi_repro.store.files import atomic_write
from asi_repro.store.json_text import dump_json

FORMAT = 1
# A state file is small; one that is not was not written here.
_MAX_BYTES = 1 << 20
_MAX_RUNS = 20


@dataclass
class RunState:
    """The place in one run.

    Attributes:
        view: name of the last view.
        index: experiment last looked at.
        bookmarks: indices, in the order they were made.
        views: what each view keeps, by its name.
    """

    view: str = "lineage"
    index: int | None = None
    bookmarks: list[int] = field(default_factory=list)
    views: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass
class State:
    """Everything remembered.

    Attributes:
        theme: name of the theme; None where none was chosen.
        runs: the place in each run, by the folder of its archive; the last used last.
    """

    theme: str | None = None
    runs: dict[str, RunState] = field(default_factory=dict)

    def run(self, folder: Path) -> RunState:
        """The place in the run at `folder`, which becomes the last used."""
        key = str(folder)
        found = self.runs.pop(key, None) or RunState()
        self.runs[key] = found
        while len(self.runs) > _MAX_RUNS:
            del self.runs[next(iter(self.runs))]
        return found


def state_file() -> Path:
    """Where the state is kept: `$XDG_STATE_HOME/asi-repro/browse.json`."""
    home = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(home) / "asi-repro" / "browse.json"


def load_state(path: Path) -> State:
    """The state in `path`; a fresh one where there is no such file.

    Raises:
        DataError: where the file is damaged or of another format.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is too large")
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ValueError(f"its format is {data['format']}, not {FORMAT}")
        theme = data["theme"]
        if not isinstance(theme, str | None):
            raise TypeError("theme is no name")
        return State(theme, {str(key): _run_state(value) for key, value in data["runs"].items()})
    except FileNotFoundError:
        return State()
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(
            f"the last session's place could not be read: {error}",
            where=str(path),
            hint="nothing to do: the file is written anew when you leave",
        ) from error


def _run_state(data: dict[str, Any]) -> RunState:
    index = data["index"]
    bookmarks = data["bookmarks"]
    views = data["views"]
    fits = (
        isinstance(data["view"], str)
        and isinstance(index, int | None)
        and isinstance(bookmarks, list)
        and all(isinstance(one, int) for one in bookmarks)
        and isinstance(views, dict)
        and all(isinstance(one, dict) for one in views.values())
    )
    if not fits:
        raise TypeError("a field is not of its type")
    return RunState(data["view"], index, bookmarks, views)


def save_state(state: State, path: Path) -> AsiReproError | None:
    """Write the state whole or not at all; the error where the place cannot be written."""
    try:
        atomic_write(path, dump_json({"format": FORMAT, **asdict(state)}))
    except AsiReproError as error:
        return error
    return None


def merge_state(ours: State, latest: State, read: dict[str, list[int]]) -> None:
    """Take over what another session has saved since: other runs, and bookmarks of the same.

    Args:
        ours: changed in place.
        latest: as the file has it now.
        read: the bookmarks of each run opened here as they were when the file was last read; brought up to
            date.
    """
    merged = dict(latest.runs)
    for key, before in read.items():
        if (mine := ours.runs.get(key)) is None:
            continue
        theirs = merged.pop(key, RunState()).bookmarks
        kept = [index for index in theirs if index in mine.bookmarks or index not in before]
        mine.bookmarks[:] = kept + [i for i in mine.bookmarks if i not in theirs and i not in before]
        read[key] = list(mine.bookmarks)
        merged[key] = mine
    ours.runs.clear()
    ours.runs.update(list(merged.items())[-_MAX_RUNS:])
