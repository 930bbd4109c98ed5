"""The report as Markdown, with the figures as files beside it."""

from __future__ import annotations

from collections.abc import Iterator

from asi_repro.report.content import Content
from asi_repro.report.escape import markdown, markdown_prose
from asi_repro.report.model import Block, Drawing, Paragraph, Table


def markdown_page(content: Content) -> str:
    """The page (GitHub's Markdown), every text escaped."""
    lines = [f"# {markdown(content.title)}", "", markdown(content.lead), "", f"> {markdown(content.limits)}"]
    counted = "; ".join(f"{count} {markdown(verdict)}" for verdict, count in content.counts.items())
    lines += ["", f"**Claims:** {counted}"]
    for section in content.sections:
        lines += ["", f"## {markdown(section.title)}"]
        if section.absent:
            lines += ["", f"> {markdown_prose(section.absent)}"]
        for block in section.blocks:
            lines += ["", *_block(block)]
    return "\n".join([*lines, "", "---", "", markdown(content.footer), ""])


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Paragraph):
        yield markdown_prose(block.text)
    elif isinstance(block, Table):
        yield from _table(block)
    else:
        yield from _figure(block)


def _table(table: Table) -> Iterator[str]:
    yield markdown(table.caption)
    yield ""
    yield f"| {' | '.join(map(markdown, table.header))} |"
    yield f"|{'|'.join('---:' if i in table.numeric else '---' for i in range(len(table.header)))}|"
    for number, row in enumerate(table.rows):
        cells = [
            f"**{markdown(cell)}**" if (number, place) in table.strong else markdown(cell)
            for place, cell in enumerate(row)
        ]
        yield f"| {' | '.join(cells)} |"


def _figure(drawing: Drawing) -> Iterator[str]:
    yield f"### {markdown(drawing.title)}"
    yield ""
    yield f"![{markdown(drawing.alt)}](figures/{drawing.id}.svg)"
    yield ""
    yield markdown(drawing.caption)
    yield ""
    yield f"*Source:* {markdown(drawing.source)}\\."
    yield ""
    numbers = "".join(f", numbers in [{markdown(d.name)}\\.csv](plots/{d.name}.csv)" for d in drawing.data)
    yield f"Drawn by `{drawing.code}`, made again by `dvc repro report`{numbers}\\."
