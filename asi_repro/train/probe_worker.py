"""What runs in the sandbox for a probe: a small training, some steps a call, and answers to test sequences.

The program shares this process. It is shown the answers of the training sequences, since the loss needs
them, but of a test the tokens alone: the caller compares what was answered.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from asi_repro.config.train import Recipe
from asi_repro.models.memory import keep_freed_memory
from asi_repro.sandbox.worker import scratch

TOKENS, ANSWERS = "tokens.bin", "answers.bin"
_NOT_ASKED = -1


@dataclass
class _Training:
    model: Any
    optimizer: Any
    schedule: Any
    recipe: Recipe
    slots: int


_running: dict[str, _Training] = {}


def begin(payload: dict[str, Any]) -> dict[str, Any]:
    """Build the model of a training message and its optimizer; what ran before is forgotten."""
    import torch
    from transformers import get_wsd_schedule

    from asi_repro.models.determinism import warm_up
    from asi_repro.train.loop import build_model, seed_everything

    keep_freed_memory()
    message = payload["training"]
    recipe = Recipe(**message["recipe"])
    torch.set_num_threads(recipe.threads)
    warm_up()
    seed_everything(message["seed"])
    model = build_model(message)
    # As the Trainer has it: what is a vector (a norm, a bias) does not decay.
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    betas = (recipe.adam_beta1, recipe.adam_beta2)
    optimizer = torch.optim.AdamW(groups, lr=recipe.learning_rate, betas=betas, eps=recipe.adam_epsilon)
    schedule = get_wsd_schedule(
        optimizer,
        num_warmup_steps=recipe.warmup_steps,
        num_decay_steps=recipe.decay_steps,
        num_training_steps=recipe.steps,
        decay_type=recipe.decay,
        min_lr_ratio=recipe.min_rate_ratio,
    )
    _running["it"] = _Training(model, optimizer, schedule, recipe, payload["slots"])
    return {"parameters": sum(parameter.numel() for parameter in parameters)}


def train(payload: dict[str, Any]) -> dict[str, Any]:
    """Train on the sequences in the scratch folder, a batch a step; the mean loss in nats an answer.

    It ends at the first loss that is not a number, which is then null.
    """
    import torch
    from torch.nn import functional as F

    it = _running["it"]
    tokens, answers = _read(TOKENS, payload["tokens"]), _read(ANSWERS, payload["answers"])
    it.model.train()
    losses = []
    for first in range(0, len(tokens), it.recipe.batch):
        batch = slice(first, first + it.recipe.batch)
        out = it.model(input_ids=tokens[batch])
        logits = out.logits.unflatten(-1, (it.slots, -1)).flatten(0, 2)
        loss = F.cross_entropy(logits, answers[batch].flatten(), ignore_index=_NOT_ASKED)
        losses.append(float(loss.detach()))
        if not math.isfinite(losses[-1]):
            return {"loss": None}
        if out.auxiliary_loss is not None and it.model.config.auxiliary_loss_weight:
            loss = loss + it.model.config.auxiliary_loss_weight * out.auxiliary_loss.to(loss.dtype)
        it.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        if it.recipe.max_grad_norm:
            torch.nn.utils.clip_grad_norm_(it.model.parameters(), it.recipe.max_grad_norm)
        it.optimizer.step()
        it.schedule.step()
    return {"loss": sum(losses) / len(losses)}


def answer(payload: dict[str, Any]) -> dict[str, Any]:
    """The likeliest answers after each token of the sequences in the scratch folder, in C order.

    Null where a logit is not a number.
    """
    import torch

    it = _running["it"]
    tokens = _read(TOKENS, payload["tokens"])
    it.model.eval()
    found = []
    with torch.no_grad():
        for batch in tokens.split(it.recipe.batch):
            logits = it.model(input_ids=batch).logits.unflatten(-1, (it.slots, -1))
            if not logits.isfinite().all():
                return {"answers": None}
            found += logits[:, payload["first"] :].argmax(-1).flatten().tolist()
    return {"answers": found}


def _read(name: str, shape: list[int]) -> Any:
    import numpy as np
    import torch

    values = np.fromfile(scratch() / name, dtype="<i2").reshape(shape)
    return torch.from_numpy(values.astype(np.int64))


TASKS = {"begin": begin, "train": train, "answer": answer}
