"""The report as a static site: pages that link to one another, figures as SVG files, claims as CSV."""

from __future__ import annotations

from dataclasses import replace

from markupsafe import Markup

from asi_repro.claims.ledger import Ledger
from asi_repro.claims.outputs import csv_of
from asi_repro.report.content import Content
from asi_repro.report.evidence import claim_blocks
from asi_repro.report.html_page import Style, render_page, slug
from asi_repro.report.model import Drawing, Picture, Section


def site_files(content: Content, ledger: Ledger, pictures: dict[str, Picture]) -> dict[str, bytes]:
    """Every file of the site by its path.

    `index.html` is the report, `claims/ID.html` one claim with all rows that the ledger has.
    """
    found = {f"figures/{name}.svg": picture.svg.encode() for name, picture in pictures.items()}
    found["claims.csv"] = csv_of(ledger.claims).encode()
    found["index.html"] = render_page(content, _style("")).encode()
    names = {paper.id: paper.name for paper in ledger.papers}
    for claim in ledger.claims:
        page = replace(
            content,
            title=claim.id,
            lead=f"{names.get(claim.paper, claim.paper)}, {claim.where}",
            limits="",
            counts={},
            sections=[Section("evidence", claim.statement, claim_blocks(claim))],
        )
        found[f"claims/{slug(claim.id)}.html"] = render_page(page, _style("../")).encode()
    return found


def _style(root: str) -> Style:
    """How pages that stand `root` above the site's folder link and show figures."""

    def image(drawing: Drawing) -> Markup:
        markup = Markup('<img src="{}" alt="{}">')
        return markup.format(f"{root}figures/{drawing.id}.svg", drawing.alt)

    return Style(
        figure=image,
        evidence=lambda identifier: f"{root}claims/{slug(identifier)}.html",
        home=f"{root}index.html" if root else "",
        images=True,
    )
