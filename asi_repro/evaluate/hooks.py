"""What lm-evaluation-harness calls: the items of a task. Importing this registers the model `asi-repro`.

lm-eval 0.4.13 has no entry points for models. It does import what a task's YAML file names before it looks up
the model, so a task given as the path of one of our YAML files makes `--model asi-repro` known to the plain
`lm_eval` command.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval.api.registry import model_registry

if TYPE_CHECKING:
    from datasets import Dataset

MODEL = "asi-repro"
MODEL_CLASS = "asi_repro.evaluate.lm:AsiReproLM"

if MODEL not in model_registry:
    model_registry.register(MODEL, target=MODEL_CLASS)


def items(
    benchmark: str, benchmarks_folder: str | None = None, benchmarks_limit: int | None = None, **_: Any
) -> dict[str, Dataset]:
    """The split `items` of a task.

    Args:
        benchmark: the task's name in `BENCHMARKS`.
        benchmarks_folder: where the items are; None takes the project's.
        benchmarks_limit: take the first items only. lm-eval's own limit prepares all items first.

    Raises:
        MissingInput: where they were not prepared.
        DataError: where they are not those recorded.
    """
    from datasets import Dataset

    from asi_repro.data.items import items_folder, load_items

    folder = Path(benchmarks_folder) if benchmarks_folder else items_folder()
    rows, _file = load_items(folder, benchmark)
    return {"items": Dataset.from_list(rows[:benchmarks_limit])}


def hellaswag_docs(dataset: Dataset) -> Dataset:
    """Queries and endings without the marks that the WikiHow part of HellaSwag left in them."""
    return dataset.map(_hellaswag_doc)


def _hellaswag_doc(row: dict[str, Any]) -> dict[str, Any]:
    context = f"{row['ctx_a']} {row['ctx_b'].capitalize()}"
    return {
        "query": _clean(f"{row['activity_label']}: {context}"),
        "choices": [_clean(ending) for ending in row["endings"]],
        "gold": int(row["label"]),
    }


def _clean(text: str) -> str:
    text = text.strip().replace(" [title]", ". ")
    return re.sub(r"\[.*?\]", "", text).replace("  ", " ")


def winogrande_text(row: dict[str, Any]) -> int:
    """Which of the two contexts is right: the task scores one ending after each of them."""
    return int(row["answer"]) - 1


def winogrande_target(row: dict[str, Any]) -> str:
    """The sentence after its gap."""
    return str(row["sentence"].partition("_")[2]).strip()


def winogrande_choices(row: dict[str, Any]) -> list[str]:
    """The sentence up to its gap, filled with either option."""
    start = row["sentence"].partition("_")[0]
    return [start + row["option1"], start + row["option2"]]
