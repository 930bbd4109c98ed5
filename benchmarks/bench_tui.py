"""The terminal UI: start to lineage usable, key press to repaint, memory; with a run and with 100,000.

    python benchmarks/bench_tui.py [ARCHIVE]             the archive, else a made-up run of 1,772 experiments
    python benchmarks/bench_tui.py --growth              a made-up run of 100,000 experiments too
    python benchmarks/bench_tui.py --only start|keys

*Start* runs `asi-repro browse` in a pseudo-terminal and takes the time from starting the process to the first
row of the lineage on the screen, after which it sends a key and waits for the cursor to move; the peer is a
process that starts Python and imports Textual's app. *Keys* are pressed through Pilot in one process: the
time is from the press to the last update that changes the screen, however late what is read in a thread
comes; seeing whether it changed is left out. (Pilot itself waits about 87 ms after any key; an update after
that counts, its waiting does not.) CPU time is of all threads, and says what an otherwise idle machine would
take where this one is busy. p95 of all presses of a kind.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import json
import os
import pty
import re
import resource
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path
from typing import Any

PEER = "import textual.app, textual.widgets; textual.widgets.Input, textual.widgets.Footer"
_ESCAPES = re.compile(rb"\x1b\[[0-9;?<>=$]*[a-zA-Z]|\x1b[\]P][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b.")


def start_in_terminal(command: list[str], mark: bytes, *, key: bytes = b"") -> float:
    """Seconds from the start of a process in a terminal to the first picture with `mark`.

    Args:
        key: pressed then; the process has to answer it.
    """
    with tempfile.TemporaryDirectory() as home:
        began = time.perf_counter()
        pid, handle = pty.fork()
        if pid == 0:
            homes = dict.fromkeys(("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), home)
            os.environ.update(homes, TERM="xterm-256color", COLORTERM="truecolor")
            os.execv(command[0], command)
        fcntl.ioctl(handle, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        try:
            shown = _wait_for(handle, mark, began)
            if key:
                os.write(handle, key)
                _wait_for(handle, b"", time.perf_counter())
        finally:
            os.write(handle, b"q" if key else b"\x11")
            _end(pid, handle)
    return shown


def start_once(archive: Path) -> float:
    """Seconds from the start of the process to the lineage's first row; then the cursor has to move."""
    command = [sys.executable, "-m", "asi_repro.cli", "browse", "--archive", str(archive)]
    return start_in_terminal(command, "▾ ".encode(), key=b"\x1b[B")  # the unfolded root


def _wait_for(handle: int, text: bytes, began: float) -> float:
    seen = b""
    while time.perf_counter() - began < 60:
        if not select.select([handle], [], [], 0.5)[0]:
            continue
        try:
            seen += os.read(handle, 65536)
        except OSError:
            break
        if text in _ESCAPES.sub(b"", seen):
            return time.perf_counter() - began
    raise SystemExit(f"the app did not show {text!r}")


def _end(pid: int, handle: int) -> None:
    deadline = time.perf_counter() + 5
    while time.perf_counter() < deadline:
        with contextlib.suppress(OSError):
            if select.select([handle], [], [], 0.05)[0]:
                os.read(handle, 65536)
        if os.waitpid(pid, os.WNOHANG)[0]:
            break
    else:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    os.close(handle)


def start(archive: Path, repeats: int) -> None:
    start_once(archive)  # byte code and file cache
    peers, starts = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", PEER], check=True)
        peers.append(time.perf_counter() - began)
        starts.append(start_once(archive))
    ratio = statistics.median(starts) / statistics.median(peers)
    print(
        f"start to lineage     median {statistics.median(starts):6.3f} s   slowest {max(starts):6.3f} s   "
        f"Python + Textual alone {statistics.median(peers):6.3f} s   ratio {ratio:.2f}"
    )


class Updates:
    """When the app's screen changed, on a clock that stands still while that is found out."""

    def __init__(self, app: Any) -> None:
        self.times: list[float] = []
        self.comparing = self.comparing_cpu = 0.0
        self._app, self._display, self._shown = app, app._display, []
        app._display = self._update

    def now(self) -> float:
        """The clock's time."""
        return time.perf_counter() - self.comparing

    def _update(self, *arguments: Any) -> None:
        self._display(*arguments)
        at, spent = time.perf_counter(), time.process_time()
        strips = self._app.screen._compositor.render_strips()
        if strips != self._shown:
            self._shown = strips
            self.times.append(at - self.comparing)
        self.comparing += time.perf_counter() - at
        self.comparing_cpu += time.process_time() - spent


async def keys(archive: Path, repeats: int) -> dict[str, list[tuple[float, float]]]:
    """Seconds of wall time and of CPU by kind of press."""
    from textual.worker import WorkerCancelled

    from asi_repro.tui.app import BrowseApp
    from asi_repro.tui.run_data import Source

    source = Source.at(archive)
    app = BrowseApp(source, watch=False)
    found: dict[str, list[tuple[float, float]]] = {}
    updates = Updates(app)
    async with app.run_test(size=(120, 40)) as pilot:

        async def settle() -> None:
            """Wait for what is being read in threads, and shown."""
            await pilot.pause()
            loading = [w for w in app.workers if w.group.startswith("load") and not w.is_finished]
            if loading:
                with contextlib.suppress(WorkerCancelled):  # a newer one took its place
                    await app.workers.wait_for_complete(loading)
                await pilot.pause()

        async def press(kind: str, *names: str) -> None:
            for name in names:
                updates.times.clear()
                began, spent = updates.now(), time.process_time() - updates.comparing_cpu
                await pilot.press(name)
                await settle()
                shown = updates.times[-1] - began if updates.times else 0.0
                cpu = time.process_time() - updates.comparing_cpu - spent
                found.setdefault(kind, []).append((shown, cpu))

        await settle()
        for _ in range(repeats):
            await press("move", "down", "down", "down", "pagedown", "pageup", "up", "end", "home")
        for _ in range(repeats):
            await press("fold root", "left")
            await press("unfold root", "right")
        await press("unfold all", "plus")
        for _ in range(repeats):
            await press("move, all unfolded", "down", "pagedown", "end", "pageup", "home")
        for expression in ("gate", "score>2.0", "gallery:yes", "text:memory", "has:program"):
            await pilot.press("slash")
            await press("filter letter", *[_NAMES.get(letter, letter) for letter in expression])
            await press("clear filter", "escape")
        await pilot.press("slash", *[_NAMES.get(letter, letter) for letter in "has:program"], "enter")
        await settle()
        for _ in range(repeats):
            await press("open experiment", "enter")
            for tab in "PDTHCOAM" + "R" * source.has_traces:
                await press(f"tab {tab}", tab)
            await pilot.press("escape", "down")
            await settle()
    return found


_NAMES = {">": "greater_than_sign", ".": "full_stop", ":": "colon"}


def report_keys(archive: Path, repeats: int) -> None:
    """Run `keys` in a process of its own, for its memory."""
    code = (
        "import asyncio, json, sys; sys.path.insert(0, 'benchmarks'); import bench_tui\n"
        "from pathlib import Path\n"
        f"found = asyncio.run(bench_tui.keys(Path({str(archive)!r}), {repeats}))\n"
        # Not ru_maxrss: that of a child begins with its parent's.
        "peak = int(next(l for l in open('/proc/self/status') if l.startswith('VmHWM')).split()[1]) / 1024\n"
        "assert 'torch' not in sys.modules\n"
        "print(json.dumps([found, peak]))"
    )
    root = Path(__file__).resolve().parent.parent
    child = subprocess.run(
        [sys.executable, "-c", code],
        check=True, stdout=subprocess.PIPE, text=True, cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    found, peak = json.loads(child.stdout.splitlines()[-1])
    for kind, seconds in found.items():
        print(f"  {kind:<22} {len(seconds):>4} presses   {_line(seconds)}")
    for name, kinds in (("every tab", [kind for kind in found if kind.startswith("tab ")]), ("all", found)):
        presses = [press for kind in kinds for press in found[kind]]
        print(f"  {name:<22} {len(presses):>4} presses   {_line(presses)}")
    print(f"  peak memory {peak:.0f} MiB")


def _line(presses: list[list[float]]) -> str:
    """Time to the last update of the screen, and CPU time."""
    parts = []
    columns = {"repaint": [wall for wall, _ in presses], "CPU": [cpu for _, cpu in presses]}
    for name, column in columns.items():
        ordered = sorted(column)
        p95 = ordered[max(0, round(0.95 * len(ordered)) - 1)]
        parts.append(f"{name} median {statistics.median(ordered) * 1e3:6.1f} p95 {p95 * 1e3:6.1f} ms")
    return "   ".join(parts)


def synthetic(folder: Path, experiments: int) -> Path:
    """An archive of a made-up run."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
    from synthetic_release import write_synthetic_release

    from asi_repro.archive.release import read_release
    from asi_repro.archive.tables import write_archive

    write_synthetic_release(folder / "release", experiments, gallery=100)
    write_archive(read_release(folder / "release"), folder / "artifacts" / "archive")
    return folder / "artifacts" / "archive"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("archive", nargs="?", type=Path)
    parser.add_argument("--growth", action="store_true", help="100,000 made-up experiments too")
    parser.add_argument("--only", choices=["start", "keys"])
    parser.add_argument("--repeats", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        runs = {"the archive": options.archive or synthetic(Path(folder) / "run", 1772)}
        if options.growth:
            runs["100,000 made-up experiments"] = synthetic(Path(folder) / "large", 100_000)
        for name, archive in runs.items():
            print(f"{name} ({archive})" if options.archive == archive else name)
            if options.only != "keys":
                start(archive, options.repeats)
            if options.only != "start":
                report_keys(archive, options.repeats)
    print(f"benchmark itself: {resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime:.0f} CPU-seconds")


if __name__ == "__main__":
    main()
