"""A terminal that draws pictures, as far as a program can tell: a pseudo-terminal that answers its questions."""

from __future__ import annotations

import base64
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Literal

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
Protocol = Literal["kitty", "sixel"]
# Columns, rows, and the pixels of them all.
_COLUMNS, _ROWS, _WIDTH, _HEIGHT = 120, 40, 1200, 800
_KITTY_ASKS = re.compile(rb"\x1b_G[^;]*\ba=q[^;]*;")
_KITTY_SENDS = re.compile(rb"\x1b_G([^;\x1b]*);([A-Za-z0-9+/=]*)\x1b\\")
_SIXEL_SENDS = re.compile(rb"\x1bP[0-9;]*q(.*?)\x1b\\", re.DOTALL)
_SIXEL_PART = re.compile(rb'"[0-9;]*|#(\d+)(?:;(\d+);(\d+);(\d+);(\d+))?|!(\d+)([?-~])|([?-~])|([$-])')


class Terminal:
    """`asi-repro` in a terminal of 120 by 40 that knows one protocol; used with `with`."""

    def __init__(self, protocol: Protocol, *arguments: str, home: Path) -> None:
        self.protocol = protocol
        self.seen = b""
        self._answered = 0
        self._pid, self._handle = pty.fork()
        if self._pid == 0:
            names = {"kitty": "xterm-kitty", "sixel": "foot"}
            os.environ.update(TERM=names[protocol], COLORTERM="truecolor", XDG_STATE_HOME=str(home))
            os.environ.update(PYTHONPATH=str(ROOT))
            time.sleep(0.1)  # until the size is set
            os.execv(sys.executable, [sys.executable, "-m", "asi_repro.cli", *arguments])
        fcntl.ioctl(self._handle, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, _WIDTH, _HEIGHT))

    def __enter__(self) -> Terminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._handle)

    def press(self, key: str) -> None:
        """Send a key."""
        os.write(self._handle, key.encode())

    def until(self, there: Callable[[bytes], bool], seconds: float = 60.0) -> None:
        """Read until what came so far fits."""
        deadline = time.monotonic() + seconds
        while not there(self.seen):
            assert time.monotonic() < deadline, self.seen[-2000:]
            if select.select([self._handle], [], [], 0.2)[0]:
                self.seen += os.read(self._handle, 65536)
                self._answer()

    def _answer(self) -> None:
        new = self.seen[self._answered :]
        if b"\x1b[c" in new:  # what are you?
            self._answered = len(self.seen)
            os.write(self._handle, b"\x1b[?62;4c" if self.protocol == "sixel" else b"\x1b[?62c")
        elif _KITTY_ASKS.search(new):
            self._answered = len(self.seen)
            os.write(self._handle, b"\x1b_Gi=31;OK\x1b\\" if self.protocol == "kitty" else b"")

    def picture(self) -> Image.Image | None:
        """The last picture that was sent whole."""
        return _kitty(self.seen) if self.protocol == "kitty" else _sixel(self.seen)


def _kitty(seen: bytes) -> Image.Image | None:
    """Pieces of base64 with `m=1` until the last with `m=0`; here always of a PNG (`f=100`)."""
    pieces, whole = b"", b""
    for keys, payload in _KITTY_SENDS.findall(seen):
        if b"a=q" in keys:
            continue
        pieces += payload
        if b"m=1" not in keys.split(b","):
            whole, pieces = pieces or whole, b""
    return Image.open(BytesIO(base64.b64decode(whole))).convert("RGB") if whole else None


def _sixel(seen: bytes) -> Image.Image | None:
    """Columns of six dots, a colour of the palette at a time (DEC STD 070); several pictures below each other."""
    bodies = _SIXEL_SENDS.findall(seen)
    if not bodies:
        return None
    drawn: dict[tuple[int, int], tuple[int, ...]] = {}
    palette: dict[int, tuple[int, ...]] = {}
    x = y = 0
    colour: tuple[int, ...] = (0, 0, 0)
    for number, kind, *parts, count, repeated, single, move in _SIXEL_PART.findall(bodies[-1]):
        if number:
            if kind:
                assert kind == b"2", "colours by hue are not read here"
                palette[int(number)] = tuple(round(int(part) * 2.55) for part in parts)
            colour = palette[int(number)]
        elif move:
            x, y = 0, y + (6 if move == b"-" else 0)
        elif repeated or single:
            dots = ord(repeated or single) - 63
            wide = int(count or 1)
            drawn.update({(x + n, y + b): colour for n in range(wide) for b in range(6) if dots >> b & 1})
            x += wide
    image = Image.new("RGB", (max(x for x, _ in drawn) + 1, max(y for _, y in drawn) + 1))
    for place, its in drawn.items():
        image.putpixel(place, its)  # type: ignore[arg-type]
    return image
