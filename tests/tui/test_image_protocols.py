"""The diagram as Kitty's protocol and as Sixel, read back from what a terminal is sent."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat
from terminal import Protocol, Terminal

from asi_repro.archive.reader import Archive
from asi_repro.archive.svg import sanitise_svg
from asi_repro.tui.tabs.diagram import rasterise

pytest.importorskip("textual_image", reason="not run: pip install 'asi-repro[tui]'")


@pytest.mark.parametrize("protocol", ["kitty", "sixel"])
def test_the_diagram_is_drawn(synthetic_root: Path, tmp_path: Path, protocol: Protocol) -> None:
    folder = synthetic_root / "artifacts" / "archive"
    program = next(p for p in Archive(folder).programs() if p.diagram)
    arguments = ("browse", str(program.index), "--archive", str(folder))
    with Terminal(protocol, *arguments, home=tmp_path) as terminal:
        terminal.until(lambda seen: b"From the root" in seen)
        terminal.press("A")
        terminal.until(lambda seen: terminal.picture() is not None)
        found = terminal.picture()
    png = rasterise(sanitise_svg(program.diagram))
    assert png is not None
    assert found is not None
    assert difference(found, Image.open(BytesIO(png)).convert("RGB")) < 8  # of 255: Sixel has 256 colours


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean difference of a channel, at the smaller size."""
    size = min(one.size, other.size)
    return sum(ImageStat.Stat(ImageChops.difference(one.resize(size), other.resize(size))).mean) / 3
