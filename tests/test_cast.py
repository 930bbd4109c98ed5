"""The README's moving picture: drawn from recorded screens, self-contained, and still for those who want it so."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from scripts.make_cast import CELL, COLUMNS, PICTURE, Frame, Terminal, command, draw, merged, record

ROOT = Path(__file__).resolve().parent.parent
SVG = "{http://www.w3.org/2000/svg}"
ELEMENTS = {"svg", "title", "style", "defs", "g", "use", "rect", "text"}
LARGEST = 400_000  # bytes


def faults(svg: str) -> Iterator[str]:
    """What a picture in a README must not have: anything that runs, loads, or is large."""
    if len(svg.encode()) > LARGEST:
        yield "large"
    for element in ElementTree.fromstring(svg).iter():
        if element.tag.removeprefix(SVG) not in ELEMENTS:
            yield element.tag
        for name, value in element.attrib.items():
            if name.startswith("on") or (name.endswith("href") and not value.startswith("#")):
                yield f"{name}={value}"
            if "url(" in value:
                yield value
    style = "".join(re.findall(r"<style>.*?</style>", svg, re.DOTALL))
    yield from re.findall(r"@import|url\(|https?:", style)
    if "@media(prefers-reduced-motion:reduce){.cast{animation:none}}" not in style:
        yield "always moving"


def shown(svg: str) -> list[str]:
    """The words of a picture's rows."""
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_the_picture_of_the_readme() -> None:
    svg = (ROOT / PICTURE).read_text(encoding="utf-8")
    assert list(faults(svg)) == []
    assert PICTURE.as_posix() in (ROOT / "README.md").read_text(encoding="utf-8")
    words = " ".join(shown(svg))
    assert all(word in words for word in ("asi-repro claims", "dvc repro", "asi-repro browse"))


@pytest.mark.parametrize(
    ("added", "fault"),
    [
        ("<script>1</script>", f"{SVG}script"),
        ('<use href="https://example.org/a.svg#b"/>', "href=https://example.org/a.svg#b"),
        ('<rect onload="x()"/>', "onload=x()"),
        ('<rect fill="url(#a)"/>', "url(#a)"),
        ("<style>@import 'a.css'</style>", "@import"),
        (f"<text>{'x' * LARGEST}</text>", "large"),
    ],
)
def test_what_it_must_not_have_is_found(added: str, fault: str) -> None:
    svg = draw([Frame("$ ", 1.0)])
    assert list(faults(svg)) == []
    assert fault in list(faults(svg.replace("</svg>\n", f"{added}</svg>")))


def test_frames_are_escaped_timed_and_end_in_the_still_one() -> None:
    red = "\x1b[31m<script>&\x1b[0m"
    svg = draw([Frame("$ one", 1.0), Frame(f"$ one\n{red}", 3.0)])
    assert list(faults(svg)) == []
    assert shown(svg) == ["$ one", "<script>&"]  # the row that both have is there once
    width = COLUMNS * CELL
    assert re.findall(r"([\d.]+)%\{transform:translateX\((-?\d+)px\)\}", svg) == [
        ("0.000", "0"),
        ("25.000", str(-width)),
    ]
    assert f'class="cast" transform="translate({-width})"' in svg


def test_equal_screens_are_one() -> None:
    frames = [Frame("a", 0.2), Frame("a", 1.0), Frame("b", 0.1), Frame("a", 0.3)]
    assert merged(frames) == [Frame("a", 1.0), Frame("b", 0.1), Frame("a", 0.3)]


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_a_real_terminal_is_recorded(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path, tmp_path)
    try:
        frames = list(record(terminal, command(r"printf '\033[32mgreen\033[0m\n'")))
    finally:
        terminal.close()
    assert "\x1b[32mgreen" in frames[-1].screen
    assert "green" in shown(draw(frames))
