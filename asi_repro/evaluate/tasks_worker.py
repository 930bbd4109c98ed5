"""What runs in the sandbox: load a model from the scratch folder, then score batches of token numbers.

The program shares this process, so it could make up log-likelihoods. It does not know which answer is right:
that stays with the caller.
"""

from __future__ import annotations

import math
from typing import Any

from asi_repro.evaluate.loglikelihoods import Row, score_batch
from asi_repro.models.memory import keep_freed_memory
from asi_repro.sandbox.worker import scratch

_loaded: dict[str, Any] = {}


def load(payload: dict[str, Any]) -> dict[str, Any]:
    """Load the model whose files the caller wrote into the scratch folder onto `payload["device"]`."""
    import torch

    from asi_repro.models.lm import AsiArchForCausalLM

    keep_freed_memory()
    torch.manual_seed(0)
    model = AsiArchForCausalLM.from_pretrained(scratch())
    model.to(payload["device"]).eval()
    _loaded["model"] = model
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "dtype": str(next(iter(model.parameters())).dtype).removeprefix("torch."),
    }


def score(payload: dict[str, Any]) -> dict[str, Any]:
    """Score batches: [[[tokens, [[number, continuation], …]], …], …] to [[number, nats, greedy], …]."""
    scores = []
    for batch in payload["batches"]:
        rows = [Row(tokens, [(number, text) for number, text in asked]) for tokens, asked in batch]
        for number, likelihood, greedy in score_batch(_loaded["model"], rows, exact=payload["exact"]):
            scores.append([number, likelihood if math.isfinite(likelihood) else None, greedy])
    return {"scores": scores}


TASKS = {"load": load, "score": score}
