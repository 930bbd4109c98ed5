"""The Hugging Face frame: losses, saving and loading, generation, parameter counts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from programs_for_tests import MIXER, STATEFUL  # noqa: E402
from transformers import AutoConfig, AutoModelForCausalLM  # noqa: E402

from asi_repro.errors import AsiReproError, MissingInput, NotFound  # noqa: E402
from asi_repro.models.baselines import BASELINES, load_baseline  # noqa: E402
from asi_repro.models.lm import AsiArchConfig, AsiArchForCausalLM, build_lm  # noqa: E402
from asi_repro.models.mixer import MixerSource  # noqa: E402
from asi_repro.models.program import load_program  # noqa: E402
from asi_repro.models.scales import SCALES, Scale, find_scale  # noqa: E402

TINY = Scale("tiny", 2, hidden_size=64, num_heads=4, intermediate_size=192, vocab_size=512, context=128)
IDS = torch.arange(40).view(2, 20) * 7


def source_of(name: str) -> MixerSource:
    texts = {"mixer": MIXER, "stateful": STATEFUL}
    return load_program(texts[name]) if name in texts else load_baseline(name)


def parameters(model: AsiArchForCausalLM) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def test_loss_is_the_mean_cross_entropy_of_the_next_token() -> None:
    model = build_lm(load_program(MIXER), TINY).eval()
    labels = IDS.clone()
    labels[0, :5] = -100
    out = model(IDS, labels=labels)
    scores = torch.log_softmax(out.logits[:, :-1], -1).gather(-1, IDS[:, 1:, None]).squeeze(-1)
    torch.testing.assert_close(out.loss, -scores[labels[:, 1:] != -100].mean())


def test_the_auxiliary_loss_is_off_unless_asked_for() -> None:
    program = load_program(MIXER)
    plain = build_lm(program, TINY)(IDS, labels=IDS)
    assert plain.auxiliary_loss > 0
    assert plain.loss == plain.language_loss
    model = build_lm(program, TINY, auxiliary_loss_weight=3.0)
    weighted = model(IDS, labels=IDS)
    torch.testing.assert_close(weighted.loss, weighted.language_loss + 3 * weighted.auxiliary_loss)
    weighted.loss.backward()
    evaluated = model.eval()(IDS, labels=IDS)
    assert evaluated.loss == evaluated.language_loss
    assert json.loads(model.config.to_json_string())["auxiliary_loss_weight"] == 3.0


def test_the_same_seed_gives_the_same_model() -> None:
    program = load_program(MIXER)
    logits = []
    for noise in range(2):
        torch.manual_seed(noise)
        logits.append(build_lm(program, TINY, seed=5).eval()(IDS).logits)
    assert torch.equal(*logits)
    assert not torch.equal(logits[0], build_lm(program, TINY, seed=6).eval()(IDS).logits)


def test_layers_start_from_different_values() -> None:
    weights = [layer.mixer.inner.weight for layer in build_lm(load_program(MIXER), TINY).layers]
    assert not torch.equal(*weights)


@pytest.mark.parametrize("name", ["mixer", "stateful", *BASELINES])
def test_saved_models_load_by_their_model_type(name: str, tmp_path: Path) -> None:
    model = build_lm(source_of(name), TINY, seed=1, dtype=torch.bfloat16).eval()
    folder = tmp_path / "model"
    model.save_pretrained(folder)
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    model.save_pretrained(folder)
    files = {file.name for file in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= files
    assert ("program.py" in files) == (name not in BASELINES)
    assert isinstance(AutoConfig.from_pretrained(folder), AsiArchConfig)
    loaded = AutoModelForCausalLM.from_pretrained(folder)
    assert isinstance(loaded, AsiArchForCausalLM)
    assert loaded.dtype is torch.bfloat16
    assert torch.equal(loaded(IDS).logits, model(IDS).logits)
    assert AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64).dtype is torch.float64


def test_the_program_is_a_file_and_not_in_the_configuration(tmp_path: Path) -> None:
    build_lm(load_program(MIXER), TINY).save_pretrained(tmp_path)
    config = (tmp_path / "config.json").read_text(encoding="utf-8")
    assert "running_mean" not in config
    assert json.loads(config)["program_sha256"] == load_program(MIXER).source_sha256
    assert (tmp_path / "program.py").read_text(encoding="utf-8") == MIXER


def test_buffers_that_are_not_saved_are_there_after_loading(tmp_path: Path) -> None:
    source = MIXER.replace(
        "self.norm = RMSNorm(hidden_size)",
        "self.norm = RMSNorm(hidden_size)\n"
        "        self.register_buffer('table', torch.full((1,), 3.0), persistent=False)",
    )
    build_lm(load_program(source), TINY).save_pretrained(tmp_path)
    assert AutoModelForCausalLM.from_pretrained(tmp_path).layers[1].mixer.table.item() == 3.0


def test_a_changed_program_is_refused(tmp_path: Path) -> None:
    build_lm(load_program(MIXER), TINY).save_pretrained(tmp_path)
    (tmp_path / "program.py").write_text(MIXER + "# changed\n", encoding="utf-8")
    with pytest.raises(AsiReproError, match="not the program of this model"):
        AutoModelForCausalLM.from_pretrained(tmp_path)


def test_broken_folders_say_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match=r"no config\.json"):
        AsiArchForCausalLM.from_pretrained(tmp_path)
    build_lm(load_program(MIXER), TINY).save_pretrained(tmp_path)
    with pytest.raises(AsiReproError, match="trust_remote_code"):
        AsiArchForCausalLM.from_pretrained(tmp_path, trust_remote_code=True)
    with pytest.raises(AsiReproError, match="'no_such_setting'"):
        AsiArchForCausalLM.from_pretrained(tmp_path, no_such_setting=1)
    (tmp_path / "program.py").unlink()
    with pytest.raises(MissingInput, match=r"no program\.py"):
        AsiArchForCausalLM.from_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(MissingInput):
        AsiArchForCausalLM.from_pretrained(tmp_path)
    with pytest.raises(AsiReproError, match="does not contain its source"):
        AsiArchForCausalLM(AsiArchConfig.at_scale(TINY))


@pytest.mark.parametrize(
    ("name", "method"),
    [
        ("mixer", "recompute"),
        ("stateful", "cache"),
        ("delta_net", "cache"),
        ("gated_delta_net", "cache"),
        ("mamba2", "recompute"),
        ("transformer", "cache"),
    ],
)
def test_generation_says_how_and_gives_what_recomputation_gives(name: str, method: str) -> None:
    model = build_lm(source_of(name), TINY, seed=2, dtype=torch.float64).eval()
    settings = {
        "max_new_tokens": 6,
        "do_sample": False,
        "attention_mask": torch.ones_like(IDS),
        "pad_token_id": 0,
    }
    tokens = model.generate(IDS, **settings)
    assert model.generation_method == method
    assert model.cache_support.works == (method == "cache")
    assert model.cache_support.reason
    expected = IDS
    for _ in range(6):
        expected = torch.cat([expected, model(expected).logits[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(tokens, expected)
    model.generate(IDS, use_cache=False, **settings)
    assert model.generation_method == "recompute"


def test_a_mixer_that_keeps_its_last_loss_can_generate() -> None:
    """17 released programs hold a tensor of the last graph as an attribute, so a used module has no copy."""
    source = STATEFUL.replace(
        "x = self.inner(hidden_states)", "x = self.inner(hidden_states)\n        self.last = x.mean()"
    )
    model = build_lm(load_program(source), TINY)
    model(IDS, labels=IDS).loss.backward()
    model.generate(IDS, max_new_tokens=2, attention_mask=torch.ones_like(IDS), pad_token_id=0)
    assert model.generation_method == "cache"


def test_a_cache_that_lies_is_not_used() -> None:
    model = build_lm(
        load_program(STATEFUL.replace("recurrent_state=state", "recurrent_state=0 * state")), TINY
    )
    assert not model.cache_support.works
    assert model.cache_support.largest_difference > 1e-3


def test_scales_are_data_and_import_no_torch() -> None:
    assert find_scale("340m").intermediate_size == 2816
    assert find_scale(SCALES["20m"]) is SCALES["20m"]
    with pytest.raises(NotFound, match="unknown scale"):
        find_scale("7b")
    code = (
        "import sys, asi_repro.models.scales, asi_repro.models.importable; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# Recomputed counts that are not the stated ones: see docs/explanation/decisions.
OTHER_COUNTS = {880, 902, 1045, 1584}


@pytest.mark.slow
def test_stated_parameter_counts_are_those_of_the_340m_scale(release_dir: Path) -> None:
    entries = json.loads((release_dir / "data" / "106.json").read_text(encoding="utf-8"))
    other = {
        entry["index"]
        for entry in entries
        if f"{parameters(build_lm(load_program(entry['program']), '340m', device='meta')) / 1e6:.2f}M"
        != entry["parameters"]
    }
    assert other == OTHER_COUNTS
