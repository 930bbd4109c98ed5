"""What running the released programs showed: counts per check, who fails, and the matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from asi_repro.report.figures.certificates import decisive_rows, matrix
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Paragraph, Table
from asi_repro.verify.catalogue import CHECKS
from asi_repro.verify.certificate import Certificate, current_certificates
from asi_repro.verify.results import VERDICTS

_NAMED = 12


def blocks(inputs: Inputs) -> tuple[Block, ...] | None:
    """The section, or None where no certificate is there."""
    programs = list(inputs.archive.programs())
    certificates = list(current_certificates(inputs.project.certificates, programs).values())
    if not certificates:
        return None
    return _lead(certificates, len(programs)), _counts(certificates), matrix(inputs, certificates)


def _lead(certificates: Sequence[Certificate], programs: int) -> Paragraph:
    tiers = sorted({c.environment.get("sandbox", "unknown") for c in certificates})
    torch = sorted({c.environment.get("torch", "unknown") for c in certificates})
    widths = Counter(str(c.probe.get("hidden_size", "unknown")) for c in certificates)
    return Paragraph(
        f"{len(certificates)} of {programs} released programs were run, each in a sandbox "
        f"({', '.join(tiers)}), on a CPU with torch {', '.join(torch)}, at small widths "
        f"({', '.join(f'{width}: {count} programs' for width, count in sorted(widths.items()))}), with this "
        "project's torch versions of the fla modules. A pass says that the check found nothing at that size; "
        "it is no statement about how an architecture was trained. Nothing here was trained."
    )


def _counts(certificates: Sequence[Certificate]) -> Table:
    held = set(decisive_rows(certificates))
    table = []
    for check in CHECKS:
        for name in (name for name in check.rows if name in held):
            verdicts = Counter(c.row(name).verdict for c in certificates)
            failing = [c for c in certificates if c.row(name).verdict == "fail"]
            table.append((check.title, name, *(str(verdicts[v]) for v in VERDICTS), _names(failing)))
    return Table(
        caption=f"Checks with a threshold, over {len(certificates)} architectures.",
        header=("question", "check", *VERDICTS, "who fails"),
        rows=tuple(table),
        numeric=(2, 3, 4),
    )


def _names(certificates: Sequence[Certificate]) -> str:
    shown = [f"{c.display_name or c.name} ({c.index})" for c in certificates[:_NAMED]]
    rest = len(certificates) - _NAMED
    return ", ".join(shown) + (f", and {rest} more" if rest > 0 else "")
