"""Pictures of the terminal UI for README and docs, made from the running app: docs/images/browse-*.svg.

    python scripts/make_pictures.py [--archive DIR] [--only NAME ...]

Only views without prose of the release are taken: names, indices, scores, curves, checks.
"""

from __future__ import annotations

import argparse
import asyncio
import re
from pathlib import Path

from asi_repro.project import find_project
from asi_repro.tui.app import BrowseApp
from asi_repro.tui.source import Source

# name -> size, theme, experiment to start with, keys
SHOTS: dict[str, tuple[tuple[int, int], str, int | None, list[str]]] = {
    "lineage": (
        (132, 36),
        "repro-dark",
        None,
        ["slash", *"gallery", "colon", *"yes", "enter", "home", "b"],
    ),
    "lineage-light": ((80, 24), "repro-light", None, ["b", "right", "b", "right", "down"]),
    "training": ((110, 30), "repro-dark", 1792, ["T", "z"]),
    "benchmarks": ((132, 20), "repro-dark", 965, ["H"]),
    "certificate": ((110, 34), "repro-dark", 880, ["C", *["down"] * 9]),
}


async def shoot(archive: Path | None, folder: Path, wanted: list[str]) -> None:
    for name in wanted:
        size, theme, start, keys = SHOTS[name]
        app = BrowseApp(Source.at(archive), start=start, watch=False)
        app.theme = theme
        async with app.run_test(size=size) as pilot:
            for key in ["", *keys]:
                if key:
                    await pilot.press(key)
                await pilot.pause(0.2)
                loading = [w for w in app.workers if w.group.startswith("load") and not w.is_finished]
                if loading:
                    await app.workers.wait_for_complete(loading)
                await pilot.pause(0.1)
            svg = app.export_screenshot(title=f"asi-repro browse: {name.partition('-')[0]}")
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
