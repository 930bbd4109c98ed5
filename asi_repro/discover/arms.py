"""Who plays which role: the control arm of operators, and the arm of language models.

The control arm has the same loop, the same lab and the same checks, and no model is asked anything: its
novelty check turns down a known program under other names, and its analysis is a note of facts. It embeds no
text either: how near two motivations are says little where operators write them, and the last digit of a
similarity hangs on the machine, on which no commit may.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from asi_repro.config.discover import LabSettings, Part
from asi_repro.config.llm import LlmSettings
from asi_repro.config.params import load_params
from asi_repro.discover.lab.cache import CachedChecker, CachedLab, ResultCache
from asi_repro.discover.lab.live import LiveLabs
from asi_repro.discover.novelty.fingerprint import KnownPrograms
from asi_repro.discover.operators.library import seed_program
from asi_repro.discover.operators.researcher import OperatorResearcher
from asi_repro.discover.roles.team import build_run_team, programs_of
from asi_repro.discover.run.folder import LAB, LLM, DiscoveryRun
from asi_repro.discover.types import Analysis, Candidate, Lab, Metrics, Proposal, Team, Verdict
from asi_repro.errors import DataError
from asi_repro.llm import client
from asi_repro.traces.spans import Trace

LlmMode = Literal["live", "record", "replay"]
Stage = Literal["exploration", "verification"]


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
        # By hand: it stands in commits that every reproduction must come to, byte for byte.
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


def build_team(run: DiscoveryRun, root: Path, labs: LiveLabs | None, llm: LlmMode = "record") -> Team:
    """The team of a run's arm.

    Args:
        root: of the project.
        labs: who trains and checks what the run's cache does not have; None where a run is reproduced from
            its record.
        llm: how models are asked, for the arm that has any.

    Raises:
        MissingInput: where corpus or benchmarks are not there and the lab is live.
    """
    rows = run.discover.must_pass
    checker = CachedChecker(_cache(run, labs), rows, labs.checker(rows) if labs else None)
    lab = stage_lab(run, labs, "exploration")
    if run.discover.arm == "operators":
        team = Team(
            researcher=OperatorResearcher(run.discover.operators),
            novelty=OperatorNovelty(KnownPrograms(programs_of(run.store))),
            checker=checker,
            analyst=FactualAnalyst(),
            lab=lab,
        )
        return without_parts(team, run.discover.without)
    settings = LlmSettings.model_validate(run.settings.llm)
    # Where the model is served is no setting of the run: it may have moved since.
    base_url = None if llm == "replay" else load_params(root).llm.base_url
    asked = client.LLM(settings, mode=llm, records=run.folder / LLM, base_url=base_url)
    return without_parts(build_run_team(run, root, asked, checker, lab), run.discover.without)


def without_parts(team: Team, parts: Iterable[Part]) -> Team:
    """A team without the roles that are switched off; references and the cognition base are no roles."""
    roles = {"analyst": "analyst", "judge": "judge", "novelty": "novelty", "repairs": "engineer"}
    absent: dict[str, Any] = {roles[part]: None for part in parts if part in roles}
    return replace(team, **absent)


def stage_lab(run: DiscoveryRun, labs: LiveLabs | None, stage: Stage) -> Lab:
    """The lab of a stage, with the run's cache in front of it."""
    settings: LabSettings = getattr(run.discover, stage)
    identity: dict[str, Any] = getattr(run.settings, stage)
    return CachedLab(_cache(run, labs), identity, labs.lab(settings, identity) if labs else None)


def _cache(run: DiscoveryRun, labs: LiveLabs | None) -> ResultCache:
    return ResultCache(run.folder / LAB, labs.made_with if labs else None)


def first_program() -> Proposal:
    """Experiment 1: plain DeltaNet, which everything is compared with."""
    return Proposal(
        "delta_net",
        "The baseline: DeltaNet as it is. Every other experiment is compared with it.",
        seed_program(),
    )
