"""Briefs, references and small probes for the tests of the operators."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from asi_repro.discover.operators.library import seed_program
from asi_repro.discover.types import Brief, Candidate, Metrics
from asi_repro.models.program import load_program

# These tensors are tiny: on a busy machine a second thread only waits.
torch.set_num_threads(1)

METRICS = Metrics(train_loss=5.0, scores={"piqa": 0.5}, benchmark=0.5)

# As an LLM might write it: other names for imports, a helper that is called like one of the library's.
FOREIGN = '''\
from __future__ import annotations
import torch
import torch.nn as nn
import torch.nn.functional as F


def chunked(x, size):
    return x * float(size) / float(size)


class Mean(nn.Module):
    """Running mean."""

    def __init__(self, width):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x):
        count = torch.arange(1, x.shape[1] + 1, device=x.device, dtype=x.dtype)
        return F.silu(self.gain * x.cumsum(1) / count[:, None])


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=1024, num_heads=4, mode="mean", **kwargs):
        super(DeltaNet, self).__init__()
        self.mean = Mean(hidden_size)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, **kwargs):
        return self.mean(chunked(hidden_states, 2)), None, past_key_values
'''


def candidate(program: str, index: int = 1, parent: int | None = None) -> Candidate:
    return Candidate(index, f"m{index}", "a reason", program, parent, 0.5, METRICS)


def brief(*programs: str, seed: int = 3, cycle: int = 9) -> Brief:
    """A brief whose parent is the first program (the seed program without any) and the rest its references."""
    parent, *others = programs or (seed_program(),)
    references = tuple(candidate(text, index) for index, text in enumerate(others, start=2))
    return Brief(cycle, seed, candidate(parent), references, METRICS)


def built(program: str, *, width: int = 16, heads: int = 2) -> nn.Module:
    """The program's mixer in fp64, away from its initial values so that what starts at zero counts."""
    torch.manual_seed(0)
    module = load_program(program).build(width, heads, dtype=torch.float64, seed=1).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return module


def run(module: nn.Module, x: Tensor, mask: Tensor | None = None) -> Tensor:
    with torch.no_grad():
        return module(x, attention_mask=mask)[0]


def leak(module: nn.Module, length: int = 37, width: int = 16) -> float:
    """The largest change before a change of the input, and of another sequence of the batch."""
    torch.manual_seed(1)
    x = torch.randn(2, length, width, dtype=torch.float64)
    before, worst = run(module, x), 0.0
    for at in (0, 15, 16, 31, 32, length - 2):
        other = x.clone()
        other[0, at + 1 :] = torch.randn_like(other[0, at + 1 :])
        after = run(module, other)
        worst = max(worst, float((after[0, : at + 1] - before[0, : at + 1]).abs().max()))
        worst = max(worst, float((after[1] - before[1]).abs().max()))
        # A causal mixer that looks at nothing would pass as well: the future itself must change.
        assert float((after[0, at + 1 :] - before[0, at + 1 :]).abs().max()) > 1e-6
    return worst / float(before.abs().max())
