"""What training costs: against a bare loop, against transformers' own model, and by length.

    OMP_NUM_THREADS=1 python benchmarks/bench_train.py [--loop] [--lengths [--save]] [--laptop [INDEX ...]]
        [--inductor INDEX]

Processor time, so that other work on the machine matters little; what is compared takes turns. `--laptop`
and `--inductor` run the programs of the release that they are given in this process, with your rights, after
the static check.
"""

from __future__ import annotations

import argparse
import builtins
import importlib.util
import json
import math
import os
import statistics
import tempfile
import time
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from importlib.machinery import SourceFileLoader
from pathlib import Path
from unittest import mock

import numpy as np
import torch

from asi_repro.archive.reader import Archive
from asi_repro.config.train import TrainSettings
from asi_repro.models import program
from asi_repro.models.baselines import load_baseline
from asi_repro.models.lm import build_lm
from asi_repro.models.memory import keep_freed_memory
from asi_repro.models.scales import SCALES
from asi_repro.project import find_project
from asi_repro.results.speed import SPEED, SpeedRow, Speeds
from asi_repro.results.table import SWEEPS_FOLDER
from asi_repro.sandbox.static_check import require_safe
from asi_repro.store.records import write_record
from asi_repro.train import loop
from asi_repro.train.environment import hardware_name
from asi_repro.train.guards import Watch
from asi_repro.train.loop import train

STEPS, ROUNDS = 12, 3
TURN_STEPS, TURNS = 7, 3  # of each model in the comparison at the laptop scale
LENGTHS = (256, 1024, 4096)
STEP_BY_STEP = "delta_net, step by step (fla)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--loop", action="store_true")
    parser.add_argument("--lengths", action="store_true")
    parser.add_argument("--save", action="store_true", help="keep --lengths in artifacts/sweeps/speed.json")
    parser.add_argument("--laptop", type=int, nargs="*", metavar="INDEX")
    parser.add_argument("--inductor", type=int, metavar="INDEX", help="only on request: it takes minutes")
    asked = parser.parse_args()
    others = asked.laptop is not None or asked.inductor is not None
    everything = not (asked.loop or asked.lengths or others)
    keep_freed_memory()
    torch.set_num_threads(1)
    found = {}
    if asked.laptop is not None or everything:
        found["laptop"] = at_laptop_scale(asked.laptop or [])
    if asked.inductor is not None:
        found["inductor"] = with_inductor(asked.inductor)
    if asked.loop or everything:
        found["loop"] = loop_overhead()
    if asked.lengths or everything:
        speeds = by_length()
        found["tokens_per_second"] = speeds.model_dump()
        if asked.save:
            write_record(find_project().artifacts / SWEEPS_FOLDER / SPEED, speeds)
    print(json.dumps(found, indent=2))


def loop_overhead() -> dict[str, float]:
    """Seconds of processor time a step, smoke scale, DeltaNet: bare loop and ours."""
    recipe = _short("smoke", STEPS)
    data = np.random.RandomState(0).randint(0, 50257, (STEPS * recipe.batch, recipe.length))
    bare, ours = [], []
    for _ in range(ROUNDS):
        bare.append(_bare(recipe, data, build_lm(load_baseline("delta_net", backend="cpu"), "smoke")))
        ours.append(_ours(recipe, data, "smoke", baseline="delta_net"))
    return {
        "bare_loop_seconds": statistics.median(bare),
        "trainer_seconds": statistics.median(ours),
        "ratio": statistics.median(ours) / statistics.median(bare),
    }


def at_laptop_scale(indices) -> dict[str, dict[str, float]]:
    """Tokens a second, and how many times those of transformers' Llama of the same size in a plain loop.

    A program goes twice: as it is trained, and with the loop that `models.rows` replaces as it is written.
    """
    recipe = _short("laptop", TURN_STEPS)
    data = np.random.RandomState(0).randint(0, 256, (TURN_STEPS * recipe.batch, recipe.length))
    runs = {"Llama (transformers, plain loop)": lambda: _bare(recipe, data, _llama())}
    for name in ("transformer", "delta_net"):
        runs[name] = lambda name=name: _ours(recipe, data, "laptop", baseline=name)
    for one in map(Archive(find_project().archive).program, indices):
        runs[f"{one.index} as trained"] = lambda text=one.source: _ours(recipe, data, "laptop", program=text)
        runs[f"{one.index} as written"] = lambda text=one.source: _as_written(recipe, data, text)
    seconds = {name: [] for name in runs}
    for _ in range(TURNS):
        for name, run in runs.items():
            seconds[name].append(run())
    rates = {name: recipe.tokens_per_step / statistics.median(found) for name, found in seconds.items()}
    first = next(iter(rates.values()))
    return {name: {"tokens_per_second": rate, "of_llama": rate / first} for name, rate in rates.items()}


def _as_written(recipe, data, program) -> float:
    load = loop.load_program
    loop.load_program = lambda *args, **options: load(*args, **{**options, "rewrite": False})
    try:
        return _ours(recipe, data, "laptop", program=program)
    finally:
        loop.load_program = load


def with_inductor(index: int) -> dict[str, float]:
    """What compiling a program's forward, as it is written, costs and saves beside the program as trained.

    At the laptop scale, and with all of Python's built-ins: with those that a program gets, inductor's guards
    do not compile.
    """
    recipe = _short("laptop", TURN_STEPS)
    data = np.random.RandomState(0).randint(0, 256, (TURN_STEPS * recipe.batch, recipe.length))
    source = Archive(find_project().archive).program(index).source
    require_safe(source)
    given = program.program_builtins
    full = lambda backend: {**vars(builtins), "__import__": given(backend)["__import__"]}  # noqa: E731
    with mock.patch.object(program, "program_builtins", full):
        # Without the rewriting, which inductor's graph breaks at.
        written = program.load_program(source)
    trained = program.load_program(source, rewrite=True)
    seconds = {"as trained": [], "compiled": []}
    starts = []
    with (
        tempfile.TemporaryDirectory() as cache,
        mock.patch.dict(os.environ, TORCHINDUCTOR_CACHE_DIR=cache, TORCHINDUCTOR_COMPILE_THREADS="1"),
    ):
        for _ in range(TURNS):
            seconds["as trained"].append(_bare(recipe, data, build_lm(trained, "laptop")))
            torch.compiler.reset()
            model = build_lm(written, "laptop")
            for module in [m for m in model.modules() if isinstance(m, program.ProgramModule)]:
                module.forward = torch.compile(module.forward)
            began = _processor_seconds()
            tokens = torch.as_tensor(data[: recipe.batch])
            model(input_ids=tokens, labels=tokens).loss.backward()
            starts.append(_processor_seconds() - began)
            seconds["compiled"].append(_bare(recipe, data, model))
    step, compiled = (statistics.median(found) for found in seconds.values())
    saved, again = (step - compiled) * TrainSettings().recipe("laptop").steps, statistics.median(starts[1:])
    pays = math.ceil((starts[0] - again) / (saved - again)) if saved > again else math.inf
    return {
        "step_seconds": step,
        "compiled_step_seconds": compiled,
        "first_step_seconds": starts[0],
        "first_step_with_cache_seconds": again,
        "trainings_until_it_pays": pays,
    }


def _processor_seconds() -> float:
    """Of this process and of the compilers that it has waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def _llama():
    """transformers' model with the laptop scale's width, layers, heads, SwiGLU and vocabulary."""
    from transformers import LlamaConfig, LlamaForCausalLM

    scale = SCALES["laptop"]
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=scale.vocab_size,
            hidden_size=scale.hidden_size,
            intermediate_size=scale.intermediate_size,
            num_hidden_layers=scale.num_layers,
            num_attention_heads=scale.num_heads,
            max_position_embeddings=scale.context,
            use_cache=False,
        )
    )


def _short(scale, steps):
    changes = {"steps": steps, "warmup_steps": 2, "decay_steps": 2, "checkpoint_every": 1000}
    return TrainSettings().recipe(scale).model_copy(update=changes)


def _bare(recipe, data, model) -> float:
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.95), weight_decay=recipe.weight_decay
    )
    seconds = []
    for step in range(recipe.steps):
        began = time.process_time()
        tokens = torch.as_tensor(data[step * recipe.batch : (step + 1) * recipe.batch])
        model(input_ids=tokens, labels=tokens).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.max_grad_norm)
        optimizer.step()
        optimizer.zero_grad()
        seconds.append(time.process_time() - began)
    return statistics.median(seconds[2:])


def _ours(recipe, data, scale, *, baseline=None, program=None) -> float:
    times = []
    message = {
        "key": "",
        "baseline": baseline,
        "program": program,
        "scale": asdict(SCALES[scale]),
        "recipe": recipe.model_dump(),
        "precision": "fp32",
        "seed": 0,
        "auxiliary_loss_weight": 0.0,
        "dtype_policy": "map",
        "device": "cpu",
    }
    with tempfile.TemporaryDirectory() as folder:
        train(
            message,
            lambda position: data[position],
            Path(folder),
            watch=Watch(),
            # From the end of a step to the end of the next: everything that the Trainer does is in it.
            progress=lambda step, loss: times.append(time.process_time()),
        )
    return statistics.median(np.diff(times)[2:])


def by_length() -> Speeds:
    """Training tokens a second of processor time, one sequence, smoke scale, hardly an output layer."""
    rows = []
    for name in ("delta_net", STEP_BY_STEP, "gated_delta_net", "transformer"):
        # A vocabulary of 512 leaves the mixers the larger part, as in a model of a useful size.
        scale = replace(SCALES["smoke"], vocab_size=512, context=max(LENGTHS))
        baseline = "delta_net" if name == STEP_BY_STEP else name
        model = build_lm(load_baseline(baseline, backend="cpu"), scale)
        with step_by_step() if name == STEP_BY_STEP else nullcontext():
            for length in LENGTHS:
                tokens = torch.arange(length)[None] % 512
                seconds = []
                for _ in range(3):
                    began = time.process_time()
                    model(input_ids=tokens, labels=tokens).loss.backward()
                    model.zero_grad()
                    seconds.append(time.process_time() - began)
                rows.append(SpeedRow(model=name, length=length, tokens_per_second=length / min(seconds)))
    return Speeds(
        about=(
            "Forward and backward of one sequence by models of the smoke scale's width and depth with a "
            f"vocabulary of 512; the fastest of three. {STEP_BY_STEP}: the same DeltaNet with fla's torch "
            "reference in place of our chunked product."
        ),
        hardware=hardware_name("cpu"),
        torch=torch.__version__,
        threads=torch.get_num_threads(),
        rows=rows,
    )


@contextmanager
def step_by_step():
    """DeltaNet's core as fla's torch reference has it: one token after the other."""
    from asi_repro.models.baselines import linear

    # By its file: the package around it imports triton, which a machine without CUDA does not have.
    [package] = importlib.util.find_spec("fla").submodule_search_locations
    naive = SourceFileLoader("fla_naive", f"{package}/ops/delta_rule/naive.py").load_module()

    def reference(q, k, v, beta, log_decay=None, *, state=None):
        if log_decay is not None:
            raise ValueError("the reference has no decay")
        return naive.delta_rule_recurrence(q, k, v, beta, initial_state=state)

    ours, linear.gated_delta_rule = linear.gated_delta_rule, reference
    try:
        yield
    finally:
        linear.gated_delta_rule = ours


if __name__ == "__main__":
    main()
