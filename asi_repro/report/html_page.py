"""The report as one HTML file that loads nothing: styles and figures stand in it, scripts do not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from asi_repro.report.content import Content
from asi_repro.report.model import Block, Drawing, Heading, Paragraph, Picture, Section, Table
from asi_repro.report.palette import css_variables
from asi_repro.report.sections.summary import MARKS
from asi_repro.text import one_line


@dataclass(frozen=True)
class Style:
    """How a page links and shows figures.

    Attributes:
        figure: the markup of a drawing.
        evidence: where the evidence of the claim of that id stands.
        home: where the first page is; empty where this is it.
        images: whether the page may load images from beside it.
    """

    figure: Callable[[Drawing], Markup]
    evidence: Callable[[str], str]
    home: str = ""
    images: bool = False


def html_page(content: Content, pictures: dict[str, Picture]) -> str:
    """The report as one page that loads nothing.

    Args:
        pictures: the drawn figures by id.
    """
    # The SVG was serialised by an XML library from matplotlib's, which drew every name as outlines.
    return render_page(
        content,
        Style(
            figure=lambda drawing: Markup(pictures[drawing.id].inline),  # noqa: S704
            evidence=lambda identifier: f"#evidence-{slug(identifier)}",
        ),
    )


def render_page(content: Content, style: Style) -> str:
    """A page; every text in it is escaped by the template engine."""
    css = (files(__package__) / "templates" / "style.css").read_text(encoding="utf-8")
    return _template().render(
        vars(content),
        home=style.home,
        evidence=style.evidence,
        policy="default-src 'none'; style-src 'unsafe-inline'" + ("; img-src 'self'" if style.images else ""),
        sections=[_section(section, style) for section in content.sections],
        css=Markup(css),  # noqa: S704 our own file
        light=css_variables(dark=False),
        dark=css_variables(dark=True),
    )


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=False, keep_trailing_newline=True
    )
    environment.filters.update(
        visible=one_line,
        slug=slug,
        tone=lambda verdict: slug(verdict) if verdict in MARKS else "other",
        mark=lambda verdict: MARKS.get(verdict, "·"),
        marked=lambda text: Markup(html_prose(str(escape(text)))),  # noqa: S704 escaped just before
    )
    page = files(__package__) / "templates" / "index.html"
    return environment.from_string(page.read_text(encoding="utf-8"))


def slug(text: str) -> str:
    """A name as an anchor: letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() or "x"


def html_prose(escaped: str) -> str:
    """Our own sentences, already escaped for HTML: `code` in backquotes becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)


def _section(section: Section, style: Style) -> dict[str, Any]:
    figures = [block for block in section.blocks if isinstance(block, Drawing)]
    return {
        "id": section.id,
        "title": section.title,
        "absent": section.absent,
        "figures": [{"id": figure.id, "title": figure.title} for figure in figures],
        "blocks": [_block(block, style) for block in section.blocks],
    }


def _block(block: Block, style: Style) -> dict[str, Any]:
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "text": block.text, "tone": block.tone}
    if isinstance(block, Heading):
        return {"kind": "heading", "id": slug(block.id), "text": block.text}
    if isinstance(block, Table):
        return {"kind": "table", **vars(block)}
    return {"kind": "figure", "drawing": block, "svg": style.figure(block)}
