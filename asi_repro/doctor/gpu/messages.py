"""What the parts are told and what they say. No torch here."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Status = Literal["passed", "failed", "not run"]


@dataclass(frozen=True)
class Row:
    """One thing that was tried.

    Attributes:
        part: the part it belongs to.
        what: the thing.
        status: passed, failed, or not run.
        detail: the numbers or the reason, one line.
        seconds: wall time.
        facts: figures for a program to read.
    """

    part: str
    what: str
    status: Status
    detail: str
    seconds: float = 0.0
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """What the parts are tried with.

    Attributes:
        root: the project's folder.
        work: a folder for what the parts make; those that come later read what earlier ones made.
        device: cuda, or cpu to try the parts themselves.
        unsafe: also run released programs with fla's kernels, which no sandbox can hold.
        scale, steps, batch, length: of the trainings.
        programs: how many released programs are compared.
        corpus, items: folders of a text and of benchmark items to use in place of the project's.
        release: of the release in place of the project's.
    """

    root: str
    work: str
    device: str = "cuda"
    unsafe: bool = False
    scale: str = "20m"
    steps: int = 50
    batch: int = 4
    length: int = 2048
    programs: int = 12
    corpus: str = ""
    items: str = ""
    release: str = ""


class RowWriter:
    """Writes the rows of one part into a file as they come, so that a crash leaves those before it."""

    def __init__(self, part: str, path: Path) -> None:
        self._part, self._path = part, path

    def row(self, what: str, status: Status, detail: str, seconds: float = 0.0, **facts: Any) -> None:
        """Add a row."""
        row = Row(self._part, what, status, " ".join(detail.split())[:600], round(seconds, 2), facts)
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(asdict(row)) + "\n")

    @contextmanager
    def trying(self, what: str) -> Iterator[Callable[..., None]]:
        """Time a block that calls what it gets with a verdict and a detail; an error is a failed row."""
        began = time.perf_counter()
        judged = False

        def judge(good: bool, detail: str, **facts: Any) -> None:
            nonlocal judged
            judged = True
            self.row(what, "passed" if good else "failed", detail, time.perf_counter() - began, **facts)

        try:
            yield judge
        except Exception as error:
            self.row(what, "failed", f"{type(error).__name__}: {error}", time.perf_counter() - began)
        else:
            if not judged:
                self.row(what, "failed", "it gave no verdict", time.perf_counter() - began)


def read_rows(path: Path) -> list[Row]:
    """The rows that a part left; a line that was cut off by its end is left out."""
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            rows.append(Row(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return rows
