"""The section `discover` of params.yaml: the discovery loop.

The paper's values are the defaults of the pool (section 3.2 and 4.1). What the paper does not state says so.
"""

from __future__ import annotations

from typing import Literal, Optional

from pydantic import Field, model_validator

from asi_repro.config.base import Settings
from asi_repro.config.evaluate import DEFAULT_TASKS, AccuracyTask
from asi_repro.config.operators import OperatorSettings
from asi_repro.config.roles import RolesSettings
from asi_repro.config.train import ScaleName

Arm = Literal["operators", "llm"]
Component = Literal["loss", "benchmark", "judge"]
ParentPolicy = Literal["pool", "greedy", "ucb1", "islands", "random"]
Part = Literal["analyst", "judge", "cognition", "novelty", "references", "repairs"]
# Parts that the control arm has: its analyst and its novelty check are rules.
CONTROL_PARTS: frozenset[Part] = frozenset({"analyst", "novelty", "references"})


class PoolSettings(Settings):
    """Which finished experiments parents and references come from."""

    policy: ParentPolicy = Field(
        default="pool",
        description="How the parent is chosen. pool: the paper's, from the first ranks; greedy: the best; "
        "ucb1: the highest upper confidence bound of its and its children's fitness; islands: from the "
        "elites of one of several islands, a MAP-Elites grid each; random: from all finished experiments.",
    )
    ucb_factor: float = Field(
        default=0.1, ge=0, description="Weight of the confidence radius under ucb1; fitness is in 0 to 1."
    )
    islands: int = Field(default=4, ge=1, description="Islands under the policy islands.")
    capacity: int = Field(default=50, ge=1, description="Candidates kept, the best by fitness.")
    parents: int = Field(default=10, ge=1, description="The parent is drawn from the first so many ranks.")
    references: int = Field(default=4, ge=0, description="References drawn from the ranks below.")
    cold_start: int = Field(
        default=200, ge=1, description="First experiments, which all build on the first program."
    )
    refresh: int = Field(
        default=50, ge=1, description="Experiments between two updates; a batch is sampled from one state."
    )


class FitnessSettings(Settings):
    """Equation 2. The steepness is not stated in the paper."""

    components: Optional[list[Component]] = Field(
        default=None,
        min_length=1,
        description="What the mean is over; null takes the arm's: loss, benchmark and judge, and without the "
        "judge for the arm operators, which has none.",
    )
    steepness: float = Field(
        default=40.0, gt=0, description="Factor on relative differences inside the sigmoid. Not stated."
    )
    clamp: float = Field(
        default=0.1, gt=0, lt=1, description="Differences are cut at this share of the baseline."
    )
    leak_margin: float = Field(
        default=0.1, gt=0, lt=1, description="A loss lower than the baseline by more is discarded as a leak."
    )


class LabSettings(Settings):
    """How the programs of one stage are trained and scored; the rest is `train` and `evaluate`'s."""

    scale: ScaleName = Field(default="smoke", description="Size of the models.")
    steps: Optional[int] = Field(
        default=None, ge=10, description="Optimizer steps; null takes the recipe's. Warm-up and decay follow."
    )
    seed: int = Field(default=0, ge=0, description="Of initial parameters and order of the text.")
    tasks: list[AccuracyTask] = Field(
        default_factory=lambda: list(DEFAULT_TASKS), min_length=1, description="Benchmarks, by name."
    )
    limit: Optional[int] = Field(default=50, ge=1, description="Items a task, from the first; null for all.")
    max_minutes: float = Field(default=60.0, gt=0, description="A training that takes longer is stopped.")


class ScaleSettings(Settings):
    """What `asi-repro discover --scale` takes in place of the loop's own settings; None takes those."""

    experiments: Optional[int] = Field(
        default=None, ge=1, description="Experiments, the first program included."
    )
    pool: Optional[PoolSettings] = Field(default=None, description="See discover.pool.")
    fitness: Optional[FitnessSettings] = Field(default=None, description="See discover.fitness.")
    exploration: LabSettings = Field(description="The first stage at this scale.")
    promote: Optional[int] = Field(default=None, ge=0, description="See discover.promote.")
    verification: LabSettings = Field(description="The second stage at this scale.")


class DiscoverSettings(Settings):
    """The loop."""

    arm: Arm = Field(default="operators", description="operators: the control arm, no LLM; llm: the paper's.")
    experiments: int = Field(
        default=12, ge=1, description="Experiments, the first program included, which is experiment 1."
    )
    proposals: int = Field(
        default=4, ge=1, description="Tries an experiment has to pass the novelty check and the checks."
    )
    repairs: int = Field(default=2, ge=0, description="Tries the Engineer has on a failed training.")
    window: int = Field(
        default=8,
        ge=1,
        description="Experiment n knows of those up to n - window when it looks for repeats: so many can run "
        "at a time without their timing having a say.",
    )
    must_pass: list[str] = Field(
        default_factory=lambda: [
            "runs_fp32",
            "finite_fp32",
            "causality_perturbation",
            "causality_jacobian",
            "batch_independence",
            "flops_exponent",
            "elements_exponent",
        ],
        description="Rows of the certificate that reject a proposal where they fail or cannot be made.",
    )
    without: list[Part] = Field(
        default_factory=list,
        description="Parts of the loop that are switched off, to measure what each contributes: analyst, "
        "judge, cognition, novelty, references, repairs. The control arm has no judge, cognition or repairs.",
    )
    pool: PoolSettings = Field(default_factory=lambda: PoolSettings(cold_start=6, refresh=6))
    fitness: FitnessSettings = Field(default_factory=FitnessSettings)
    exploration: LabSettings = Field(default_factory=LabSettings, description="The first stage.")
    promote: Optional[int] = Field(
        default=3,
        ge=0,
        description="How many of those that beat the baseline in both metrics are verified, the best by "
        "fitness first; null for all, 0 for none.",
    )
    verification: LabSettings = Field(
        default_factory=lambda: LabSettings(steps=48, seed=1, limit=100),
        description="The second stage: larger or longer, another seed.",
    )

    operators: OperatorSettings = Field(
        default_factory=OperatorSettings, description="The control arm's operators."
    )
    roles: RolesSettings = Field(default_factory=RolesSettings, description="The roles of the arm llm.")
    # A run keeps what it was begun with, not what it might have been.
    scales: dict[ScaleName, ScaleSettings] = Field(
        default_factory=dict, exclude=True, description="Settings of `asi-repro discover --scale NAME`."
    )

    @model_validator(mode="after")
    def _fits(self) -> DiscoverSettings:
        if self.arm == "operators" and "judge" in (self.fitness.components or []):
            raise ValueError("fitness.components has judge, and the arm operators has no judge")
        if "judge" in self.without and "judge" in (self.fitness.components or []):
            raise ValueError("fitness.components has judge, and without switches the judge off")
        if self.arm == "operators" and (absent := sorted(set(self.without) - CONTROL_PARTS)):
            raise ValueError(f"without names {absent[0]}, which the arm operators does not have")
        return self

    @property
    def components(self) -> tuple[Component, ...]:
        """What the fitness is the mean of."""
        if self.fitness.components is not None:
            return tuple(self.fitness.components)
        has_judge = self.arm == "llm" and "judge" not in self.without
        return ("loss", "benchmark", "judge") if has_judge else ("loss", "benchmark")
