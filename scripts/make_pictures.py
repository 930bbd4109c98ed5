"""Pictures of the terminal UI for README and docs, made from the running app: docs/images/browse-*.svg.

    python scripts/make_pictures.py [--archive DIR] [--only NAME ...]

Only views without prose of the release are taken: names, indices, scores, curves, checks.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

from asi_repro.project import find_project
from asi_repro.tui.app import BrowseApp
from asi_repro.tui.deep_link import Link
from asi_repro.tui.messages import Compare
from asi_repro.tui.run_data import Source


@dataclass(frozen=True)
class Shot:
    """One picture.

    Attributes:
        keys: pressed after the start.
        start: experiment to open first.
        run: name of the run; the release, or `--archive`, where None.
    """

    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    theme: str = "repro-dark"
    start: int | None = None
    run: str | None = None


SHOTS = {
    "lineage": Shot((132, 36), ("slash", *"gallery", "colon", *"yes", "enter", "home", "b")),
    "lineage-light": Shot((80, 24), ("b", "right", "b", "right", "down"), "repro-light"),
    "training": Shot((110, 30), ("T", "z"), start=1792),
    "benchmarks": Shot((100, 24), ("H",), start=1792),
    "certificate": Shot((110, 34), ("C",), start=880),
    "trace": Shot((110, 30), ("R", "z"), start=12, run="control"),
    "claims": Shot((160, 40), ("3", *["down"] * 13)),
    "facts": Shot((132, 36), ("0", "down", "down", "n")),
    "results": Shot((132, 36), ("8", "right_square_bracket", "home")),
    "probes": Shot((110, 30), ("8", *["right_square_bracket"] * 2, "s", "s", "s", "home")),
    "certificates": Shot((132, 36), ("4", "down")),
    "replay": Shot((132, 40), ("5", "end")),
    "runs": Shot((132, 36), ("6", "end")),
    "compare": Shot((110, 36)),
}
COMPARED = [1792, 965, 880]


async def shoot(archive: Path | None, folder: Path, wanted: list[str]) -> None:
    for name in wanted:
        shot = SHOTS[name]
        source = Source.at(archive if shot.run is None else Path(shot.run))
        link = None if shot.start is None else Link(experiment=shot.start)
        app = BrowseApp(source, start=link, watch=False)
        app.theme = shot.theme
        async with app.run_test(size=shot.size) as pilot:
            if name == "compare":
                app.post_message(Compare(COMPARED))
            for key in ["", *shot.keys]:
                if key:
                    await pilot.press(key)
                await pilot.pause(0.2)
                loading = [w for w in app.workers if w.group.startswith("load") and not w.is_finished]
                if loading:
                    await app.workers.wait_for_complete(loading)
                await pilot.pause(0.1)
            svg = app.export_screenshot(title=f"asi-repro browse: {name.partition('-')[0]}")
        if str(find_project().root) in svg:
            raise SystemExit(f"{name} would show where this checkout is")
        if "Summary" in svg or "Motivation\u00a0\u00a0" in svg:
            raise SystemExit(f"{name} would show prose of the release: take another experiment")
        # A font from the web would be fetched by whoever looks at the picture.
        svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
        (folder / f"browse-{name}.svg").write_text(svg, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path)
    parser.add_argument("--only", nargs="*", default=list(SHOTS))
    options = parser.parse_args()
    folder = find_project().root / "docs" / "images"
    asyncio.run(shoot(options.archive, folder, options.only))


if __name__ == "__main__":
    main()
