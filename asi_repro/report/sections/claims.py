"""The claims, by paper and theme: the tables that head the report."""

from __future__ import annotations

from asi_repro.claims.finding import Verdict
from asi_repro.claims.ledger import Entry
from asi_repro.claims.page import by_theme
from asi_repro.claims.texts import THEMES
from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Paragraph, Table


def verdict_counts(claims: list[Entry]) -> dict[str, int]:
    """Claims by verdict, the known verdicts first even where none has them."""
    counts = dict.fromkeys((verdict.value for verdict in Verdict), 0)
    for claim in claims:
        counts[claim.verdict] = counts.get(claim.verdict, 0) + 1
    return counts


def blocks(inputs: Inputs) -> tuple[Block, ...]:
    """How to read the tables, and one for every theme of every paper."""
    found: list[Block] = [
        Paragraph(
            "Each verdict is computed from the released files and from the papers' printed tables. "
            "A sentence that can be read strictly or leniently is tested under both readings: "
            "“reproduced” means that it holds under every reading, “contradicted” that it holds under none, "
            "“undecided” that the data cannot tell or that the readings differ. "
            "`asi-repro claims ID` shows one in depth: how it was checked, and the rows that show it."
        )
    ]
    for paper in inputs.ledger.papers:
        for theme, claims in by_theme(inputs.ledger.of_paper(paper.id)).items():
            found.append(
                Table(
                    caption=f"{paper.name}: {THEMES.get(theme, theme).lower()}.",
                    header=("claim", "verdict", "what was found", "claimed", "in words"),
                    rows=tuple((c.id, c.verdict, c.effect, c.claimed, c.found) for c in claims),
                    badges=1,
                    link=0,
                    evidence=True,
                    details=tuple(detail(claim) for claim in claims),
                )
            )
    return tuple(found)


def detail(claim: Entry) -> str:
    """The claim as the paper makes it, the method, what decides, and what the data could show."""
    return " — ".join((f"{claim.statement} ({claim.where})", claim.method, claim.criterion, claim.power))
