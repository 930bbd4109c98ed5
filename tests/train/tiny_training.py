"""What the tests of training share: a tiny size, a short recipe, small programs."""

from __future__ import annotations

from pathlib import Path

from asi_repro.config.train import Guards, Recipe
from asi_repro.data.blocks import Corpus
from asi_repro.models.scales import Scale
from asi_repro.store.files import sha256_bytes
from asi_repro.train.spec import Spec, Subject, baseline, corpus_record

TINY = Scale("tiny", num_layers=1, hidden_size=16, num_heads=2, intermediate_size=32, context=16)
RECIPE = Recipe(
    steps=6,
    warmup_steps=2,
    decay_steps=2,
    learning_rate=1e-2,
    batch=4,
    length=16,
    micro_batch=2,
    curve_every=1,
    checkpoint_every=2,
)

HEAD = """
import torch
from torch import nn


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=1024, num_heads=4, layer_idx=None, **kwargs):
        super().__init__()
        self.proj = nn.Linear(hidden_size, hidden_size)
        self.drop = nn.Dropout(0.2)
"""
PLAIN = (
    HEAD
    + """
    def forward(self, hidden_states, attention_mask=None, past_key_values=None, **kwargs):
        return self.drop(self.proj(hidden_states)), None, past_key_values
"""
)
# A schedule in a plain attribute, a running mean in a buffer that is not saved, and dropout.
STATEFUL = (
    HEAD
    + """
        self.calls = 0
        self.register_buffer("level", torch.zeros(1), persistent=False)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, **kwargs):
        if self.training:
            self.calls += 1
            self.level = 0.9 * self.level + 0.1 * hidden_states.detach().mean()
        out = self.drop(self.proj(hidden_states)) * (1.0 + 0.1 * self.calls) + self.level
        return out, None, past_key_values
"""
)
TURNS_NAN = (
    HEAD
    + """
        self.calls = 0

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, **kwargs):
        self.calls += 1
        out = self.proj(hidden_states)
        return (out * float("nan") if self.calls > 6 else out), None, past_key_values
"""
)
# Reaches the open() function by a way that the static check cannot see through is not needed here: torch writes.
WRITES_OUTSIDE = (
    HEAD
    + """
    def forward(self, hidden_states, attention_mask=None, past_key_values=None, **kwargs):
        torch.save(hidden_states, "PLACE")
        return self.proj(hidden_states), None, past_key_values
"""
)


def program(source: str, slug: str = "0001-made_up") -> Subject:
    """A subject whose program is `source`."""
    return Subject(slug, "Made up", 1, source, sha256_bytes(source.encode()))


def spec_of(corpus: Corpus, subject: Subject | None = None, *, seed: int = 0, **changes: object) -> Spec:
    """A tiny training."""
    return Spec(
        subject=subject or baseline("delta_net"),
        scale=TINY,
        recipe=RECIPE.model_copy(update=changes),
        guards=Guards(),
        seed=seed,
        corpus=corpus_record(corpus),
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Bytes of every file below a folder."""
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }
