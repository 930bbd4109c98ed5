"""A diagram from outside made harmless: only known elements and attributes of SVG are kept.

An allow-list, not a list of what is dangerous: scripts, event handlers, styles, links, images, animations,
foreign objects and whatever SVG gets next are left out because they are not on it. A reference may only
lead to an id of the same picture (`url(#id)`). Documents with a DTD are refused, which rules out entities.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, TreeBuilder, tostring
from xml.parsers import expat

from asi_repro.errors import DataError

NAMESPACE = "http://www.w3.org/2000/svg"
MAX_BYTES = 2_000_000
MAX_DEPTH = 64
MAX_ELEMENTS = 50_000

ELEMENTS = frozenset([
    "svg", "g", "defs", "title", "desc", "rect", "circle", "ellipse", "line", "polyline", "polygon",
    "path", "text", "tspan", "marker", "linearGradient", "radialGradient", "stop", "clipPath",
])  # fmt: skip
ATTRIBUTES = frozenset([
    "id", "viewBox", "width", "height", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry",
    "d", "points", "dx", "dy", "fx", "fy", "offset", "transform", "fill", "fill-opacity", "fill-rule",
    "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "stroke-dashoffset",
    "stroke-linecap", "stroke-linejoin", "stroke-miterlimit", "opacity", "font-size", "font-weight",
    "font-style", "font-family", "text-anchor", "dominant-baseline", "alignment-baseline",
    "letter-spacing", "markerWidth", "markerHeight", "markerUnits", "refX", "refY", "orient",
    "marker-start", "marker-mid", "marker-end", "clip-path", "clip-rule", "gradientUnits",
    "gradientTransform", "stop-color", "stop-opacity", "preserveAspectRatio",
])  # fmt: skip
_OWN_REFERENCE = re.compile(r"url\(\s*#[\w.:-]+\s*\)")
# What could leave the picture or run: any scheme (nothing else needs a colon; a search for the letters before
# it is quadratic in the length), any other function that loads, any escape in CSS.
_FOREIGN = re.compile(r"(?i)url\s*\(|//|\\|@import|expression|[:<>&]")
_SPACE = NAMESPACE + "\n"


def sanitise_svg(text: str) -> str:
    """The picture with nothing in it but shapes and texts.

    Raises:
        DataError: where it is not well-formed XML with `<svg>` outside, has a DTD, or is too large.
    """
    if len(text) > MAX_BYTES:
        raise _refuse(f"it is longer than {MAX_BYTES:,} characters")
    builder = _Builder()
    # namespace_separator makes names `namespace\nlocal`, so that no prefix can disguise one.
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator="\n")
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        raise _refuse(f"it is not well-formed: {error}") from error
    root = builder.root
    if root is None:
        raise _refuse("its outermost element is not <svg>")
    root.set("xmlns", NAMESPACE)
    return tostring(root, encoding="unicode")


class _Builder:
    """Builds the kept part; inside a left-out element everything is left out."""

    def __init__(self) -> None:
        self._tree = TreeBuilder()
        self._skipped = 0
        self._depth = 0
        self._count = 0
        self._kept = 0
        self._done = False

    @property
    def root(self) -> Element | None:
        return self._tree.close() if self._kept else None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        self._count += 1
        if self._depth > MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise _refuse("it is nested too deeply, or has too many elements")
        local = name.removeprefix(_SPACE) if name.startswith(_SPACE) else name
        if self._skipped or local not in ELEMENTS or (self._depth == 1 and local != "svg"):
            self._skipped += 1
            return
        self._kept += 1
        self._tree.start(local, {k: v for k, v in attributes.items() if _harmless(k, v)})

    def end(self, name: str) -> None:
        self._depth -= 1
        if self._skipped:
            self._skipped -= 1
            return
        self._tree.end(name.removeprefix(_SPACE))

    def data(self, text: str) -> None:
        if not self._skipped and self._depth:
            self._tree.data(text)


def _harmless(name: str, value: str) -> bool:
    return name in ATTRIBUTES and not _FOREIGN.search(_OWN_REFERENCE.sub("", value))


def _no_doctype(*_: object) -> None:
    raise _refuse("it has a DTD, which pictures of a run have no need of")


def _refuse(why: str) -> DataError:
    return DataError(f"this diagram cannot be shown: {why}", hint="the other tabs are not affected")
