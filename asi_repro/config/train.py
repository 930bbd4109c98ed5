"""The section `train` of params.yaml: how models are trained, with the paper's values as defaults.

The paper states AdamW at 3e-4 with epsilon 1e-8, 256 sequences of 2,048 tokens, 2,000 steps of
which 1,000 warm up, a warmup-stable-decay schedule and bfloat16 (section 4.1 and appendix A.2). It does not
state the decay's length and shape, weight decay, clipping or Adam's betas: those are choices made here.
"""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field, model_validator

from asi_repro.config.base import Settings
from asi_repro.errors import NotFound

ScaleName = Literal["smoke", "laptop", "20m", "340m"]
SCALE_NAMES: tuple[str, ...] = get_args(ScaleName)
Parallel = Literal["ddp", "fsdp"]
SHARDED_SCALES = ("340m",)


class Recipe(Settings):
    """One scale's training."""

    steps: int = Field(default=2000, ge=1, description="Optimizer steps.")
    warmup_steps: int = Field(default=1000, ge=0, description="Steps of linear warm-up.")
    decay_steps: int = Field(
        default=200, ge=0, description="Last steps, in which the rate decays. Not stated."
    )
    decay: Literal["linear", "cosine", "1-sqrt"] = Field(
        default="linear", description="Shape of the decay. Not stated."
    )
    min_rate_ratio: float = Field(
        default=0.0, ge=0, le=1, description="Rate at both ends, as a share of the highest. Not stated."
    )
    learning_rate: float = Field(default=3e-4, gt=0, description="Highest learning rate.")
    adam_beta1: float = Field(default=0.9, ge=0, lt=1, description="Adam's first moment. Not stated.")
    adam_beta2: float = Field(default=0.95, ge=0, lt=1, description="Adam's second moment. Not stated.")
    adam_epsilon: float = Field(default=1e-8, gt=0, description="Adam's epsilon.")
    weight_decay: float = Field(default=0.1, ge=0, description="Decoupled weight decay. Not stated.")
    max_grad_norm: float = Field(default=1.0, ge=0, description="Clip gradients to this norm; 0 for never.")
    batch: int = Field(default=256, ge=1, description="Sequences a step, over all devices.")
    length: int = Field(default=2048, ge=2, description="Tokens a sequence.")
    micro_batch: int = Field(default=16, ge=1, description="Sequences a device takes at a time.")
    precision: Literal["auto", "fp32", "bf16"] = Field(
        default="auto", description="Numbers in products; auto is bfloat16 on CUDA, float32 on a CPU."
    )
    curve_every: int = Field(
        default=10, ge=1, le=100, description="Steps between points of the loss curve; divides 100."
    )
    checkpoint_every: int = Field(default=200, ge=1, description="Steps between checkpoints.")
    slow_ratio: float = Field(
        default=3.0,
        ge=0,
        description="Stop where a step takes this many times the peers' median; 0: never. Paper: 2 to 3.",
    )
    threads: int = Field(default=1, ge=1, description="CPU threads; the last bits depend on it.")

    @model_validator(mode="after")
    def _fits(self) -> Recipe:
        if self.warmup_steps + self.decay_steps > self.steps:
            raise ValueError("warmup_steps + decay_steps are more than steps")
        if 100 % self.curve_every:
            raise ValueError("curve_every does not divide 100: the release's own steps would be missing")
        if self.batch % self.micro_batch:
            raise ValueError("batch is not a multiple of micro_batch")
        return self

    @property
    def tokens_per_step(self) -> int:
        """Tokens of one optimizer step."""
        return self.batch * self.length

    @property
    def tokens(self) -> int:
        """Tokens of the whole training."""
        return self.steps * self.tokens_per_step

    def recorded(self, step: int) -> bool:
        """Whether the curve has a point at a step: the release's own 1, 100, 200, …, more, and the last."""
        return step in (1, self.steps) or step % self.curve_every == 0


def _smoke() -> Recipe:
    # 50,257 output columns decide the cost at this width: 12,000 tokens take about 12 s of one core.
    return Recipe(
        steps=24,
        warmup_steps=5,
        decay_steps=10,
        learning_rate=5e-3,
        batch=4,
        length=128,
        micro_batch=4,
        slow_ratio=10.0,  # what is slow on a CPU need not be on a GPU
        curve_every=1,
        checkpoint_every=12,
    )


def _laptop() -> Recipe:
    # 614,400 bytes of text. The rate and the scale's initialisation are the best of a recorded sweep on
    # baselines alone: scripts/choose_recipe.py, artifacts/sweeps/laptop/recipe.json.
    return Recipe(
        steps=300,
        warmup_steps=30,
        decay_steps=90,
        learning_rate=1e-2,
        batch=8,
        length=256,
        micro_batch=8,
        slow_ratio=10.0,
        checkpoint_every=100,
    )


class Guards(Settings):
    """When a training is stopped (the paper watches losses and bounds run time)."""

    leak_ratio: float = Field(
        default=0.5,
        ge=0,
        lt=1,
        description="Stop where the loss falls below this share of DeltaNet's at the same step: the sign of "
        "a model that sees the tokens it is to foretell. 0 for never.",
    )
    leak_after: float = Field(
        default=0.1, ge=0, le=1, description="Share of the steps before which the leak guard does not look."
    )
    max_hours: float = Field(default=24.0, gt=0, description="Stop after this long whatever the peers took.")


class TrainSettings(Settings):
    """Settings of training."""

    scale: ScaleName = Field(default="smoke", description="Size of the models.")
    seeds: int = Field(default=1, ge=1, description="Trainings of each model, from seeds 0, 1, ….")
    auxiliary_loss_weight: float = Field(
        default=0.0,
        ge=0,
        description="Factor on the scalar second outputs of programs, added to the loss. The release does "
        "not say whether its training added them.",
    )
    dtype_policy: Literal["map", "as_written"] = Field(
        default="map", description="What becomes of a program's casts to 16 bit where the weights are wider."
    )
    parallel: Literal["auto", "ddp", "fsdp"] = Field(
        default="auto",
        description="How several processes share one training: ddp divides the batch, fsdp the model too; "
        "auto is fsdp for 340m, else ddp.",
    )
    guards: Guards = Field(default_factory=Guards)
    recipes: dict[str, Recipe] = Field(
        default_factory=lambda: {
            "smoke": _smoke(),
            "laptop": _laptop(),
            "20m": Recipe(),
            "340m": Recipe(micro_batch=8),
        },
        description="The recipe of each scale.",
    )

    @model_validator(mode="after")
    def _all_scales(self) -> TrainSettings:
        if set(self.recipes) != set(SCALE_NAMES):
            raise ValueError(f"recipes must be for {', '.join(SCALE_NAMES)}, found {', '.join(self.recipes)}")
        return self

    def recipe(self, scale: str) -> Recipe:
        """The recipe of a scale.

        Raises:
            NotFound: for an unknown scale.
        """
        if scale not in self.recipes:
            raise NotFound(f"unknown scale {scale!r}", hint=f"use one of: {', '.join(SCALE_NAMES)}")
        return self.recipes[scale]

    def parallel_of(self, scale: str) -> Parallel:
        """What several processes on a training of a scale divide."""
        if self.parallel != "auto":
            return self.parallel
        return "fsdp" if scale in SHARDED_SCALES else "ddp"
