"""The library's mathematics against step-by-step references, in fp64."""

from __future__ import annotations

import pytest
import torch
from operator_runs import built, leak, run
from torch import Tensor
from torch.nn import functional as F

from asi_repro.discover.operators.blocks.filters import WindowAttention
from asi_repro.discover.operators.blocks.recurrences import (
    DecayedAverage,
    decayed_attention,
    delta_rule,
    gated_delta_rule,
    linear_attention,
)
from asi_repro.discover.operators.library import seed_program
from asi_repro.models.baselines import load_baseline
from asi_repro.models.program import load_program
from asi_repro.sandbox.static_check import check_program

CHUNKS = (16, 32)
LENGTHS = (1, 16, 37, 70)


def draws(length: int, *, decay_width: int = 1) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(length)

    def normal(*shape: int) -> Tensor:
        return torch.randn(2, 3, length, *shape, generator=generator, dtype=torch.float64)

    q, k = (F.normalize(normal(8), dim=-1) for _ in range(2))
    # Down to the lowest floor of the catalogue's decays.
    log_decay = torch.log(0.1 + 0.9 * torch.sigmoid(3 * normal(decay_width)))
    return q, k, normal(8), torch.sigmoid(normal(1)), log_decay


def by_steps(q: Tensor, k: Tensor, v: Tensor, beta: Tensor | None, log_decay: Tensor | None) -> Tensor:
    """One token at a time; no erasing without beta."""
    state, outputs = torch.zeros(2, 3, 8, 8, dtype=torch.float64), []
    for t in range(q.shape[2]):
        if log_decay is not None:
            state = log_decay[:, :, t, :, None].exp() * state
        new = v[:, :, t]
        if beta is not None:
            new = beta[:, :, t] * (new - torch.einsum("bhkv,bhk->bhv", state, k[:, :, t]))
        state = state + torch.einsum("bhk,bhv->bhkv", k[:, :, t], new)
        outputs.append(torch.einsum("bhkv,bhk->bhv", state, q[:, :, t]) * 8**-0.5)
    return torch.stack(outputs, dim=2)


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("length", LENGTHS)
def test_recurrences_equal_one_step_at_a_time(length: int, chunk: int) -> None:
    for width in (1, 8):
        q, k, v, beta, log_decay = draws(length, decay_width=width)
        pairs = [
            (delta_rule(q, k, v, beta, chunk), by_steps(q, k, v, beta, None)),
            (gated_delta_rule(q, k, v, beta, log_decay, chunk), by_steps(q, k, v, beta, log_decay)),
            (linear_attention(q, k, v, chunk), by_steps(q, k, v, None, None)),
            (decayed_attention(q, k, v, log_decay, chunk), by_steps(q, k, v, None, log_decay)),
        ]
        for found, expected in pairs:
            torch.testing.assert_close(found, expected, rtol=0, atol=1e-10)


def test_channel_decay_at_its_floor_stays_finite_in_fp32() -> None:
    q, k, v, beta, _ = (t.float() for t in draws(130))
    log_decay = torch.full((2, 3, 130, 8), 0.1).log().requires_grad_()
    for y in (gated_delta_rule(q, k, v, beta, log_decay, 64), decayed_attention(q, k, v, log_decay, 64)):
        (gradient,) = torch.autograd.grad(y.sum(), log_decay)
        assert y.isfinite().all()
        assert gradient.isfinite().all()


def test_decayed_average_equals_one_step_at_a_time() -> None:
    *_, log_decay = draws(70, decay_width=8)
    mixer = DecayedAverage(24, 3, 32, torch.nn.Identity()).double()
    mixer.decay.forward = lambda x: log_decay
    x, state = torch.randn(2, 70, 24, dtype=torch.float64), torch.zeros(2, 3, 8)
    v, found = mixer.v_proj(x).unflatten(-1, (3, 8)), mixer(x)
    for t in range(70):
        a = log_decay[:, :, t].exp()
        state = a * state + (1 - a) * v[:, t]
        torch.testing.assert_close(found[:, t], state, rtol=0, atol=1e-10)


def test_window_attention_equals_dense_attention_with_a_band() -> None:
    mixer, x = WindowAttention(24, 3, 8).double(), torch.randn(2, 37, 24, dtype=torch.float64)
    q, k, v = (p(x).unflatten(-1, (3, 8)).transpose(1, 2) for p in (mixer.q_proj, mixer.k_proj, mixer.v_proj))
    band = torch.ones(37, 37, dtype=torch.bool).tril().triu(-7)
    expected = F.scaled_dot_product_attention(q, k, v, attn_mask=band).transpose(1, 2)
    torch.testing.assert_close(mixer(x), expected, rtol=0, atol=1e-12)


NAMES = {
    "paths.0.project.": "",
    "paths.0.beta.": "",
    "norm.": "o_norm.",
}


@pytest.mark.parametrize("length", [1, 33, 70])
def test_the_seed_program_is_deltanet(length: int) -> None:
    ours = load_program(seed_program()).build(32, 2, dtype=torch.float64, seed=1)
    theirs = load_baseline("delta_net").build(32, 2, dtype=torch.float64, seed=2)
    weights = dict(theirs.named_parameters())
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            for old, new in NAMES.items():
                name = name.replace(old, new) if name.startswith(old) else name
            parameter.copy_(weights.pop(name).reshape(parameter.shape))
    assert not weights
    x = torch.randn(2, length, 32, dtype=torch.float64)
    torch.testing.assert_close(run(ours, x), run(theirs, x), rtol=0, atol=1e-10)


def test_the_seed_program_is_safe_and_causal_and_keeps_padding_out() -> None:
    assert check_program(seed_program()) == []
    module = built(seed_program())
    assert leak(module) < 1e-12
    x = torch.randn(2, 20, 16, dtype=torch.float64)
    mask = torch.ones(2, 20, dtype=torch.long)
    mask[0, :7], mask[1, 15:] = 0, 0
    found = run(module, x, mask)
    torch.testing.assert_close(found[:1, 7:], run(module, x[:1, 7:]), rtol=0, atol=1e-12)
    torch.testing.assert_close(found[1:, :15], run(module, x[1:, :15]), rtol=0, atol=1e-12)
    assert not found[mask == 0].any()
