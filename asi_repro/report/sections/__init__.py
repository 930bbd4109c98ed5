"""The report's sections, in order.

To add one: write `sections/NAME.py` with a function that takes the `Inputs` and returns a tuple of
blocks (`Paragraph`, `Table`, `Drawing`), or None where its data is not there, and add its line below.
Where it returns None the page says that it was not run, with `absent`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from asi_repro.report.inputs import Inputs
from asi_repro.report.model import Block, Section
from asi_repro.report.sections import (
    certificates,
    claims,
    discovery,
    facts,
    probes,
    recorded_sweep,
    released,
    sources,
    speed,
    summary,
    training,
)

Blocks = tuple[Block, ...]


@dataclass(frozen=True)
class Entry:
    """A section's place in the report.

    Attributes:
        build: its blocks, or None where its data is not there.
        absent: what to say then, and what makes it.
    """

    id: str
    title: str
    build: Callable[[Inputs], Blocks | None]
    absent: str

    def section(self, inputs: Inputs) -> Section:
        blocks = self.build(inputs)
        return Section(self.id, self.title, blocks or (), absent=None if blocks else self.absent)


SECTIONS: tuple[Entry, ...] = (
    Entry("summary", "Summary", summary.blocks, "Not run: `dvc repro claims` makes the ledger."),
    Entry("claims", "The paper's claims", claims.blocks, "Not run: `dvc repro claims` makes the ledger."),
    Entry("facts", "What nobody asked", facts.blocks, "Not run: `dvc repro facts` answers the questions."),
    Entry("scaling", "The scaling law", released.scaling, "Not shown: Figure 1 has no points."),
    Entry(
        "discovery",
        "A search of our own beside it",
        discovery.blocks,
        "Not run: `dvc repro discover` replays the recorded run of the control arm.",
    ),
    Entry("search", "The search", released.search, "Not shown: the archive has no scores."),
    Entry("gallery", "The gallery", released.gallery, "Not shown: the archive has no gallery."),
    Entry(
        "certificates",
        "The programs, run",
        certificates.blocks,
        "Not run: `dvc repro verify` runs the released programs and certifies each.",
    ),
    Entry("scales", "From the small scale to the large", released.scales, "Not shown: Table 2 has no rows."),
    Entry(
        "training",
        "Models trained here",
        training.training,
        "Not run: `dvc repro results` trains the selected models and compares them.",
    ),
    Entry(
        "evaluation",
        "Benchmarks of these models",
        training.evaluation,
        "Not run: `dvc repro results` evaluates the selected models on the benchmarks.",
    ),
    Entry(
        "sweep",
        "All of the gallery, trained at a small scale",
        training.sweep,
        "Not run: `asi-repro select --gallery`, `asi-repro sweep`, then `asi-repro results --record`.",
    ),
    Entry(
        "recorded-sweep",
        "All of the gallery on a laptop, and how much that means",
        recorded_sweep.blocks,
        "Not run: `asi-repro sweep --scale laptop` records it.",
    ),
    Entry(
        "probes",
        "What these models can learn",
        probes.blocks,
        "Not run: `asi-repro probes`, then `dvc repro probes`.",
    ),
    Entry(
        "speed",
        "Speed against length",
        speed.blocks,
        "Not run: `python benchmarks/bench_train.py --lengths --save` measures it.",
    ),
    Entry("sources", "Sources, and how to make this again", sources.blocks, "Not shown: no sources."),
)

# What is not done as long as no section of that id is there; the head of the report says it.
NOT_DONE: dict[str, str] = {
    "certificates": "no released program was run",
    "training": "nothing was trained",
    "evaluation": "no benchmark was run",
    "paper's loop": "the paper's discovery loop, with its language models, was not rerun",
}


def build_sections(inputs: Inputs) -> list[Section]:
    """Every section; those without data say so."""
    return [entry.section(inputs) for entry in SECTIONS]


def not_done(sections: list[Section]) -> list[str]:
    """What this report does not rest on."""
    present = {section.id for section in sections if section.absent is None}
    return [said for name, said in NOT_DONE.items() if name not in present]
