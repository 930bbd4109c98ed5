"""Write docs/evidence/coverage.md from coverage.json: how much of each room the ordinary tests run."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_HEAD = """# Test coverage

What share of each part of the package the ordinary tests (`make test`) run: `make coverage` measures it and
writes this page. Lines that run only inside a sandboxed worker are not counted, because a worker cannot write
coverage files: `models`, `verify/checks` and `train/loop.py` are tested better than these figures say.

| part | statements | lines run | branches taken |
|---|---|---|---|
"""


def main() -> None:
    """Write the page."""
    report = json.loads((ROOT / "coverage.json").read_text(encoding="utf-8"))
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for name, file in report["files"].items():
        parts = Path(name).parts[1:]
        found = file["summary"]
        numbers = ("num_statements", "covered_lines", "num_branches", "covered_branches")
        for room in ("all", parts[0] if len(parts) > 1 else "(top level)"):
            sums[room] = [a + found[b] for a, b in zip(sums[room], numbers, strict=True)]
    rows = "".join(
        f"| {room} | {total:,} | {_share(run, total)} | {_share(taken, branches)} |\n"
        for room, (total, run, branches, taken) in sorted(sums.items())
    )
    (ROOT / "docs/evidence/coverage.md").write_text(_HEAD + rows, encoding="utf-8")


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"


if __name__ == "__main__":
    main()
