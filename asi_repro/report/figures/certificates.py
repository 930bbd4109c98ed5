"""The matrix of architectures and checks: what each certificate says, at a glance."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Drawing, PlotData, plain
from asi_repro.report.palette import BLUE, FAINT, GRID, INK, MUTED, VERMILLION
from asi_repro.verify.catalogue import CHECKS
from asi_repro.verify.certificate import Certificate

_ROW_INCHES = 0.135
# verdict: (colour, marker, size). Shapes differ too, so that colour is not needed to tell them apart.
_MARKS = {"pass": (BLUE, "s", 12), "fail": (VERMILLION, "X", 34), "not run": (FAINT, "_", 16)}


def decisive_rows(certificates: Sequence[Certificate]) -> list[str]:
    """Rows that are held against a threshold in some certificate, in the catalogue's order."""
    held = {
        row.check for certificate in certificates for row in certificate.checks if row.comparison != "none"
    }
    return [name for check in CHECKS for name in check.rows if name in held]


def sorted_by_failures(certificates: Sequence[Certificate], rows: Sequence[str]) -> list[Certificate]:
    """Most failures first, then by index."""

    def failures(certificate: Certificate) -> int:
        return sum(certificate.row(name).verdict == "fail" for name in rows)

    return sorted(certificates, key=lambda c: (-failures(c), c.index))


def matrix(inputs: Inputs, certificates: Sequence[Certificate]) -> Drawing:
    """Every architecture against every check with a threshold."""
    rows = decisive_rows(certificates)
    ordered = sorted_by_failures(certificates, rows)
    failing = sum(any(c.row(name).verdict == "fail" for name in rows) for c in ordered)
    data = tuple(
        (
            c.index,
            c.display_name or c.name,
            name,
            c.row(name).verdict,
            c.row(name).value,
            c.row(name).threshold,
        )
        for c in ordered
        for name in rows
    )
    return Drawing(
        id="certificates",
        title="Architectures and checks",
        alt=(
            f"A matrix of {len(ordered)} architectures and {len(rows)} checks. {failing} architectures fail "
            f"at least one check; {len(ordered) - failing} fail none."
        ),
        caption=(
            "One line an architecture, most failures first; one column a check that has a threshold. "
            "What each check does and cannot see is in docs/reference/certificates.md; "
            "`asi-repro certificate INDEX` has the numbers."
        ),
        source=f"certificates made by the stage verify from {inputs.source_of('data/106.json')}",
        draw=lambda figure: _draw(figure, ordered, rows),
        size=(9.0, 1.9 + _ROW_INCHES * len(ordered)),
        dpi=110,
        data=(
            PlotData(
                "certificates", ("index", "architecture", "check", "verdict", "value", "threshold"), data
            ),
        ),
    )


def _draw(figure: Figure, certificates: Sequence[Certificate], rows: Sequence[str]) -> None:
    axes = figure.add_subplot()
    for verdict, (colour, marker, size) in _MARKS.items():
        points = [
            (x, y)
            for y, certificate in enumerate(certificates)
            for x, name in enumerate(rows)
            if certificate.row(name).verdict == verdict
        ]
        if points:
            xs, ys = zip(*points, strict=True)
            axes.scatter(xs, ys, s=size, color=colour, marker=marker, linewidths=0.8, label=verdict)
    _label(axes, certificates, rows)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.42, 1.0), frameon=False, fontsize=8.5, handletextpad=0.4)


def _label(axes: Axes, certificates: Sequence[Certificate], rows: Sequence[str]) -> None:
    names = [f"{plain(c.display_name or c.name)}  {c.index}" for c in certificates]
    axes.set_yticks(range(len(names)), names, fontsize=6.5, color=INK)
    axes.set_xticks(range(len(rows)), [name.replace("_", " ") for name in rows])
    axes.tick_params(axis="x", labeltop=True, labelbottom=False, top=False, bottom=False, labelrotation=60)
    for label in axes.get_xticklabels():
        label.set(fontsize=7.5, color=MUTED, ha="left", rotation_mode="anchor")
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(-0.7, len(rows) - 0.3), ylim=(len(names) - 0.4, -0.8))
    axes.grid(visible=True, axis="y", color=GRID, linewidth=0.4)
    axes.grid(visible=False, axis="x")
    for side in axes.spines.values():
        side.set_visible(False)
