"""The terminal UI beside two others made with Textual, harlequin and posting: start, and key to repaint.

    for name in harlequin posting; do        # each its Textual; tree-sitter 0.26 ends posting 2.11
        python -m venv PEERS/$name && PEERS/$name/bin/pip install $name "tree-sitter<0.26"
    done
    python benchmarks/bench_tui_peers.py PEERS [--archive DIR] [--repeats N]

All three are measured in one run, the starts by turns. *Start* is from starting the process in a
pseudo-terminal of 120×40 to a word that only the drawn interface has. *Typing* is a letter in the line that
is typed into first (harlequin's query, posting's URL, our filter, which searches the run with each letter);
*moving* is up, down and a page in the list (1,772 rows of a query's result, 60 requests, the unfolded tree).
Times are from the press to the last update that changes the screen; CPU time is of all threads. Ratios are
theirs by ours: above 1, ours is faster. They do different work for a key: that is part of the comparison.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
from bench_tui import Updates, start_in_terminal, synthetic

_REQUEST = "name: request {n}\nmethod: GET\nurl: http://localhost/{n}\n"
_TYPED = "memory"
_MOVES = ["down"] * 6 + ["pagedown", "up", "up", "pageup"]
# What only the drawn interface has.
_DRAWN = {"asi-repro": "▾ ", "harlequin": "Run Query", "posting": "Collection"}


def started(name: str, environment: Path, archive: Path, folder: Path) -> list[str]:
    """The command that starts one of them."""
    if name == "asi-repro":
        return [sys.executable, "-m", "asi_repro.cli", "browse", "--archive", str(archive)]
    options = ["--collection", str(folder)] if name == "posting" else ["--no-download-tzdata"]
    return [str(environment / name / "bin" / name), *options]


def requests(folder: Path) -> Path:
    """A collection for posting."""
    folder.mkdir()
    for n in range(60):
        (folder / f"request-{n:02}.posting.yaml").write_text(_REQUEST.format(n=n))
    return folder


# In the process of the app


@dataclass(frozen=True)
class Driven:
    """An app that is pressed.

    Attributes:
        line: selects what is typed into.
        rows: selects the list.
        fill: keys that fill the list, pressed in `line`; `text` is put there before.
    """

    app: Any
    line: str
    rows: str
    fill: tuple[str, ...] = ()
    text: str = ""


def ours(place: Path) -> Driven:
    from asi_repro.tui.app import BrowseApp
    from asi_repro.tui.run_data import Source

    app = BrowseApp(Source.at(place), watch=False)
    return Driven(app, "FilterInput", "LineageTree", ("escape", "plus"))


def harlequin(place: Path) -> Driven:
    from harlequin import Harlequin
    from harlequin_duckdb import DuckDbAdapter

    app = Harlequin(DuckDbAdapter([":memory:"], no_init=True))
    return Driven(app, "TextEditor TextArea", "DataTable", ("ctrl+j",), "select * from range(1772)")


def posting(place: Path) -> Driven:
    from posting.__main__ import make_posting

    return Driven(make_posting(place), "UrlInput", "CollectionTree")


_APPS = {"asi-repro": ours, "harlequin": harlequin, "posting": posting}


async def keys(name: str, place: Path, repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of wall time and of CPU by kind of press."""
    driven = _APPS[name](place)
    app = driven.app
    updates = Updates(app)
    found: dict[str, list[tuple[float, float]]] = {"typing": [], "moving": []}
    async with app.run_test(size=(120, 40)) as pilot:

        async def still() -> None:
            """Wait until nothing has changed for a while."""
            seen = -1
            while seen != len(updates.times):
                seen = len(updates.times)
                await pilot.pause(0.25)

        async def press(kind: str, key: str) -> None:
            updates.times.clear()
            began, spent = updates.now(), time.process_time() - updates.comparing_cpu
            await pilot.press(key)
            await still()
            shown = updates.times[-1] - began if updates.times else 0.0
            found[kind].append((shown, time.process_time() - updates.comparing_cpu - spent))

        async def focus(selector: str) -> Any:
            await still()
            widget = app.screen.query(selector).first()
            app.screen.set_focus(widget)
            for one in app.screen.query("*"):
                if hasattr(one, "cursor_blink"):
                    one.cursor_blink = False  # what blinks is no answer to a key
            await still()
            return widget

        line = await focus(driven.line)
        for _ in range(repeats):
            for letter in _TYPED:
                await press("typing", letter)
            await pilot.press(*["backspace"] * len(_TYPED))
            await still()
        if driven.text:
            line.text = driven.text
        await pilot.press(*driven.fill)
        await focus(driven.rows)
        for _ in range(repeats):
            for key in _MOVES:
                await press("moving", key)
    return found


def child(name: str, environment: Path, place: Path, repeats: int) -> dict[str, list[tuple[float, float]]]:
    """`keys` in the environment of the app."""
    python = sys.executable if name == "asi-repro" else str(environment / name / "bin" / "python")
    with tempfile.TemporaryDirectory() as home:
        root = Path(__file__).resolve().parents[1]
        done = subprocess.run(
            [python, __file__, "--in-process", name, str(place), "--repeats", str(repeats)],
            check=True, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "HOME": home, "XDG_CONFIG_HOME": home, "XDG_DATA_HOME": home,
                 "XDG_CACHE_HOME": home, "PYTHONPATH": str(root) if name == "asi-repro" else ""},
        )  # fmt: skip
    read: dict[str, list[tuple[float, float]]] = json.loads(done.stdout.splitlines()[-1])
    return read


def line(label: str, seconds: dict[str, list[float]]) -> None:
    """Median and 95th percentile of each, and the medians as ratios to ours."""
    print(label)
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    for name, times in seconds.items():
        ordered = sorted(times)
        high = ordered[max(0, round(0.95 * len(ordered)) - 1)]
        own = middle[name] / middle["asi-repro"]
        print(
            f"  {name:<10} {len(times):>3} times  median {middle[name] * 1e3:8.1f}  p95 {high * 1e3:8.1f} ms"
            f"  ratio {own:5.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("environment", type=Path, metavar="PEERS", help="a folder of their environments")
    parser.add_argument("place", nargs="?", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--archive", type=Path, help="of a run; a made-up one of 1,772 experiments else")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--in-process", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.in_process:
        print(json.dumps(asyncio.run(keys(str(options.environment), options.place, options.repeats))))
        return
    with tempfile.TemporaryDirectory() as folder:
        archive = options.archive or synthetic(Path(folder) / "run", 1772)
        collection = requests(Path(folder) / "collection")
        starts: dict[str, list[float]] = {name: [] for name in _APPS}
        for _ in range(options.repeats + 1):
            for name, times in starts.items():
                command = started(name, options.environment, archive, collection)
                times.append(start_in_terminal(command, _DRAWN[name].encode()))
        # The first start of each reads its files from the disk.
        line("start", {name: times[1:] for name, times in starts.items()})
        places = {"asi-repro": archive, "harlequin": archive, "posting": collection}
        found = {n: child(n, options.environment, p, options.repeats) for n, p in places.items()}
    for kind in ("typing", "moving"):
        line(f"{kind}, to the last change", {n: [wall for wall, _ in f[kind]] for n, f in found.items()})
        line(f"{kind}, CPU time", {n: [cpu for _, cpu in f[kind]] for n, f in found.items()})


if __name__ == "__main__":
    main()
