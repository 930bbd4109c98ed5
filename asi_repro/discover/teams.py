"""Who plays which role: the control arm of operators, and the arm of language models.

The control arm has the same loop, the same lab and the same checks, and no model is asked anything: its
novelty check turns down a known program under other names, and its analysis is a note of facts. It embeds no
text either: how near two motivations are says little where operators write them, and the last digit of a
similarity hangs on the machine, on which no commit may.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from asi_repro.discover.lab.cache import Book, BookedChecker, BookedLab
from asi_repro.discover.lab.checker import SandboxChecker
from asi_repro.discover.novelty.fingerprint import KnownPrograms
from asi_repro.discover.run.folder import LAB, LLM, TIMINGS, DiscoveryRun
from asi_repro.discover.run.lines import append_line, step_seconds
from asi_repro.discover.settings import LabSettings
from asi_repro.discover.types import (
    Analysis,
    Candidate,
    Checker,
    Lab,
    Metrics,
    Proposal,
    Team,
    Verdict,
)
from asi_repro.errors import DataError

if TYPE_CHECKING:
    from asi_repro.discover.lab.nodes import Nodes
    from asi_repro.traces.spans import Trace

LabMode = Literal["live", "replay"]
LlmMode = Literal["live", "record", "replay"]


class OperatorNovelty:
    """The control arm's: turns down a program that is a known one up to names, comments and layout.

    Args:
        known: the programs of the run.
    """

    def __init__(self, known: KnownPrograms) -> None:
        self._known = known

    def check(self, proposal: Proposal, known: Sequence[tuple[int, str]], trace: Trace) -> Verdict:
        """See `discover.types.Novelty`."""
        try:
            same = self._known.duplicate_of(proposal.program, [index for index, _ in known])
        except DataError as error:
            return Verdict(False, error.what)
        if same is not None:
            reason = f"the program is that of experiment {same} up to names and layout"
            return Verdict(False, reason, {"experiment": same})
        reason = "the program is another one; motivations are not judged in this arm"
        return Verdict(True, reason, {"compared": len(known)})


class FactualAnalyst:
    """The control arm's: a note made by rule from the numbers, and it says so."""

    def analyse(
        self,
        proposal: Proposal,
        metrics: Metrics,
        baseline: Metrics,
        parent: Candidate | None,
        siblings: Sequence[Candidate],
        trace: Trace,
    ) -> Analysis:
        """See `discover.types.Analyst`."""
        lines = [
            "This note was made by rule from the numbers; nobody interpreted them.",
            "",
            f"- Operators: {', '.join(proposal.operators) or 'none: the first program'}.",
            f"- Training loss {_change(metrics.train_loss, baseline.train_loss)} against the baseline.",
            f"- Benchmark mean {_change(metrics.benchmark, baseline.benchmark)} against the baseline.",
            f"- Parameters {_change(metrics.parameters, baseline.parameters)} against the baseline.",
        ]
        if parent is not None:
            lines += [
                f"- Parent: experiment {parent.index}. "
                f"Training loss {_change(metrics.train_loss, parent.metrics.train_loss)}, "
                f"benchmark mean {_change(metrics.benchmark, parent.metrics.benchmark)} against it.",
                f"- Siblings known: {len(siblings)}; with a lower training loss: "
                f"{sum(s.metrics.train_loss < metrics.train_loss for s in siblings)}.",
            ]
        lines += ["", "| task | score | baseline |", "|---|---|---|"]
        lines += [
            f"| {task} | {score:.4f} | {baseline.scores[task]:.4f} |"
            for task, score in sorted(metrics.scores.items())
        ]
        return Analysis("\n".join(lines) + "\n", _worse(metrics, baseline))


def _change(value: float, reference: float) -> str:
    return f"{value:.6g} ({(value - reference) / reference:+.2%})"


def _worse(metrics: Metrics, baseline: Metrics) -> tuple[str, ...]:
    found = ["training loss above the baseline"] if metrics.train_loss > baseline.train_loss else []
    found += [
        f"{task} below the baseline"
        for task, score in sorted(metrics.scores.items())
        if score < baseline.scores[task]
    ]
    return tuple(found)


def build_team(
    run: DiscoveryRun,
    root: Path,
    *,
    lab: LabMode = "live",
    llm: LlmMode = "record",
    nodes: Nodes | None = None,
) -> Team:
    """The team of a run's arm.

    Args:
        root: of the project.
        lab: live trains what the run's book does not have; replay never trains.
        llm: how models are asked, for the arm that has any.
        nodes: who trains and checks what the book does not have; this machine where None.

    Raises:
        MissingInput: where corpus or benchmarks are not there and the lab is live.
    """
    book = Book(run.folder / LAB)
    rows = run.discover.must_pass
    live_checker: Checker | None = None
    if lab == "live":
        live_checker = nodes.checker(run, rows) if nodes else SandboxChecker(rows)
    checker = BookedChecker(book, rows, live_checker, _made_with(run, lab))
    booked = build_lab(run, root, run.discover.exploration, run.settings.exploration, lab, nodes)
    if run.discover.arm == "operators":
        from asi_repro.discover.operators import OperatorResearcher
        from asi_repro.discover.roles.team import programs_of

        return Team(
            researcher=OperatorResearcher(run.discover.operators),
            novelty=OperatorNovelty(KnownPrograms(programs_of(run.store))),
            checker=checker,
            analyst=FactualAnalyst(),
            lab=booked,
        )
    return _llm_team(run, root, checker, booked, llm)


def build_lab(
    run: DiscoveryRun,
    root: Path,
    settings: LabSettings,
    stage: dict[str, object],
    lab: LabMode,
    nodes: Nodes | None = None,
) -> Lab:
    """The lab of one stage, with the run's book in front of it."""
    book = Book(run.folder / LAB)
    live: Lab | None = None
    if lab == "live" and nodes is not None:
        live = nodes.lab(run, settings, stage)
    elif lab == "live":
        from asi_repro.discover.lab.live import LiveLab
        from asi_repro.sweep.workspace import open_workspace

        live = LiveLab(
            open_workspace(root, scale=settings.scale),
            settings,
            run.folder / ".training",
            peers=lambda: step_seconds(run.folder / TIMINGS, settings.scale),
            timed=lambda times: append_line(run.folder / TIMINGS, times),
        )
    return BookedLab(book, stage, live, _made_with(run, lab))


def _made_with(run: DiscoveryRun, lab: LabMode) -> dict[str, object]:
    """What makes results now, which a run that is gone on with was perhaps not begun with."""
    from asi_repro.discover.lab.live import made_with

    return made_with() if lab == "live" else run.settings.made_with


def first_program() -> Proposal:
    """Experiment 1: plain DeltaNet, which everything is compared with."""
    from asi_repro.discover.operators import seed_program

    return Proposal(
        "delta_net",
        "The baseline: DeltaNet as it is. Every other experiment is compared with it.",
        seed_program(),
    )


def _llm_team(run: DiscoveryRun, root: Path, checker: Checker, lab: Lab, mode: LlmMode) -> Team:
    from asi_repro.discover import roles
    from asi_repro.llm import client
    from asi_repro.llm.settings import LlmSettings

    settings = LlmSettings.model_validate(run.settings.llm)
    asked = client.LLM(settings, mode=mode, records=run.folder / LLM)
    team: Team = roles.build(run=run, root=root, llm=asked, checker=checker, lab=lab)
    return team
