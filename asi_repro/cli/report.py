"""`asi-repro report`: the pages and figures, and where they are."""

from __future__ import annotations

import webbrowser
from typing import Annotated

import typer

from asi_repro.cli.options import JsonOption
from asi_repro.cli.output import console, print_result
from asi_repro.errors import MissingInput
from asi_repro.imports.layout import is_import
from asi_repro.project import find_project, run_folders
from asi_repro.text import counted

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Figures and pages made from the archive and the claims ledger.",
)


@app.command("build")
def build(json_: JsonOption = False) -> None:
    """Write the report to artifacts/report: index.html, report.md, figures and plot data (stage `report`)."""
    from asi_repro.report.build import build_report

    out = console(stderr=True)
    with out.status("reading the archive and the claims") as status:
        built = build_report(find_project(), progress=lambda title: status.update(f"drawing: {title}"))
    page = built.folder / "index.html"
    document = {
        "folder": str(built.folder),
        "page": str(page),
        "figures": built.figures,
        "bytes": built.size,
        "claims": built.counts,
    }
    counts = ", ".join(f"{count} {verdict}" for verdict, count in built.counts.items())
    size = f"{counted(len(built.figures), 'figure')}, {built.size / 1e6:.1f} MB"
    print_result(document, f"report: {size}; claims: {counts}\nopen {page}", as_json=json_)


@app.command("run")
def run(
    name: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run (`asi-repro runs` lists them).")],
) -> None:
    """Write the report of one of your own runs, or of an imported one, to its folder (stage `discovered`)."""
    from asi_repro.discover.run.report import write_run_report
    from asi_repro.report.imported_run import write_imported_report

    project = find_project()
    folder = run_folders(project).get(name)
    imported = folder is not None and is_import(folder)
    written = write_imported_report(folder) if folder and imported else write_run_report(project, name)
    console().print(str(written / "report.md"), soft_wrap=True)


@app.command("open")
def open_() -> None:
    """Open the report in a web browser. If there is none, print the report's path."""
    page = find_project().report / "index.html"
    if not page.is_file():
        raise MissingInput(f"there is no report at {page}", hint="run `dvc repro report`")
    if not webbrowser.open(page.as_uri()):
        console().print(str(page))
