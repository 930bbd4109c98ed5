"""The report as Markdown, with the figures as files beside it."""

from __future__ import annotations

from collections.abc import Iterator

from asi_repro import markdown
from asi_repro.markdown import escape, prose
from asi_repro.report.content import Content
from asi_repro.report.model import Block, Drawing, Heading, Paragraph, Table


def markdown_page(content: Content) -> str:
    """The page (GitHub's Markdown), every text escaped."""
    lines = [f"# {escape(content.title)}", "", escape(content.lead), "", f"> {escape(content.limits)}"]
    counted = "; ".join(f"{count} {escape(verdict)}" for verdict, count in content.counts.items())
    lines += ["", f"**Claims:** {counted}"]
    for section in content.sections:
        lines += ["", f"## {escape(section.title)}"]
        if section.absent:
            lines += ["", f"> {prose(section.absent)}"]
        for block in section.blocks:
            lines += ["", *_block(block)]
    return "\n".join([*lines, "", "---", "", escape(content.footer), ""])


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Heading):
        yield f"### {escape(block.text)}"
    elif isinstance(block, Paragraph):
        yield prose(block.text)
    elif isinstance(block, Table):
        yield from _table(block)
    else:
        yield from _figure(block)


def _table(table: Table) -> Iterator[str]:
    yield escape(table.caption)
    yield ""
    rows = [
        [
            f"**{escape(cell)}**" if (number, place) in table.strong else escape(cell)
            for place, cell in enumerate(row)
        ]
        for number, row in enumerate(table.rows)
    ]
    yield from markdown.table([escape(title) for title in table.header], rows, right=table.numeric)


def _figure(drawing: Drawing) -> Iterator[str]:
    yield f"### {escape(drawing.title)}"
    yield ""
    yield f"![{escape(drawing.alt)}](figures/{drawing.id}.svg)"
    yield ""
    yield escape(drawing.caption)
    yield ""
    yield f"*Source:* {escape(drawing.source)}\\."
    yield ""
    numbers = "".join(f", numbers in [{escape(d.name)}\\.csv](plots/{d.name}.csv)" for d in drawing.data)
    yield f"Drawn by `{drawing.code}`, made again by `dvc repro report`{numbers}\\."
