"""Our tasks and our model against lm-eval's own, on the same items: prompts and numbers, bit for bit."""

from __future__ import annotations

from pathlib import Path

import lm_eval
import numpy as np
import pytest
from conftest import STOCK_YAML
from datasets import Dataset
from lm_eval import simple_evaluate
from lm_eval.models.huggingface import HFLM
from lm_eval.tasks import TaskManager
from lm_eval.tasks._yaml_loader import load_yaml

from asi_repro.data.benchmarks import BENCHMARKS, PACKAGE_TASKS
from asi_repro.data.items import load_items
from asi_repro.evaluate.answer_scores import right_answer
from asi_repro.evaluate.lm import AsiReproLM
from asi_repro.evaluate.run import evaluate_lm
from asi_repro.evaluate.tasks import task_file
from asi_repro.results.evaluation import BITS, MARGIN

STOCK = Path(lm_eval.__file__).parent / "tasks"


def stock_config(name: str, items: Path) -> dict:
    """lm-eval's own YAML file of a task, with our items as its dataset."""
    config = load_yaml(STOCK / STOCK_YAML[name])
    rows = Dataset.from_list(load_items(items, name)[0])
    split = BENCHMARKS[name].hub.split
    config["custom_dataset"] = lambda **_: {split: rows}
    for other in ("training_split", "validation_split", "test_split"):
        if config.get(other) != split:
            config.pop(other, None)
    return config


def run(lm, configs: list[dict], items: Path, limit: int | None) -> dict:
    manager = TaskManager(metadata={"benchmarks_folder": str(items)}, include_defaults=False)
    return simple_evaluate(
        model=lm, tasks=configs, limit=limit, bootstrap_iters=0, task_manager=manager, log_samples=True
    )


def compare(names, items, gpt2_model, gpt2, limit, batch_size) -> int:
    """Prompts, answers, log-likelihoods, per-item scores and totals; returns the number of requests."""
    stock_lm = HFLM(
        pretrained=gpt2_model, tokenizer=gpt2.hf, batch_size=batch_size, backend="causal", max_length=256
    )
    our_lm = AsiReproLM(model=gpt2_model, tokenizer=gpt2.hf, batch_size=batch_size, max_length=256)
    stock = run(stock_lm, [stock_config(name, items) for name in names], items, limit)
    ours = run(our_lm, [load_yaml(task_file(BENCHMARKS[name])) for name in names], items, limit)
    requests = 0
    for name in names:
        task = BENCHMARKS[name].task
        assert ours["versions"][task] == stock["versions"][name], name
        assert ours["n-shot"][task] == 0
        assert len(ours["samples"][task]) == len(stock["samples"][name])
        for mine, theirs in zip(ours["samples"][task], stock["samples"][name], strict=True):
            assert mine["arguments"] == theirs["arguments"], name
            assert mine["resps"] == theirs["resps"], name
            assert str(mine["target"]) == str(theirs["target"])
            requests += len(mine["arguments"])
            if len(mine["arguments"]) > 1:
                likelihoods = [likelihood for likelihood, _ in mine["filtered_resps"]]
                assert (np.argmax(likelihoods) == right_answer(mine)) == bool(mine["acc"]), name
            for metric in BENCHMARKS_METRICS[name]:
                assert mine[metric] == theirs[metric], (name, metric)
        for metric in BENCHMARKS_METRICS[name]:
            assert ours["results"][task][f"{metric},none"] == stock["results"][name][f"{metric},none"]
            assert ours["higher_is_better"][task][metric] == stock["higher_is_better"][name][metric]
    return requests


BENCHMARKS_METRICS = {
    "arc_easy": ["acc", "acc_norm"],
    "arc_challenge": ["acc", "acc_norm"],
    "boolq": ["acc"],
    "hellaswag": ["acc", "acc_norm"],
    "lambada_openai": ["acc", "perplexity"],
    "openbookqa": ["acc", "acc_norm"],
    "piqa": ["acc", "acc_norm"],
    "social_iqa": ["acc"],
    "winogrande": ["acc"],
    "wikitext": ["word_perplexity", "byte_perplexity", "bits_per_byte"],
}


# Choices, a last word, and a whole page: the kinds of request. The tasks differ only in their prompts.
KINDS = ["arc_easy", "lambada_openai", "wikitext"]


def test_all_tasks_on_made_up_items(made_up, gpt2_model, gpt2):
    assert compare(list(BENCHMARKS), made_up, gpt2_model, gpt2, None, 7) > 100


def test_every_kind_of_request_one_at_a_time(made_up, gpt2_model, gpt2):
    assert compare(KINDS, made_up, gpt2_model, gpt2, None, 1) == 6 * (3 + 1 + 1)


def test_the_first_real_items_of_every_task(first_items, gpt2_model, gpt2):
    assert compare(list(PACKAGE_TASKS), first_items, gpt2_model, gpt2, 4, 8) == 4 * (
        4 + 4 + 2 + 4 + 1 + 4 + 2 + 3 + 2
    )


@pytest.mark.slow
def test_many_real_items_of_every_task(real_items, gpt2_model, gpt2):
    assert compare(list(PACKAGE_TASKS), real_items, gpt2_model, gpt2, 100, 16) > 2000


@pytest.mark.parametrize(("batch_size", "tasks"), [(1, KINDS), (7, list(BENCHMARKS))])
def test_the_fast_way_differs_by_rounding_only(made_up, gpt2_model, gpt2, batch_size, tasks):
    results = []
    for exact in (True, False):
        lm = AsiReproLM(model=gpt2_model, tokenizer=gpt2.hf, batch_size=batch_size, exact=exact)
        results.append(evaluate_lm(lm, tasks, items=made_up, name="random", tokenizer=gpt2))
    for exact, fast in zip(results[0].tasks, results[1].tasks, strict=True):
        for metric, items in exact.per_item.items():
            continuous = metric in (BITS, MARGIN)
            assert fast.per_item[metric] == (pytest.approx(items, abs=1e-4) if continuous else items)
        for metric, record in exact.metrics.items():
            assert fast.metrics[metric].value == pytest.approx(record.value, rel=1e-5, abs=1e-5)
        # Every score of the stock task is in our result.
        assert set(exact.metrics) - {BITS, MARGIN} == set(BENCHMARKS_METRICS[exact.task])
        assert (MARGIN in exact.metrics) == (exact.majority is not None)
        assert (BITS in exact.metrics) == (exact.chance is not None)
        assert exact.main_metric in exact.metrics


def test_prompts_longer_than_the_model_lose_their_beginning_as_in_stock(made_up, gpt2):
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(1)
    model = GPT2LMHeadModel(GPT2Config(n_layer=1, n_embd=16, n_head=2, n_positions=16)).eval()
    stock = HFLM(pretrained=model, tokenizer=gpt2.hf, batch_size=3, max_length=16)
    ours = AsiReproLM(model=model, tokenizer=gpt2.hf, batch_size=3, max_length=16)
    requests = [
        (("a", "b"), gpt2.hf("word " * n).input_ids, gpt2.hf(" the end " * k).input_ids)
        for n in (1, 9, 15, 16, 17, 40)
        for k in (1, 3)
    ]
    assert ours._loglikelihood_tokens(requests) == stock._loglikelihood_tokens(requests)
