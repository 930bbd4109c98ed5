"""The scores of one model, with everything needed to say what they mean; JSON with one byte form."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Optional

from pydantic import Field

from asi_repro.store.records import Record, read_record

BITS, MARGIN = "answer_bits_per_byte", "answer_margin"


class ItemsRecord(Record):
    """Where a task's items came from."""

    source: str = Field(description="package or hub.")
    dataset: str = Field(description="The package or the hub's repository.")
    revision: str = Field(description="Its version or commit.")
    split: str = Field(description="Split of the stock dataset that the items are.")
    sha256: str = Field(description="SHA-256 of the file of items.")
    available: int = Field(description="Items in that file.")
    note: str = Field(description="What differs from the stock items, or empty.")


class MetricRecord(Record):
    """One score of a task."""

    value: float = Field(description="The score.")
    stderr: Optional[float] = Field(description="Its standard error over items, null where lm-eval has none.")
    higher_is_better: bool = Field(description="Whether more is better.")


class TaskRecord(Record):
    """One task's scores."""

    task: str = Field(description="Name as lm-evaluation-harness has it.")
    lm_eval_task: str = Field(description="Name of the task that was run.")
    version: float = Field(description="Version of the task's definition.")
    shots: int = Field(description="Examples in the prompt.")
    items: int = Field(description="Items scored.")
    main_metric: str = Field(description="The metric that Table 1 shows.")
    chance: Optional[float] = Field(description="That metric of a guess.")
    majority: Optional[float] = Field(
        default=None,
        description="Accuracy of always giving the most common position among these items; null without any.",
    )
    metrics: dict[str, MetricRecord] = Field(description="All scores, by name.")
    per_item: dict[str, list[float]] = Field(
        description="Scores of each item in order, for paired tests; metrics that are means only."
    )
    data: ItemsRecord = Field(description="Where the items came from.")


class PerplexityRecord(Record):
    """Perplexity on held-out text of the training corpus. Not WikiText's."""

    perplexity: float = Field(description="exp of the mean loss.")
    loss: float = Field(description="Mean loss in nats per token.")
    stderr: Optional[float] = Field(description="Standard error of the loss over blocks.")
    tokens: int = Field(description="Tokens scored.")
    block_length: int = Field(description="Tokens a block; each starts without context.")
    corpus: str = Field(description="The text.")
    corpus_stand_in: bool = Field(description="Whether it stands in for the paper's corpus.")
    block_losses: list[float] = Field(description="Loss of each block, for paired tests.")


class EvaluationResult(Record):
    """Everything that one evaluation found."""

    schema_version: Literal[1] = Field(default=1, description="Version of this record.")
    name: str = Field(description="Name of the model.")
    weights_sha256: Optional[str] = Field(description="SHA-256 of the weights, null for a model in memory.")
    program_sha256: Optional[str] = Field(description="SHA-256 of the program, null for other models.")
    parameters: int = Field(description="Parameters of the model.")
    dtype: str = Field(description="Number type of the weights.")
    sandbox: str = Field(description="Sandbox tier the program ran in; none for this process.")
    limit: Optional[int] = Field(description="Items a task at most, null for all.")
    batch_size: int = Field(description="Sequences a batch.")
    max_length: int = Field(description="Tokens a sequence at most.")
    tokenizer: dict[str, Any] = Field(description="The tokenizer and where it came from.")
    versions: dict[str, str] = Field(description="Versions of what computed it.")
    tasks: list[TaskRecord] = Field(description="The benchmarks.")
    validation: Optional[PerplexityRecord] = Field(description="Validation perplexity, null where not run.")
    requests: int = Field(description="Log-likelihoods computed for the tasks.")

    def main_scores(self) -> dict[str, float]:
        """The score that Table 1 shows, by task."""
        return {record.task: record.metrics[record.main_metric].value for record in self.tasks}


def read_result(path: Path) -> EvaluationResult:
    """The result of an evaluation.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not one.
    """
    return read_record(path, EvaluationResult, missing="no result", make="asi-repro evaluate NAME")
