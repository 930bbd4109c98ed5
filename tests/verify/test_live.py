"""The checks from Python: live modules of any kind, faulty and clean, and a text in the sandbox."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

from asi_repro.check import (
    assert_batch_independent,
    assert_cache_equivalent,
    assert_causal,
    assert_finite,
    assert_no_dead_parameters,
    assert_padding_ignored,
    check,
    check_source,
)
from asi_repro.errors import AsiReproError, DataError
from tests.verify.corpus import CONVOLUTION


class Mixer(nn.Module):
    """A running mean; `leak` adds the mean of all, `mixed` that of the batch."""

    def __init__(self, dim: int, n_heads: int = 2, leak: float = 0.0, mixed: float = 0.0) -> None:
        super().__init__()
        self.proj = nn.Linear(dim, dim)
        self.leak, self.mixed = leak, mixed

    def forward(self, x: Tensor) -> Tensor:
        y = self.proj(x)
        steps = torch.arange(1, x.shape[1] + 1, dtype=x.dtype)[None, :, None]
        whole = y.mean(1, keepdim=True)
        return y.cumsum(1) / steps + self.leak * whole + self.mixed * y.mean(0, keepdim=True)


class LanguageModel(nn.Module):
    """Logits of a running sum; `peek` looks the next id up, past the embedding that the checks read."""

    def __init__(self, peek: bool = False, vocabulary: int = 23) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 12)
        self.table = nn.Parameter(torch.randn(vocabulary, vocabulary))
        self.head = nn.Linear(12, vocabulary)
        self.peek = peek

    def forward(self, ids: Tensor) -> Tensor:
        logits = self.head(self.embedding(ids).cumsum(1)) + self.table[ids]
        return logits + self.table[ids.roll(-1, 1)] if self.peek else logits


class NotFinite(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x / (x * 0)


def llama(**more: Any) -> nn.Module:
    sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(**sizes, vocab_size=41, max_position_embeddings=160, **more))


def gpt2() -> nn.Module:
    ids = {"bos_token_id": 1, "eos_token_id": 2}
    return GPT2LMHeadModel(GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=41, n_positions=160, **ids))


def test_an_instance_a_class_and_a_function_are_checked_alike() -> None:
    for made in (Mixer(24), Mixer, lambda width: Mixer(width, n_heads=1)):
        report = check(made, quick=True)
        assert report.passed, report
        assert [row.check for row in report][:2] == ["causality_perturbation", "causality_jacobian"]


@pytest.mark.parametrize(
    ("check_one", "faulty"),
    [
        (assert_causal, Mixer(16, leak=0.1)),
        (assert_causal, lambda: LanguageModel(peek=True)),
        (assert_batch_independent, Mixer(16, mixed=0.1)),
    ],
)
def test_an_assertion_fails_for_a_fault_and_says_where(check_one: Any, faulty: Any) -> None:
    with pytest.raises(AssertionError, match="where at most 1e-09 is allowed .*length"):
        check_one(faulty)


def test_an_assertion_passes_without_it() -> None:
    assert_causal(LanguageModel())
    assert_causal(Mixer(16))
    assert_batch_independent(Mixer, arguments={"leak": 0.5})
    assert_no_dead_parameters(LanguageModel())


def test_an_assertion_about_what_was_not_tried_fails() -> None:
    with pytest.raises(AssertionError, match="takes no attention_mask"):
        assert_padding_ignored(Mixer(16))
    with pytest.raises(AssertionError, match="finite_fp32"):
        assert_finite(NotFinite(), width=8)


@pytest.mark.slow
def test_models_of_transformers_are_checked_with_their_masks_and_caches() -> None:
    model = llama()
    assert_cache_equivalent(model)
    report = check(model, only=["batch", "masking"])
    assert report.passed, report
    assert report["mask_equivalence"].verdict == "pass"


@pytest.mark.slow
def test_learned_positions_and_left_padding_do_not_go_together() -> None:
    """Without position_ids, GPT-2 counts its positions from the padding."""
    report = check(gpt2(), only=["masking"])
    assert [row.check for row in report.failed] == ["mask_equivalence"]
    assert report["padding_isolation"].verdict == "pass"


def test_lengths_that_a_model_is_not_made_for_are_not_held_against_it() -> None:
    report = check(gpt2(), only=["runs"])
    assert report.passed, report
    assert max(report["runs_fp32"].detail["tried"]["length"]) <= 160
    assert check(gpt2(), only=["precision"]).not_run[0].detail["reason"].endswith("made for 160 tokens")


def test_the_module_and_the_random_state_are_left_as_they_were() -> None:
    model = Mixer(16)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(4)
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    check(model, quick=True)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("made", "options", "says"),
    [
        (lambda width, window: Mixer(width), {}, "needs window"),
        (nn.Embedding(4, 4), {"language_model": False}, "no width was found"),
        (Mixer(16), {"language_model": True}, "cannot be called with ids"),
        (Mixer(16), {"only": ["speed"]}, "no check 'speed'"),
        (lambda: "no module", {}, "not an nn.Module"),
    ],
)
def test_what_cannot_be_called_says_what_to_give(made: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(AsiReproError, match=says):
        check(made, **options)


def test_a_text_is_checked_in_the_sandbox() -> None:
    report = check_source(CONVOLUTION, only=["batch"])
    assert report.passed
    assert report.certificate.environment["sandbox"] in ("bubblewrap", "landlock")
    with pytest.raises(DataError, match="socket"):
        check_source("import socket\n" + CONVOLUTION)


def test_a_report_shows_as_text_markdown_and_a_table_and_escapes_what_it_shows() -> None:
    report = check(Mixer(16), only=["batch"])
    assert repr(report).splitlines()[0] == "Mixer: 0 failed, 0 not run, of 2 rows"
    assert "| batch_independence | pass |" in report._repr_markdown_()
    assert "<td>batch_independence</td><td>pass</td>" in report._repr_html_()
    named = check(type("<b>", (Mixer,), {})(16), only=["batch"])
    assert "<b>" not in named._repr_html_()


def test_importing_the_checks_imports_no_torch() -> None:
    code = "import sys, asi_repro.check; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
