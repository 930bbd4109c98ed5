"""Drawing with matplotlib so that the same inputs give the same bytes, and SVG made fit for a page.

No pyplot, so no state outside a figure; the fonts are those matplotlib ships.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable
from io import BytesIO
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, NullFormatter

from asi_repro.errors import DataError
from asi_repro.report.model import Drawing, Picture, plain
from asi_repro.report.palette import FAINT, GRID, INK, MUTED, SURFACE, themed

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"

_LONG_NUMBER = re.compile(r"-?\d+\.\d{3,}")

STYLE: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": INK,
    # A name such as $\frac$ is text, never a formula.
    "text.parse_math": False,
    "text.usetex": False,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.facecolor": SURFACE,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "figure.facecolor": SURFACE,
    "savefig.facecolor": SURFACE,
    "svg.fonttype": "path",
    "svg.hashsalt": "asi-repro report",
    "path.simplify": False,
}


def render(drawing: Drawing) -> Picture:
    """Draw it once and save it as SVG and PNG."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        # A name may have letters that the font lacks; it draws a box for them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        matplotlib.rcdefaults()
        parameters: Any = matplotlib.rcParams  # its type asks for literal keys
        parameters.update(STYLE)
        figure = Figure(figsize=drawing.size, layout="constrained")
        FigureCanvasAgg(figure)
        drawing.draw(figure)
        vector, raster = BytesIO(), BytesIO()
        figure.savefig(vector, format="svg", metadata={"Date": None, "Creator": None})
        figure.savefig(raster, format="png", dpi=drawing.dpi, metadata={"Software": None})
    alone, inline = finish_svg(vector.getvalue().decode(), drawing)
    return Picture(drawing, alone, inline, raster.getvalue())


def finish_svg(raw: str, drawing: Drawing) -> tuple[str, str]:
    """SVG with title, description and tooltips: as a file of its own, and for inlining in HTML."""
    ET.register_namespace("", SVG)
    ET.register_namespace("xlink", XLINK)
    root = ET.fromstring(raw)  # noqa: S314 matplotlib wrote it just now
    for metadata in root.findall(f"{{{SVG}}}metadata"):
        root.remove(metadata)
    _add_tooltips(root, drawing)
    _prefix_ids(root, drawing.id)
    _shorten(root)
    root.set("role", "img")
    root.set("aria-labelledby", f"{drawing.id}-title {drawing.id}-desc")
    for position, (tag, text) in enumerate((("title", drawing.title), ("desc", drawing.alt))):
        element = ET.Element(f"{{{SVG}}}{tag}", {"id": f"{drawing.id}-{tag}"})
        element.text = plain(text)
        root.insert(position, element)
    alone = '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"
    for key in ("width", "height"):
        root.attrib.pop(key, None)
    inline = ET.tostring(root, encoding="unicode")
    # HTML knows both namespaces by itself.
    inline = inline.replace(f' xmlns="{SVG}"', "", 1).replace(f' xmlns:xlink="{XLINK}"', "", 1)
    return alone, themed(inline.replace("xlink:href=", "href="))


def _add_tooltips(root: ET.Element, drawing: Drawing) -> None:
    for group_id, texts in drawing.tooltips:
        group = next((g for g in root.iter(f"{{{SVG}}}g") if g.get("id") == group_id), None)
        marks = [] if group is None else list(group.iter(f"{{{SVG}}}use"))
        if len(marks) != len(texts):
            raise DataError(
                f"figure {drawing.id}: {len(texts)} tooltips for {len(marks)} marks of {group_id}",
                hint="this is a bug in the figure's code: give one tooltip per mark",
            )
        for mark, text in zip(marks, texts, strict=True):
            ET.SubElement(mark, f"{{{SVG}}}title").text = plain(text)


def _prefix_ids(root: ET.Element, prefix: str) -> None:
    """Ids of one figure must not meet those of another on the same page."""
    for element in root.iter():
        if identity := element.get("id"):
            element.set("id", f"{prefix}-{identity}")
        for key, value in element.attrib.items():
            if key in ("href", f"{{{XLINK}}}href") and value.startswith("#"):
                element.set(key, f"#{prefix}-{value[1:]}")
            elif "url(#" in value:
                element.set(key, re.sub(r"url\(#", f"url(#{prefix}-", value))


def _shorten(root: ET.Element) -> None:
    """Keep hundredths of a point: matplotlib writes millionths."""
    for element in root.iter():
        for key in ("d", "x", "y"):
            if value := element.get(key):
                element.set(key, _LONG_NUMBER.sub(_hundredths, value))


def _hundredths(match: re.Match[str]) -> str:
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")


def columns(points: Iterable[tuple[float, float]]) -> tuple[list[float], list[float]]:
    """Pairs as the two lists that matplotlib takes."""
    pairs = list(points)
    return [x for x, _ in pairs], [y for _, y in pairs]


def halo(width: float = 2.5) -> list[Any]:
    """Path effects that keep a label readable over lines."""
    return [withStroke(linewidth=width, foreground=SURFACE)]


def thousands(axis: Any) -> None:
    """Group the digits of an axis' numbers by thousands."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    # The default on a logarithmic axis is mathtext, which this style shows as it is written.
    axis.set_minor_formatter(NullFormatter())


def note(axes: Axes, text: str, *, x: float = 0.02, y: float = 0.97, **kwargs: Any) -> None:
    """Small text in a corner of the axes (axes coordinates)."""
    style: dict[str, Any] = {"ha": "left", "va": "top", "fontsize": 8.5, "color": MUTED}
    style.update(kwargs)
    axes.text(x, y, text, transform=axes.transAxes, path_effects=halo(), **style)
