"""One training with transformers' Trainer: in a sandboxed worker for programs, in this process for torchrun.

Determinism: on a CPU the same message gives the same curve bit for bit, whether or not it was interrupted.
What a checkpoint holds beyond the Trainer's own is in `hidden_state` and `recorder`.
"""

from __future__ import annotations

import copy
import json
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import Dataset, SequentialSampler
from transformers import PrinterCallback, Trainer, TrainingArguments
from transformers.trainer_callback import ProgressCallback

from asi_repro.config.train import Recipe
from asi_repro.models.baselines import load_baseline
from asi_repro.models.determinism import seeded, warm_up
from asi_repro.models.lm import AsiArchForCausalLM, build_lm
from asi_repro.models.program import load_program
from asi_repro.models.scales import Scale
from asi_repro.sandbox.static_check import require_safe
from asi_repro.train.guards import Watch
from asi_repro.train.recorder import Progress, Recorder, Saved
from asi_repro.train.unsaved_state import changed_scalars, hidden_scalars, hidden_tensors, restore_hidden
from asi_repro.verify.operation_counts import Meter

Blocks = Callable[[int], "NDArray[Any]"]
HIDDEN_TENSORS, HIDDEN_SCALARS = "hidden.safetensors", "hidden.json"
_PEAK_SIZE, _PEAK_TRIES = 1024, 4


@dataclass
class Trained:
    """What a training gave.

    Attributes:
        model: as it stands after the last step.
        facts: JSON: what the result and the environment are made from.
    """

    model: AsiArchForCausalLM
    facts: dict[str, Any]


class BlockDataset(Dataset[dict[str, Tensor]]):
    """Blocks of tokens by position, in the order of training."""

    def __init__(self, blocks: Blocks, count: int) -> None:
        self._blocks, self._count = blocks, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, position: int) -> dict[str, Tensor]:
        tokens = torch.as_tensor(np.asarray(self._blocks(position), dtype=np.int64))
        return {"input_ids": tokens, "labels": tokens}


class LmTrainer(Trainer):
    """Trainer that reads blocks in order, hands every loss to the recorder and saves without renaming.

    A sandboxed process may not rename between folders, which `save_pretrained` does.
    """

    recorder: Recorder

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # The loss is a mean over the micro-batch. The Trainer takes a model whose forward has **kwargs for
        # one that divides by the whole batch, and would add up the micro-batches' gradients undivided.
        self.model_accepts_loss_kwargs = False

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        out = model(**inputs)
        auxiliary = None if out.auxiliary_loss is None else float(out.auxiliary_loss.detach())
        self.recorder.heard(float(out.language_loss.detach()), auxiliary)
        return (out.loss, out) if return_outputs else out.loss

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        data: Any = train_dataset if train_dataset is not None else self.train_dataset
        return SequentialSampler(data)

    def _clip_grad_norm(self, model: nn.Module) -> Any:
        norm = super()._clip_grad_norm(model)  # type: ignore[no-untyped-call]
        if norm is not None:
            self.recorder.clipped(float(norm))
        return norm

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Tensor] | None = None) -> None:
        folder = Path(output_dir or str(self.args.output_dir))
        folder.mkdir(parents=True, exist_ok=True)
        save_weights(self.model, folder / "model.safetensors")


def train(
    message: dict[str, Any],
    blocks: Blocks,
    folder: Path,
    *,
    watch: Watch,
    resume: Path | None = None,
    progress: Progress | None = None,
    saved: Saved | None = None,
    trainer_class: type[LmTrainer] = LmTrainer,
) -> Trained:
    """Train one model.

    Args:
        message: what `Spec.message` gives.
        blocks: block by position: `recipe.length` token numbers.
        folder: for the Trainer's own files.
        watch: the guards.
        resume: a checkpoint's folder, as handed to `saved`.
        progress: called with step and loss after each step.
        saved: called with step and folder when a checkpoint is complete.
        trainer_class: `asi_repro.train.sharded.ShardedTrainer` divides the model over the processes.

    Raises:
        AsiReproError: for a program that is refused or does not build; whatever a program raises.
    """
    began = time.perf_counter()
    recipe = Recipe(**message["recipe"])
    cuda = message["device"] == "cuda"
    torch.set_num_threads(recipe.threads)
    warm_up()
    peak = None if cuda else _peak()
    # Triton's kernels run on no CPU and cannot be counted: on CUDA the torch modules stand in for them.
    counted = build_model(message, backend="cpu").to("cuda") if cuda else None  # type: ignore[arg-type]
    seed_everything(message["seed"])
    model = build_model(message)
    flops = _flops_per_sequence(counted or model, recipe.length, message["seed"])
    del counted
    start = hidden_scalars(model)
    if cuda:
        model.to("cuda")  # type: ignore[arg-type]
    recorder = Recorder(
        recipe,
        watch,
        clock=time.perf_counter if cuda else time.process_time,
        progress=progress,
        saved=saved and _complete(model, saved),
    )
    trainer = trainer_class(
        model=model,
        args=_arguments(message, recipe, folder),
        train_dataset=BlockDataset(blocks, recipe.steps * recipe.batch),
    )
    trainer.recorder = recorder
    for unwanted in (PrinterCallback, ProgressCallback):
        trainer.remove_callback(unwanted)
    trainer.add_callback(recorder)
    if trainer.args.world_size > 1:
        recorder._reduce = lambda value: float(
            trainer.accelerator.reduce(torch.tensor(value, device=trainer.args.device), reduction="mean")
        )
    if saved is not None:
        _also_recorder(recorder)
    if resume is not None:
        recorder.load(resume)
        _restore(model, resume)
    ready = time.perf_counter()
    trainer.train(resume_from_checkpoint=str(resume) if resume is not None else None)
    facts = {
        "curve": recorder.curve,
        "stop": recorder.stop.record() if recorder.stop else None,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "flops_per_token": flops / recipe.length,
        "peak_flops_per_second": peak,
        "unsaved_state": changed_scalars(start, hidden_scalars(model)),
        "timed_steps": recorder.timed_steps,
        "step_seconds": recorder.seconds / max(recorder.timed_steps, 1),
        "train_seconds": time.perf_counter() - ready,
        "start_seconds": ready - began,
        "world_size": trainer.args.world_size,
        "hardware": torch.cuda.get_device_name(0) if cuda else None,
    }
    return Trained(model, facts)


def build_model(message: dict[str, Any], *, backend: str | None = None) -> AsiArchForCausalLM:
    """The model of a message, in float32 on the CPU, in train mode.

    Args:
        backend: see `load_program`; None takes fla's kernels on CUDA where they can run.

    Raises:
        ProgramRefused: where the static check refuses the program.
        ProgramError: where it cannot be loaded or built.
    """
    backend = backend or ("auto" if message["device"] == "cuda" else "cpu")
    if message["program"] is None:
        source: Any = load_baseline(message["baseline"], backend=backend)
    else:
        require_safe(message["program"])
        source = load_program(
            message["program"], dtype_policy=message["dtype_policy"], backend=backend, rewrite=True
        )
    return build_lm(
        source,
        Scale(**message["scale"]),
        seed=message["seed"],
        auxiliary_loss_weight=message["auxiliary_loss_weight"],
    )


def save_weights(model: Any, path: Path) -> None:
    """The model's state as safetensors."""
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, path, metadata={"format": "pt"})


def _arguments(message: dict[str, Any], recipe: Recipe, folder: Path) -> TrainingArguments:
    world = int(os.environ.get("WORLD_SIZE", "1"))
    return TrainingArguments(
        output_dir=str(folder),
        max_steps=recipe.steps,
        per_device_train_batch_size=recipe.micro_batch,
        gradient_accumulation_steps=max(recipe.batch // (recipe.micro_batch * world), 1),
        learning_rate=recipe.learning_rate,
        optim="adamw_torch",
        adam_beta1=recipe.adam_beta1,
        adam_beta2=recipe.adam_beta2,
        adam_epsilon=recipe.adam_epsilon,
        weight_decay=recipe.weight_decay,
        max_grad_norm=recipe.max_grad_norm,
        lr_scheduler_type="warmup_stable_decay",
        warmup_steps=recipe.warmup_steps,
        lr_scheduler_kwargs={
            "num_decay_steps": recipe.decay_steps,
            "decay_type": recipe.decay,
            "min_lr_ratio": recipe.min_rate_ratio,
        },
        bf16=message["precision"] == "bf16",
        use_cpu=message["device"] == "cpu",
        seed=message["seed"],
        save_strategy="steps",
        save_steps=recipe.checkpoint_every,
        logging_strategy="no",
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
        dataloader_pin_memory=False,
        ddp_find_unused_parameters=True if world > 1 else None,
    )


def seed_everything(seed: int) -> None:
    """Seed every generator that a program may draw from."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def _flops_per_sequence(model: AsiArchForCausalLM, length: int, seed: int) -> int:
    """FLOPs of one sequence forward and backward, by torch's formulas: products and convolutions."""
    trial = copy.deepcopy(model)
    # Any tokens do; those of the text are not all there where a training goes on from a checkpoint.
    tokens = (torch.arange(length) % model.config.vocab_size)[None].to(model.device)
    meter = Meter()
    with seeded(seed), meter:
        loss = trial(input_ids=tokens, labels=tokens).loss
        loss.backward()
    return meter.flops


def _peak() -> float:
    """FLOP/s of processor time that products of large float32 matrices reach here: the best of a few."""
    matrix = torch.ones(_PEAK_SIZE, _PEAK_SIZE)
    seconds = []
    for _ in range(_PEAK_TRIES):
        began = time.process_time()
        matrix @ matrix
        seconds.append(time.process_time() - began)
    return 2.0 * _PEAK_SIZE**3 / min(seconds)


def _complete(model: nn.Module, saved: Saved) -> Saved:
    def hand_over(step: int, folder: Path) -> None:
        save_file(hidden_tensors(model), folder / HIDDEN_TENSORS)
        (folder / HIDDEN_SCALARS).write_text(json.dumps(hidden_scalars(model)), encoding="utf-8")
        saved(step, folder)

    return hand_over


def _also_recorder(recorder: Recorder) -> None:
    """Let every checkpoint hold the curve too."""
    inner = recorder._saved
    assert inner is not None

    def hand_over(step: int, folder: Path) -> None:
        recorder.save(folder)
        inner(step, folder)

    recorder._saved = hand_over


def _restore(model: nn.Module, folder: Path) -> None:
    scalars = json.loads((folder / HIDDEN_SCALARS).read_text(encoding="utf-8"))
    restore_hidden(model, load_file(folder / HIDDEN_TENSORS), scalars)
