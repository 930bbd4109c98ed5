"""Does a mixer's cache work? Found by trying it, not by asking the program."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from asi_repro.models.determinism import seeded
from asi_repro.models.mixer import MixerSource, mixer_output

PROMPT, STEPS = 70, 6
LIMIT = 1e-4


@dataclass(frozen=True)
class CacheSupport:
    """What the trial found.

    Attributes:
        works: the outputs step by step are those of the whole sequence.
        largest_difference: relative to the largest output; None where the trial could not be made.
        reason: one sentence.
    """

    works: bool
    largest_difference: float | None
    reason: str


@torch.no_grad()
def probe_cache(
    construct: Callable[[], nn.Module], mixer: nn.Module, source: MixerSource, hidden_size: int
) -> CacheSupport:
    """Run a mixer over 76 tokens at once, and another over 70 then 6 one by one; compare.

    Both are made by `construct` and given the parameters of `mixer`, which itself is not touched: a module
    that has been used may hold tensors of its last graph and cannot be copied.

    In float32 and eval mode, on parameters moved a little, so that a gate shut at first hides nothing.
    70 is more than a chunk and than most kernels; a dependence that reaches further back is not seen.
    """
    device = next(mixer.parameters()).device
    with seeded(0), device:
        whole, stepped = _twins(construct, mixer)
        x = torch.randn(1, PROMPT + STEPS, hidden_size)
    expected = mixer_output(whole(x)).hidden_states[:, PROMPT:]
    try:
        cache = source.new_cache()
        stepped(x[:, :PROMPT], past_key_values=cache, use_cache=True)
        if len(cache) == 0:
            return CacheSupport(False, None, "the mixer leaves the cache empty")
        steps = [
            mixer_output(stepped(x[:, t : t + 1], past_key_values=cache, use_cache=True)).hidden_states
            for t in range(PROMPT, PROMPT + STEPS)
        ]
    except Exception as error:
        return CacheSupport(False, None, f"using the cache raises {type(error).__name__}: {error}")
    difference = ((torch.cat(steps, 1) - expected).abs().max() / expected.abs().max()).item()
    if difference <= LIMIT:
        return CacheSupport(True, difference, f"step by step equals the whole sequence within {LIMIT:g}")
    return CacheSupport(False, difference, "step by step differs from the whole sequence")


def _twins(construct: Callable[[], nn.Module], mixer: nn.Module) -> tuple[nn.Module, nn.Module]:
    twins = construct().float().eval(), construct().float().eval()
    state = {
        name: value.float() if value.is_floating_point() else value
        for name, value in mixer.state_dict().items()
    }
    for name, _ in mixer.named_parameters():
        state[name] = state[name] + 0.05 * torch.randn(state[name].shape)
    for twin in twins:
        twin.load_state_dict(state)
    return twins
