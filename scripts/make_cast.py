"""The moving picture of the README, docs/images/journeys.svg: real commands, recorded in a terminal (tmux).

    python scripts/make_cast.py [--project DIR] [--cast DIR] [--frames DIR]

The project is a clone with the release and the archive; its commands run and train. Waiting is cut short,
and nothing else is changed. The picture moves by CSS alone and stands still at its last frame for those who
prefer reduced motion. Only views without prose of the release are taken: names, scores, curves, checks.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass
from html import escape
from pathlib import Path

from rich.ansi import AnsiDecoder
from rich.cells import cell_len
from rich.color import Color
from rich.console import Console
from rich.style import Style
from rich.terminal_theme import SVG_EXPORT_THEME

from asi_repro.project import find_project

PICTURE = Path("docs", "images", "journeys.svg")
COLUMNS, ROWS = 100, 30
PROMPT = "$"
WAITING, LONGEST = 8, 0.4  # frames shown of one wait, and the seconds that each stays
GIVE_UP = 1800.0  # seconds for one step
CELL, LINE, MARGIN = 10, 20, 15
THEME = SVG_EXPORT_THEME
BACK, FRONT = THEME.background_color.hex, THEME.foreground_color.hex
MIXER = '''"""A token mixer with a fault: it subtracts the mean over all positions, later ones too."""

from torch import nn


class Centred(nn.Module):
    def __init__(self, hidden_size: int = 64):
        super().__init__()
        self.mix = nn.Linear(hidden_size, hidden_size)

    def forward(self, x):
        return self.mix(x - x.mean(dim=1, keepdim=True))
'''


@dataclass(frozen=True)
class Step:
    """What is typed, and when the next step may follow.

    Attributes:
        keys: a text, typed letter by letter, or the name of one key.
        until: a text on the screen; the prompt in its last line where None.
        hold: seconds that the last frame stays.
    """

    keys: str
    until: str | None = None
    hold: float = 0.6


def command(text: str, hold: float = 2.5, until: str | None = None) -> list[Step]:
    return [Step(text, text[-20:], 0.4), Step("Enter", until, hold)]


SCENES = {
    "verify": [
        *command("clear; # verify: which claims hold?", 0.6),
        *command("asi-repro claims | head -26", 4),
        *command("clear; # and does a module of your own keep what it promises?", 0.4),
        *command("tail -3 my_mixer.py", 1.5),
        *command("asi-repro verify my_mixer.py --quick", 4),
    ],
    "rerun": [
        *command("clear; # rerun: a stage, an architecture or the search", 0.6),
        *command("dvc repro train@delta_net", 3),
        *command("clear; asi-repro", 4),
    ],
    "browse": [
        *command("clear; # browse: how 1,772 experiments came about", 0.6),
        *command("asi-repro browse --at 1792 --tab training", 3.5, until="DeltaNet"),
        Step("3", "criterion", 3.5),
        Step("1", "tree by", 3.5),
        Step("5", "pool 50 of 50", 4),
    ],
}


@dataclass(frozen=True)
class Frame:
    """A screen, as lines with escape sequences, and the seconds that it stays."""

    screen: str
    seconds: float


class Terminal:
    """A shell in tmux, with an environment and a home of its own."""

    def __init__(self, project: Path, home: Path) -> None:
        self._base = ["tmux", "-L", f"asi-repro-cast-{os.getpid()}", "-f", "/dev/null"]
        environment = {
            **os.environ,
            "XDG_STATE_HOME": str(home),
            "COLORTERM": "truecolor",
            "FORCE_COLOR": "1",
            "PS1": f"{PROMPT} ",
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(project),
        }
        size = ["-x", str(COLUMNS), "-y", str(ROWS)]
        shell = ["bash", "--norc", "--noprofile"]
        self._tmux("new-session", "-d", *size, "-c", str(project), *shell, env=environment)

    def _tmux(self, *words: str, env: dict[str, str] | None = None) -> str:
        return subprocess.run(
            [*self._base, *words], check=True, capture_output=True, text=True, env=env
        ).stdout

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def screen(self) -> str:
        return self._tmux("capture-pane", "-e", "-p", "-N")

    def plain(self) -> str:
        return self._tmux("capture-pane", "-p")

    def close(self) -> None:
        subprocess.run([*self._base, "kill-server"], capture_output=True, check=False)


def record(terminal: Terminal, steps: Iterable[Step]) -> Iterator[Frame]:
    """The frames of all steps.

    Raises:
        TimeoutError: where a screen does not come.
    """
    for step in steps:
        if len(step.keys) > 1 and step.keys != "Enter":
            for place in range(0, len(step.keys), 4):
                terminal.press("-l", "--", step.keys[place : place + 4])
                time.sleep(0.05)
                yield Frame(terminal.screen(), 0.15)
        else:
            terminal.press(step.keys)
            time.sleep(0.3)
        started = time.monotonic()
        waiting: list[Frame] = []
        while not _there(terminal.plain(), step.until):
            if time.monotonic() - started > GIVE_UP:
                raise TimeoutError(f"after {step.keys!r} no {step.until or 'prompt'!r}:\n{terminal.plain()}")
            waiting.append(Frame(terminal.screen(), LONGEST))
            time.sleep(0.3)
        waiting = merged(waiting)
        yield from waiting[:: len(waiting) // WAITING + 1]
        time.sleep(1.0)
        yield Frame(terminal.screen(), step.hold)


def _there(screen: str, until: str | None) -> bool:
    lines = screen.rstrip().splitlines() or [""]
    return lines[-1].rstrip() == PROMPT if until is None else until in screen


def merged(frames: Iterable[Frame]) -> list[Frame]:
    """Frames without repetitions: equal ones in a row become one that stays as long, within the limit."""
    kept: list[Frame] = []
    for frame in frames:
        if kept and kept[-1].screen == frame.screen:
            kept[-1] = Frame(frame.screen, max(kept[-1].seconds, frame.seconds))
        else:
            kept.append(frame)
    return kept


class Drawing:
    """Rows of terminals as SVG: each row once, each style once."""

    def __init__(self) -> None:
        self._console = Console(width=COLUMNS, color_system="truecolor", legacy_windows=False)
        self._rows: dict[str, str] = {}
        self._styles: dict[str, str] = {}

    def frame(self, screen: str) -> str:
        """The rows of a screen as references."""
        # One decoder for a screen: a style goes on in the next line until it is changed.
        lines = AnsiDecoder().decode(screen)
        rows = ((place, self._row(line.render(self._console))) for place, line in enumerate(lines))
        return "".join(f'<use href="#{name}" y="{place * LINE}"/>' for place, name in rows if name)

    def rows(self) -> str:
        """Every row that a frame refers to."""
        return "".join(f'<g id="{name}">{drawn}</g>' for drawn, name in self._rows.items())

    def styles(self) -> str:
        """Every style that a row refers to."""
        return "".join(f".{name}{{{rule}}}" for rule, name in self._styles.items())

    def _row(self, segments: Iterable[tuple[str, Style | None, object]]) -> str:
        at, back, front = 0, "", ""
        for text, style, _ in segments:
            width, style = cell_len(text), style or Style()
            fill, behind = _colors(style)
            place = f'x="{at * CELL}"'
            if behind != BACK:
                name = self._named(self._styles, f"fill:{behind}", "b")
                back += f'<rect {place} width="{width * CELL}" height="{LINE}" class="{name}"/>'
            if text.strip():
                name = self._named(self._styles, _rule(style, fill), "t")
                length = f'textLength="{width * CELL}"' if width > 1 else ""
                front += f'<text {place} y="15" {length} class="{name}">{escape(text)}</text>'
            at += width
        return self._named(self._rows, back + front, "r") if back + front else ""

    def _named(self, known: dict[str, str], content: str, letter: str) -> str:
        return known.setdefault(content, f"{letter}{len(known)}")


def _colors(style: Style) -> tuple[str, str]:
    front = _hex(style.color, FRONT, foreground=True)
    back = _hex(style.bgcolor, BACK, foreground=False)
    return (back, front) if style.reverse else (front, back)


def _hex(color: Color | None, default: str, *, foreground: bool) -> str:
    if color is None or color.is_default:
        return default
    return color.get_truecolor(THEME, foreground=foreground).hex


def _rule(style: Style, fill: str) -> str:
    kinds = {
        "font-weight:700": style.bold,
        "font-style:italic": style.italic,
        "text-decoration:underline": style.underline,
        "opacity:.65": style.dim,
    }
    return ";".join([f"fill:{fill}", *(rule for rule, wanted in kinds.items() if wanted)])


def draw(frames: list[Frame], shown: int = -1) -> str:
    """The moving picture.

    Args:
        shown: the frame that is seen where nothing moves.
    """
    drawing = Drawing()
    width, height = COLUMNS * CELL, ROWS * LINE
    strip = "".join(
        f'<g transform="translate({place * width})">{drawing.frame(frame.screen)}</g>'
        for place, frame in enumerate(frames)
    )
    total, passed, moves = sum(frame.seconds for frame in frames), 0.0, ""
    for place, frame in enumerate(frames):
        moves += f"{100 * passed / total:.3f}%{{transform:translateX({-place * width}px)}}"
        passed += frame.seconds
    still = (shown % len(frames)) * width
    full = (width + 2 * MARGIN, height + 2 * MARGIN)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {full[0]} {full[1]}" role="img" '
        'aria-labelledby="title" xml:space="preserve">'
        '<title id="title">Three journeys in a terminal: the claims and a check of a module, a training, and '
        "the run in the terminal interface</title>"
        "<style>text{font:16.6px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"
        f"white-space:pre}}{drawing.styles()}"
        f"@keyframes cast{{{moves}}}"
        f".cast{{animation:cast {total:.1f}s step-end infinite}}"
        "@media(prefers-reduced-motion:reduce){.cast{animation:none}}</style>"
        f"<defs>{drawing.rows()}</defs>"
        f'<rect width="{full[0]}" height="{full[1]}" rx="8" fill="{BACK}"/>'
        f'<svg x="{MARGIN}" y="{MARGIN}" width="{width}" height="{height}">'
        f'<g class="cast" transform="translate({-still})">{strip}</g></svg></svg>\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--project", type=Path, default=find_project().root)
    parser.add_argument("--cast", type=Path, help="folder of recordings: what is there is not recorded again")
    parser.add_argument("--only", choices=SCENES, help="record this scene, and draw nothing")
    parser.add_argument("--frames", type=Path, help="folder for each frame as a PNG, to look at")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cast = options.cast or Path(temporary)
        wanted = [options.only] if options.only else list(SCENES)
        frames = [frame for name in wanted for frame in scene(name, options.project.resolve(), cast)]
    if options.only:
        return
    shown = "".join(frame.screen for frame in frames)
    for word in (str(find_project().root), "Motivation", "Summary"):
        if word in shown:
            raise SystemExit(f"the picture would show this checkout or prose of the release: {word}")
    (find_project().root / PICTURE).write_text(draw(frames), encoding="utf-8")
    if options.frames:
        import resvg_py

        options.frames.mkdir(parents=True, exist_ok=True)
        for place in range(len(frames)):
            picture = resvg_py.svg_to_bytes(svg_string=draw(frames, place), width=800)
            (options.frames / f"{place:03d}.png").write_bytes(bytes(picture))


def scene(name: str, project: Path, cast: Path) -> list[Frame]:
    """The frames of a scene: those kept in the folder, or else recorded and kept there."""
    kept = cast / f"{name}.json"
    if not kept.is_file():
        (project / "my_mixer.py").write_text(MIXER, encoding="utf-8")
        terminal = Terminal(project, cast)
        try:
            frames = merged(record(terminal, SCENES[name]))
        finally:
            terminal.close()
        kept.write_text(json.dumps([astuple(frame) for frame in frames]), encoding="utf-8")
    return [Frame(*frame) for frame in json.loads(kept.read_text(encoding="utf-8"))]


if __name__ == "__main__":
    main()
