"""The baselines: against fla's reference recurrences, and by the interface of a program."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

torch = pytest.importorskip("torch")

from asi_repro.errors import AsiReproError, NotFound  # noqa: E402
from asi_repro.models.baselines import BASELINES, load_baseline  # noqa: E402
from asi_repro.models.baselines.delta_rule import gated_delta_rule  # noqa: E402
from asi_repro.models.mixer import mixer_output  # noqa: E402

LENGTHS = (1, 63, 64, 65, 150)


def fla_file(path: str) -> ModuleType:
    """One file of the installed fla, without importing fla (which needs triton)."""
    spec = importlib.util.find_spec("fla")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("flash-linear-attention is not installed")
    file = Path(next(iter(spec.submodule_search_locations))) / path
    loader = importlib.util.spec_from_file_location(f"fla_reference_{file.parent.name}", file)
    assert loader is not None
    assert loader.loader is not None
    module = importlib.util.module_from_spec(loader)
    loader.loader.exec_module(module)
    return module


def inputs(length: int, seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    return {
        "q": normal(2, 3, length, 8),
        "k": torch.nn.functional.normalize(normal(2, 3, length, 8), dim=-1),
        "v": normal(2, 3, length, 12),
        "beta": normal(2, 3, length).sigmoid(),
        "log_decay": -normal(2, 3, length).square(),
        "state": normal(2, 3, 8, 12),
    }


@pytest.mark.parametrize("length", LENGTHS)
def test_delta_rule_is_flas_recurrence(length: int) -> None:
    x = inputs(length)
    del x["log_decay"]
    reference = fla_file("ops/delta_rule/naive.py").delta_rule_recurrence
    expected, state = reference(x["q"], x["k"], x["v"], x["beta"], initial_state=x["state"])
    o, last = gated_delta_rule(x["q"], x["k"], x["v"], x["beta"], state=x["state"])
    torch.testing.assert_close(o, expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(last, state, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("length", LENGTHS)
def test_gated_delta_rule_is_flas_recurrence(length: int) -> None:
    x = inputs(length)
    reference = fla_file("ops/gated_delta_rule/naive.py").naive_recurrent_gated_delta_rule
    turned = {name: x[name].transpose(1, 2) for name in ("q", "k", "v", "beta")}
    expected, state = reference(
        **turned, g=x["log_decay"].transpose(1, 2), initial_state=x["state"], output_final_state=True
    )
    o, last = gated_delta_rule(x["q"], x["k"], x["v"], x["beta"], x["log_decay"], state=x["state"])
    torch.testing.assert_close(o, expected.transpose(1, 2), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(last, state, atol=1e-5, rtol=1e-5)


def test_gradients_are_those_of_the_recurrence() -> None:
    x = {name: value.double().requires_grad_() for name, value in inputs(70).items()}

    def stepwise() -> torch.Tensor:
        state, outputs = x["state"], []
        for t in range(70):
            state = state * x["log_decay"][:, :, t, None, None].exp()
            k, v = x["k"][:, :, t, :, None], x["v"][:, :, t, None, :]
            state = state + k * x["beta"][:, :, t, None, None] * (v - (k * state).sum(-2, keepdim=True))
            outputs.append((x["q"][:, :, t, :, None] * 8**-0.5 * state).sum(-2))
        return torch.stack(outputs, 2)

    chunked, _ = gated_delta_rule(x["q"], x["k"], x["v"], x["beta"], x["log_decay"], state=x["state"])
    weights = torch.randn(chunked.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    expected = stepwise()
    torch.testing.assert_close(chunked, expected, atol=1e-12, rtol=1e-12)
    ours = torch.autograd.grad((chunked * weights).sum(), list(x.values()))
    theirs = torch.autograd.grad((expected * weights).sum(), list(x.values()))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("name", BASELINES)
def test_forward_and_backward(name: str, dtype: torch.dtype) -> None:
    module = load_baseline(name).build(64, 4, seed=0, dtype=dtype)
    x = torch.randn(2, 37, 64, generator=torch.Generator().manual_seed(1)).to(dtype).requires_grad_()
    o = mixer_output(module(x)).hidden_states
    assert (o.shape, o.dtype) == (x.shape, dtype)
    o.double().square().mean().backward()
    for value in (o, x.grad, *(p.grad for p in module.parameters())):
        assert value is not None
        assert torch.isfinite(value).all()


@pytest.mark.parametrize("name", BASELINES)
def test_causal_and_no_neighbour_matters(name: str) -> None:
    module = load_baseline(name).build(64, 4, dtype=torch.float64).eval()
    x = torch.randn(2, 70, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    changed = x.clone()
    changed[0, 40:] += 1
    before, after = (mixer_output(module(t)).hidden_states for t in (x, changed))
    torch.testing.assert_close(before[0, :40], after[0, :40], atol=1e-12, rtol=0)
    torch.testing.assert_close(before[1], after[1], atol=1e-12, rtol=0)
    assert not torch.allclose(before[0, 40:], after[0, 40:])


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "mamba2"])
def test_left_padding_changes_nothing(name: str) -> None:
    module = load_baseline(name).build(64, 4, dtype=torch.float64).eval()
    x = torch.randn(1, 30, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    padded = torch.cat([torch.ones_like(x[:, :5]), x], dim=1)
    mask = torch.ones(1, 35, dtype=torch.long)
    mask[:, :5] = 0
    o = mixer_output(module(padded, attention_mask=mask)).hidden_states
    torch.testing.assert_close(o[:, 5:], mixer_output(module(x)).hidden_states, atol=1e-12, rtol=1e-12)
    assert not o[:, :5].any()


def test_what_does_not_exist_is_refused() -> None:
    with pytest.raises(NotFound, match="unknown baseline"):
        load_baseline("retnet")
    with pytest.raises(AsiReproError, match="heads"):
        load_baseline("delta_net").build(64, 3)
    with pytest.raises(AsiReproError, match="packed"):
        load_baseline("delta_net").build(64, 4)(torch.zeros(1, 4, 64), cu_seqlens=torch.tensor([0, 4]))


def test_keys_for_results_differ() -> None:
    assert len({load_baseline(name).main_class for name in BASELINES}) == len(BASELINES)
    assert all(len(load_baseline(name).source_sha256) == 64 for name in BASELINES)
