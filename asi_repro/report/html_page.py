"""The report as one HTML file that loads nothing: styles and figures stand in it, scripts do not."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Any

from markupsafe import Markup, escape

from asi_repro.report.content import Content
from asi_repro.report.model import Block, Drawing, Paragraph, Picture, Section, Table
from asi_repro.report.palette import css_variables
from asi_repro.text import one_line

MARKS = {"reproduced": "✓", "contradicted": "✗", "undecided": "~", "not checkable": "?", "not yet run": "…"}


def html_page(content: Content, pictures: dict[str, Picture]) -> str:
    """The page; every text in it is escaped by the template engine.

    Args:
        pictures: the drawn figures by id.
    """
    from jinja2 import Environment, StrictUndefined

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
    folder = files(__package__).joinpath("templates")
    template = environment.from_string(folder.joinpath("index.html").read_text(encoding="utf-8"))
    return template.render(
        title=content.title,
        lead=content.lead,
        limits=content.limits,
        counts=content.counts,
        footer=content.footer,
        sections=[_section(section, pictures) for section in content.sections],
        css=Markup(folder.joinpath("style.css").read_text(encoding="utf-8")),  # noqa: S704 our own file
        light=css_variables(dark=False),
        dark=css_variables(dark=True),
    )


def slug(text: str) -> str:
    """A name as an anchor: letters, digits and hyphens."""
    return re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-").lower() or "x"


def html_prose(escaped: str) -> str:
    """Our own sentences, already escaped for HTML: `code` in backquotes becomes code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escaped)


def _section(section: Section, pictures: dict[str, Picture]) -> dict[str, Any]:
    figures = [block for block in section.blocks if isinstance(block, Drawing)]
    return {
        "id": section.id,
        "title": section.title,
        "absent": section.absent,
        "figures": [{"id": figure.id, "title": figure.title} for figure in figures],
        "blocks": [_block(block, pictures) for block in section.blocks],
    }


def _block(block: Block, pictures: dict[str, Picture]) -> dict[str, Any]:
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "text": block.text, "tone": block.tone}
    if isinstance(block, Table):
        return {"kind": "table", **vars(block)}
    # The SVG was serialised by an XML library from matplotlib's, which drew every name as outlines.
    return {"kind": "figure", "drawing": block, "svg": Markup(pictures[block.id].inline)}  # noqa: S704
