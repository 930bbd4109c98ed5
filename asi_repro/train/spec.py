"""What one training is: the model, the recipe, the seed and the text; its key, and its folder.

No torch here. Two trainings of the same key give the same loss curve bit for bit on a CPU of the same kind,
so a result whose key is the one asked for is not made again.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from asi_repro.config.train import Guards, Parallel, Recipe, TrainSettings
from asi_repro.models.scales import Scale, find_scale
from asi_repro.provenance.code import code_sha256, library_versions
from asi_repro.provenance.record import Provenance
from asi_repro.results.layout import slug_of
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import dump_json

if TYPE_CHECKING:
    from asi_repro.archive.reader import Program
    from asi_repro.data.blocks import Corpus

Device = Literal["cpu", "cuda"]
DEVICES: tuple[Device, ...] = ("cpu", "cuda")

# What a training is made by; and what the Trainer and programs use besides what that imports.
_TRAINER, _USED = "asi_repro.train.run", ("accelerate", "einops")
# These change when something is written or stopped, not what it is.
_NOT_IN_KEY = ("checkpoint_every", "slow_ratio")


@dataclass(frozen=True)
class Subject:
    """A model to train: an architecture of a run, or a baseline.

    Attributes:
        slug: the name of its folder and of its stages: a baseline's name, or index and name.
        title: what a person calls it; of an architecture untrusted text.
        index: of the experiment; None for a baseline.
        program: the program's text; None for a baseline.
        program_sha256: of that text.
    """

    slug: str
    title: str
    index: int | None = None
    program: str | None = field(default=None, repr=False)
    program_sha256: str | None = None

    @property
    def baseline(self) -> bool:
        """Whether it is a baseline, whose code is part of this package."""
        return self.program is None


def baseline(name: str) -> Subject:
    """The subject that is a baseline, by its name in `results.layout.BASELINES`."""
    return Subject(slug=name, title=name)


def architecture(program: Program) -> Subject:
    """The subject that is an experiment with a program."""
    return Subject(
        slug=slug_of(program.index, program.name),
        title=program.display_name or program.name,
        index=program.index,
        program=program.source,
        program_sha256=program.sha256,
    )


@dataclass(frozen=True)
class Spec:
    """One training.

    Attributes:
        subject: the model.
        scale: its size.
        recipe: how it is trained.
        guards: when it is stopped.
        seed: of the initial parameters, the order of the text and every draw in the model.
        corpus: what identifies the text (see `corpus_record`).
        auxiliary_loss_weight, dtype_policy: see `TrainSettings`.
        device: where it runs.
        processes: over which its batches are divided (torchrun); those of this process by default.
        parallel: what else is divided over them, see `TrainSettings`.
    """

    subject: Subject
    scale: Scale
    recipe: Recipe
    guards: Guards
    seed: int
    corpus: dict[str, Any] = field(repr=False)
    auxiliary_loss_weight: float = 0.0
    dtype_policy: str = "map"
    device: Device = "cpu"
    processes: int = field(default_factory=lambda: int(os.environ.get("WORLD_SIZE", "1")))
    parallel: Parallel = "ddp"

    @property
    def sharded(self) -> bool:
        """Whether the model itself is divided over processes."""
        return self.processes > 1 and self.parallel == "fsdp"

    @property
    def precision(self) -> str:
        """fp32 or bf16."""
        if self.recipe.precision != "auto":
            return self.recipe.precision
        return "bf16" if self.device == "cuda" else "fp32"

    def identity(self) -> dict[str, Any]:
        """Everything that the loss curve depends on, as JSON has it."""
        recipe = {k: v for k, v in self.recipe.model_dump().items() if k not in _NOT_IN_KEY}
        return {
            "model": self.subject.program_sha256 or self.subject.slug,
            "scale": {name: getattr(self.scale, name) for name in self.scale.__dataclass_fields__},
            "recipe": {**recipe, "precision": self.precision},
            "seed": self.seed,
            "corpus": self.corpus,
            "auxiliary_loss_weight": self.auxiliary_loss_weight,
            "dtype_policy": self.dtype_policy,
            "device": self.device,
            "processes": self.processes,
            **({"parallel": "fsdp"} if self.sharded else {}),
            "machine": platform.machine(),
            "versions": library_versions(_TRAINER, also=_USED),
            "code": code_sha256(_TRAINER),
        }

    @property
    def key(self) -> str:
        """SHA-256 over `identity`."""
        return sha256_bytes(dump_json(self.identity()).encode())

    def provenance(self) -> Provenance:
        """`identity` in the form that every result has beside it."""
        parts = self.identity()
        return Provenance(
            kind="training",
            programs={self.subject.slug: parts.pop("model")},
            data={"corpus": parts.pop("corpus")},
            **{name: parts.pop(name) for name in ("seed", "versions", "code", "machine")},
            settings=parts,
        )

    def message(self) -> dict[str, Any]:
        """What the loop needs, as JSON."""
        return {
            "key": self.key,
            "baseline": self.subject.slug if self.subject.baseline else None,
            "program": self.subject.program,
            "scale": {name: getattr(self.scale, name) for name in self.scale.__dataclass_fields__},
            "recipe": self.recipe.model_dump(),
            "precision": self.precision,
            "seed": self.seed,
            "auxiliary_loss_weight": self.auxiliary_loss_weight,
            "dtype_policy": self.dtype_policy,
            "device": self.device,
        }


def make_spec(
    subject: Subject,
    settings: TrainSettings,
    corpus: Corpus,
    *,
    seed: int = 0,
    scale: str | None = None,
    device: Device = "cpu",
    processes: int | None = None,
) -> Spec:
    """The training of a subject by the settings.

    Args:
        processes: over which it is divided; None for those that this process is one of.

    Raises:
        NotFound: for an unknown scale.
        DataError: where the corpus is too short for one batch.
    """
    name = scale or settings.scale
    recipe = settings.recipe(name)
    corpus.blocks("train", recipe.length, seed=seed).need(recipe.batch)
    return Spec(
        subject=subject,
        scale=find_scale(name),
        recipe=recipe,
        guards=settings.guards,
        seed=seed,
        corpus=corpus_record(corpus),
        auxiliary_loss_weight=settings.auxiliary_loss_weight,
        dtype_policy=settings.dtype_policy,
        device=device,
        parallel=settings.parallel_of(name),
        **({} if processes is None else {"processes": processes}),
    )


def corpus_record(corpus: Corpus) -> dict[str, Any]:
    """What identifies a text: where it is from, and the SHA-256 of the shards of its training split."""
    source = corpus.manifest.source
    return {
        "title": source.title,
        "revision": source.revision,
        "stand_in": source.stand_in,
        "tokenizer": corpus.manifest.tokenizer["fingerprint"],
        "shards": [shard.sha256 for shard in corpus.shards if shard.split == "train"],
        "tokens": corpus.tokens("train"),
    }
