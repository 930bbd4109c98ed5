"""One fixed set of colours, told apart with the common kinds of colour blindness, for light and dark pages.

Categories are those of Okabe and Ito (2008), the sequence is eight samples of matplotlib's viridis.
Figures are drawn in the light colours; the page turns each of them into a CSS variable.
"""

from __future__ import annotations

# name: (light page, dark page). Every light colour stands here once: the page replaces it by value.
COLOURS: dict[str, tuple[str, str]] = {
    "surface": ("#ffffff", "#14181e"),
    "ink": ("#1c2128", "#e4e8ed"),
    "muted": ("#59636e", "#a3adb8"),
    "grid": ("#d8dee4", "#333b45"),
    "faint": ("#b4bcc6", "#4d5763"),
    "blue": ("#0072b2", "#56a9e0"),
    "vermillion": ("#d55e00", "#ff8a3d"),
    "green": ("#009e73", "#2fc79a"),
    "purple": ("#a8568a", "#e29ac6"),
    "amber": ("#b87a00", "#f0b83c"),
    "sequence0": ("#cae11f", "#3b528b"),
    "sequence1": ("#75d054", "#2e6d8e"),
    "sequence2": ("#34b679", "#24868e"),
    "sequence3": ("#1f988b", "#1fa088"),
    "sequence4": ("#29798e", "#35b779"),
    "sequence5": ("#38598c", "#69cd5b"),
    "sequence6": ("#463480", "#addc30"),
    "sequence7": ("#46085c", "#f1e51d"),
}

SURFACE = COLOURS["surface"][0]
INK = COLOURS["ink"][0]
MUTED = COLOURS["muted"][0]
GRID = COLOURS["grid"][0]
FAINT = COLOURS["faint"][0]
BLUE = COLOURS["blue"][0]
VERMILLION = COLOURS["vermillion"][0]
GREEN = COLOURS["green"][0]
PURPLE = COLOURS["purple"][0]
AMBER = COLOURS["amber"][0]
SEQUENCE = tuple(COLOURS[f"sequence{i}"][0] for i in range(8))


def css_variables(*, dark: bool) -> str:
    """The colours as CSS custom properties, `--c-NAME: #rrggbb;`."""
    return " ".join(f"--c-{name}: {pair[dark]};" for name, pair in COLOURS.items())


def themed(svg: str) -> str:
    """SVG text with each palette colour replaced by its CSS variable."""
    for name, (light, _) in COLOURS.items():
        svg = svg.replace(light, f"var(--c-{name})")
    return svg
