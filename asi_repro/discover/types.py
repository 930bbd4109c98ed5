"""What the roles of the discovery loop take and give (paper, section 3). No torch here.

All values are frozen and hold plain data, so that a step's result can be journalled as JSON and read back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Protocol

from pydantic import ConfigDict, Field

from asi_repro.errors import AsiReproError
from asi_repro.traces.spans import Trace

# How `records` reads them back: no unknown field, no value of another type.
_READ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Metrics:
    """What training and evaluating one program gave.

    Attributes:
        train_loss: mean loss of the last tenth of the steps, nats per token.
        scores: accuracy (0 to 1) by task, on the metric that the paper's Table 1 shows.
        benchmark: the mean of `scores`.
        curve: (optimizer step from 1, loss in nats per token), as recorded.
        parameters: of the whole language model.
        tokens: trained on.
        flops: of the training, forward and backward.
        seconds: wall time. It differs from run to run, so `to_json` leaves it out.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _READ

    train_loss: float
    scores: Mapping[str, float]
    benchmark: float
    curve: tuple[tuple[int, float], ...] = ()
    parameters: int = 0
    tokens: int = 0
    flops: int = 0
    seconds: Annotated[float, Field(exclude=True)] = 0.0


@dataclass(frozen=True)
class Candidate:
    """A finished experiment as a parent or a reference.

    Attributes:
        index: of the experiment.
        name: of its main idea, as the Researcher gave it.
        motivation: why it was proposed.
        program: Python source whose main class is `DeltaNet`.
        parent: index of its parent, None for a root.
        fitness: in 0 to 1 (paper, equation 2).
        metrics: of its training and evaluation.
        analysis: the Analyst's text, None where there is none.
        depth: in the tree; 0 for a root.
    """

    index: int
    name: str
    motivation: str
    program: str
    parent: int | None
    fitness: float
    metrics: Metrics
    analysis: str | None = None
    depth: int = 0


@dataclass(frozen=True)
class Brief:
    """What the Researcher is asked to build on.

    Attributes:
        cycle: index of the experiment to be.
        seed: of every random draw of this experiment.
        parent: drawn from the top of the pool.
        references: drawn from the ranks below; may be fewer than four in a young pool.
        baseline: metrics of the first program (plain DeltaNet) of this run.
    """

    cycle: int
    seed: int
    parent: Candidate
    references: tuple[Candidate, ...]
    baseline: Metrics


@dataclass(frozen=True)
class Proposal:
    """A program with its reason.

    Attributes:
        name: short, letters, digits, dots, dashes and underscores.
        motivation: why it should be better.
        program: Python source.
        operators: what made it, in order; empty for an LLM's.
        cognition: ids of the cognition entries drawn on.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _READ

    name: str
    motivation: str
    program: str
    operators: tuple[str, ...] = ()
    cognition: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """Whether a proposal may go on.

    Attributes:
        accepted: it may.
        reason: one sentence that the Researcher can act on.
        evidence: JSON values: what was measured.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _READ

    accepted: bool
    reason: str
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Judgement:
    """The Judge's opinion, in 0 to 1.

    Attributes:
        score: the mean over the samples of the weighted parts.
        parts: innovation, complexity, correctness, convergence; each in 0 to 1.
        samples: the score of each time it was asked.
        spread: standard deviation of `samples`, 0.0 for one.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _READ

    score: float
    parts: Mapping[str, float]
    samples: tuple[float, ...] = ()
    spread: float = 0.0


@dataclass(frozen=True)
class Analysis:
    """What the Analyst makes of the results.

    Attributes:
        text: Markdown.
        shortcomings: one sentence each; they query the cognition base.
        cognition: ids of the entries retrieved, for the next generation.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _READ

    text: str
    shortcomings: tuple[str, ...] = ()
    cognition: tuple[str, ...] = ()


class LabFailure(AsiReproError):
    """A program that was refused, crashed, or took more than it may while it trained or was scored.

    Attributes:
        log: the end of its error output, for the Engineer.
        reason: one word: refused, program_error, timeout, memory, nan, slow and the like.
    """

    def __init__(self, log: str, *, reason: str = "program_error") -> None:
        super().__init__(f"the program failed in training or evaluation ({reason})", where=log[-300:] or None)
        self.log = log
        self.reason = reason


class LeakSuspected(AsiReproError):
    """A loss too good to be true, in training (guards) or at its end (paper, equation 2's bound).

    Attributes:
        detail: one sentence with the numbers.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(f"discarded as a leak: {detail}")
        self.detail = detail


class RoleFailure(AsiReproError):
    """A model's role gave nothing that can be used, also when asked again: its experiment ends there."""


class Researcher(Protocol):
    """Proposes a motivation and a program in one go."""

    def propose(self, brief: Brief, rejections: Sequence[Verdict], trace: Trace) -> Proposal:
        """A proposal; `rejections` are the verdicts on this experiment's earlier ones, oldest first."""


class Novelty(Protocol):
    """Says whether an idea was there before."""

    def check(self, proposal: Proposal, known: Sequence[tuple[int, str]], trace: Trace) -> Verdict:
        """The verdict; `known` has (index, motivation) of the experiments to compare with."""


class Checker(Protocol):
    """Static and dynamic checks, then (with an LLM) a reading."""

    def check(self, proposal: Proposal, trace: Trace) -> Verdict:
        """The verdict; the reason names the check that failed."""


class Engineer(Protocol):
    """Repairs a program that failed."""

    def repair(self, proposal: Proposal, log: str, trace: Trace) -> Proposal | None:
        """The proposal with another program, or None where it cannot."""


class Judge(Protocol):
    """Scores what numbers do not show."""

    def judge(self, proposal: Proposal, metrics: Metrics, baseline: Metrics, trace: Trace) -> Judgement:
        """The judgement."""


class Analyst(Protocol):
    """Explains the results."""

    def analyse(
        self,
        proposal: Proposal,
        metrics: Metrics,
        baseline: Metrics,
        parent: Candidate | None,
        siblings: Sequence[Candidate],
        trace: Trace,
    ) -> Analysis:
        """The analysis; the parent is None for the root, siblings share it."""


class Lab(Protocol):
    """Trains a program in the sandbox under guards, then evaluates it."""

    def run(self, program: str, seed: int, trace: Trace, *, baseline: Metrics | None = None) -> Metrics:
        """The metrics.

        Args:
            seed: of the training.
            baseline: of the first program, whose curve the leak guard compares with; None for itself.

        Raises:
            LabFailure: where the program fails; its log goes to the Engineer.
            LeakSuspected: where the loss is too good to be true.
        """


@dataclass(frozen=True)
class Team:
    """One arm: who plays which role.

    Attributes:
        novelty, analyst, judge, engineer: None where the arm has none, or where it is switched off; without a
            judge the fitness has no such component, which is recorded.
    """

    researcher: Researcher
    checker: Checker
    lab: Lab
    novelty: Novelty | None = None
    analyst: Analyst | None = None
    judge: Judge | None = None
    engineer: Engineer | None = None
