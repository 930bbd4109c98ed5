"""Where every number comes from, and the commands that make the report."""

from __future__ import annotations

from pathlib import PurePosixPath

from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Paragraph, Table

SEPARATE = 3  # a folder with more files than this is one row


def blocks(inputs: Inputs) -> tuple[Block, ...]:
    """Commands, then the files the archive was made from."""
    rows = inputs.archive.table("sources").to_pylist()
    folders: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        folders.setdefault(str(PurePosixPath(row["file"]).parent), []).append(row)
    cells: list[tuple[str, ...]] = []
    for folder, files in folders.items():
        if len(files) > SEPARATE:
            sizes, records = (sum(int(str(f[key])) for f in files) for key in ("bytes", "records"))
            cells.append((f"{folder}/ ({len(files)} files)", f"{records:,}", f"{sizes:,}", "one a file"))
        else:
            cells += [
                (str(f["file"]), f"{f['records']:,}", f"{f['bytes']:,}", str(f["sha256"])) for f in files
            ]
    return (
        Paragraph(
            f"Released data: {inputs.commit}. Printed data: tables and figures of arXiv 2507.18074. "
            "`asi-repro pull` fetches the released files and checks their SHA-256, `dvc repro report` makes "
            "the archive, the claims ledger and this report from them; the same inputs give the same bytes. "
            "The numbers behind each figure stand in plots/, as CSV."
        ),
        Table(
            caption="Files the archive was made from.",
            header=("file", "records", "bytes", "SHA-256"),
            rows=tuple(cells),
            numeric=(1, 2),
        ),
    )
