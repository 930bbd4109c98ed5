"""Requests a second of our model class against stock HFLM, one GPT-2-shaped model, in one process.

    python benchmarks/bench_evaluate.py [--items FOLDER] [--limit 30] [--rounds 3]

Both run the same requests in alternation; the ratio is of the medians, in CPU seconds of this process (wall
seconds on a machine that others use say little). The goal is 0.95 or more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml
from transformers import GPT2Config, GPT2LMHeadModel

from asi_repro.config.evaluate import DEFAULT_TASKS
from asi_repro.data.benchmarks import BENCHMARKS
from asi_repro.data.items import items_folder
from asi_repro.data.tokenizer import load_tokenizer
from asi_repro.evaluate.lm import AsiReproLM
from asi_repro.evaluate.tasks import task_file


def requests_of(folder: Path, limit: int, encode) -> list:
    """The requests of the eight tasks, as token numbers."""
    manager = TaskManager(
        metadata={"benchmarks_folder": str(folder), "benchmarks_limit": limit}, include_defaults=False
    )
    tasks = manager.load([load_yaml(task_file(BENCHMARKS[name])) for name in DEFAULT_TASKS])["tasks"]
    found = []
    for task in tasks.values():
        task.build_all_requests(limit=limit, rank=0, world_size=1)
        found += [(request.args, *encode(*request.args)) for request in task.instances]
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=Path)
    parser.add_argument("--limit", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = GPT2Config(n_layer=2, n_embd=64, n_head=4, n_positions=1024)
    model = GPT2LMHeadModel(config).eval()
    tokenizer = load_tokenizer().hf
    models = {
        "stock HFLM": HFLM(pretrained=model, tokenizer=tokenizer, batch_size=16),
        "ours, exact": AsiReproLM(model=model, tokenizer=tokenizer, batch_size=16),
        "ours, fast": AsiReproLM(model=model, tokenizer=tokenizer, batch_size=16, exact=False),
    }
    requests = requests_of(
        arguments.items or items_folder(), arguments.limit, models["stock HFLM"]._encode_pair
    )
    seconds: dict[str, list[float]] = {name: [] for name in models}
    for _ in range(arguments.rounds):
        for name, lm in models.items():
            began = time.process_time()
            lm._loglikelihood_tokens(requests, disable_tqdm=True)
            seconds[name].append(time.process_time() - began)
    rates = {name: len(requests) / statistics.median(times) for name, times in seconds.items()}
    stock = rates["stock HFLM"]
    print(
        json.dumps(
            {
                "requests": len(requests),
                "parameters": sum(p.numel() for p in model.parameters()),
                "rounds": arguments.rounds,
                "requests_per_cpu_second": {name: round(rate, 1) for name, rate in rates.items()},
                "ratio_to_stock": {name: round(rate / stock, 3) for name, rate in rates.items()},
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
