"""The stage `report`: figures, pages and plot data in one folder, all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from asi_repro.claims.outputs import csv_of
from asi_repro.project import Project
from asi_repro.report.content import make_content
from asi_repro.report.drawing import render
from asi_repro.report.evidence import evidence_section
from asi_repro.report.figures.overview import overview_picture
from asi_repro.report.html_page import html_page
from asi_repro.report.inputs import Inputs
from asi_repro.report.markdown_page import markdown_page
from asi_repro.report.model import Picture, PlotData
from asi_repro.report.site import site_files
from asi_repro.store.files import write_folder
from asi_repro.store.json_text import dump_json
from asi_repro.text import csv_text


@dataclass(frozen=True)
class Built:
    """What was written: the folder, its figures, its bytes and the claims by verdict."""

    folder: Path
    figures: list[str]
    size: int
    counts: dict[str, int]


def build_report(project: Project, progress: Callable[[str], None] = lambda what: None) -> Built:
    """Write `project.report` from the archive and the claims ledger.

    Args:
        progress: called with each figure's title before it is drawn.

    Returns:
        What was written. The same inputs give the same bytes.

    Raises:
        MissingInput, DataError: where an input is not there or is not what it should be.
        AsiReproError: where the folder cannot be written.
    """
    inputs = Inputs(project)
    content = make_content(inputs)
    pictures: dict[str, Picture] = {}
    for drawing in content.drawings:
        progress(drawing.title)
        pictures[drawing.id] = render(drawing)
    with_evidence = replace(content, sections=[*content.sections, evidence_section(inputs.claims)])
    files: dict[str, bytes] = {
        "index.html": html_page(with_evidence, pictures).encode(),
        "claims.csv": csv_of(inputs.claims).encode(),
        "report.md": markdown_page(content).encode(),
        "metrics.json": dump_json(content.metrics).encode(),
    }
    for name, picture in pictures.items():
        files[f"figures/{name}.svg"] = picture.svg.encode()
        files[f"figures/{name}.png"] = picture.png
        for data in picture.drawing.data:
            files[f"plots/{data.name}.csv"] = plot_csv(data).encode()
    overview = overview_picture(inputs, content.counts)
    files["figures/overview.svg"], files["figures/overview.png"] = overview.svg.encode(), overview.png
    files |= {f"site/{p}": data for p, data in site_files(content, inputs.ledger, pictures).items()}
    write_folder(project.report, files)
    return Built(project.report, list(pictures), sum(map(len, files.values())), content.counts)


def plot_csv(data: PlotData) -> str:
    """Plot data as CSV: a header, `true` and `false`, nothing for a missing value."""
    rows = [
        {name: str(cell).lower() if isinstance(cell, bool) else cell for name, cell in record.items()}
        for record in data.records()
    ]
    return csv_text(rows, data.columns)
