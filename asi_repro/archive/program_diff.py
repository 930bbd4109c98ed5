"""What changed from one program to another."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from asi_repro.archive.reader import Archive, Program
from asi_repro.errors import NotFound


@dataclass(frozen=True, slots=True)
class ProgramDiff:
    """A comparison of two programs.

    Attributes:
        old: the program changed from, a released ancestor unless another was asked for.
        new: the program changed to.
        steps: steps of the lineage from `old` down to `new`; None where `old` is no ancestor.
        lines: unified diff without line ends, empty where the sources are equal.
        added: lines only in `new`.
        removed: lines only in `old`.
        similarity: 2 × shared lines / lines of both, from 0 to 1.
    """

    old: Program
    new: Program
    steps: int | None
    lines: list[str]
    added: int
    removed: int
    similarity: float

    def to_dict(self, *, with_lines: bool = True) -> dict[str, Any]:
        """As a JSON object (docs/reference/json.md)."""
        counts = {"steps": self.steps, "added": self.added, "removed": self.removed}
        return {
            "old": _side(self.old),
            "new": _side(self.new),
            **counts,
            "similarity": round(self.similarity, 6),
            **({"diff": "\n".join(self.lines)} if with_lines else {}),
        }


def _side(program: Program) -> dict[str, Any]:
    return {field: getattr(program, field) for field in ("index", "name", "display_name", "sha256", "lines")}


def diff_programs(archive: Archive, new: int, old: int | None = None, *, context: int = 3) -> ProgramDiff:
    """Compare a program with that of its nearest ancestor that has one, or with another.

    Args:
        archive: where both are.
        new: index of the experiment changed to.
        old: index of the experiment changed from; the nearest ancestor with a program where None.
        context: unchanged lines shown around a change.

    Raises:
        NotFound: where a program is not there, or no ancestor has one.
    """
    program = archive.program(new)
    base = archive.nearest_program_ancestor(new) if old is None else old
    if base is None:
        label = program.display_name or program.name
        raise NotFound(
            f"no ancestor of experiment {new} ({label}) has a {archive.withheld} program",
            hint=f"name the program to compare with: `asi-repro diff {new} OTHER`; "
            "`asi-repro list --has-program` lists them",
        )
    other = archive.program(base)
    before, after = _lines(other.source), _lines(program.source)
    first, second = (f"{one.index}/{one.name}.py" for one in (other, program))
    lines = list(difflib.unified_diff(before, after, first, second, n=context, lineterm=""))
    added = sum(line.startswith("+") for line in lines[2:])
    removed = sum(line.startswith("-") for line in lines[2:])
    total = len(before) + len(after)
    similarity = 1.0 if total == 0 else (total - added - removed) / total
    ancestors = archive.lineage.ancestors(new)
    steps = ancestors.index(base) + 1 if base in ancestors else None
    return ProgramDiff(other, program, steps, lines, added, removed, similarity)


def _lines(source: str) -> list[str]:
    # str.splitlines would also split at form feeds and separators, which Python source may hold.
    lines = source.split("\n")
    return lines[:-1] if lines[-1] == "" else lines
