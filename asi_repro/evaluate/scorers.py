"""Who runs the model: this process, or a worker in the sandbox.

In the sandbox the program gets token numbers and gives log-likelihoods. Which answer is right never enters
its process, so it cannot look its score up; everything that comes back is checked.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.evaluate.loglikelihoods import Request, Row, Score, plan, score_batch
from asi_repro.sandbox import gpu
from asi_repro.sandbox.client import SandboxWorker
from asi_repro.sandbox.outcome import Limits
from asi_repro.sandbox.tiers import gpu_tier

if TYPE_CHECKING:
    from asi_repro.sandbox.client import SandboxWorker

MODEL_FILES = ("config.json", "program.py", "model.safetensors")
TASK_MODULE = "asi_repro.evaluate.tasks_worker"
_BATCHES_A_CALL = 16
_LOAD_SECONDS = 300.0
_WORKING_MEMORY = 6 << 30

Progress = Callable[[int], None]
Numbered = tuple[int, float, bool]


class NoScore(AsiReproError):
    """The model's log-likelihoods are not numbers."""


class Scorer(ABC):
    """Answers (context, continuation) requests in token numbers."""

    @property
    @abstractmethod
    def tier(self) -> str:
        """The sandbox tier the model runs in, or "none"."""

    @abstractmethod
    def _found(self, batches: list[list[Row]]) -> Iterator[tuple[list[Row], list[Numbered]]]:
        """Some of the batches' rows at a time, with their scores by number of the request."""

    def scores(
        self,
        requests: Sequence[Request],
        *,
        batch_size: int,
        max_length: int,
        progress: Progress | None = None,
    ) -> list[Score]:
        """The log-likelihood (nats) and greedy match of each request, in their order.

        Raises:
            SandboxFailure: where a program in the sandbox fails, hangs or takes too much.
            AsiReproError: where what came back is not log-likelihoods, or one is not finite.
        """
        answers: list[Score | None] = [None] * len(requests)
        for rows, found in self._found(list(plan(requests, batch_size, max_length))):
            _place(answers, found, rows)
            if progress is not None:
                progress(len(found))
        return _complete(answers)


class LocalScorer(Scorer):
    """The model in this process: for baselines, reference models, and programs that are trusted."""

    tier = "none"

    def __init__(self, model: Any, *, exact: bool = True) -> None:
        self.model = model
        self.exact = exact

    def _found(self, batches: list[list[Row]]) -> Iterator[tuple[list[Row], list[Numbered]]]:
        for batch in batches:
            yield batch, score_batch(self.model, batch, exact=self.exact)


class SandboxScorer(Scorer):
    """The model in a sandboxed worker; a context manager.

    Args:
        folder: a model's folder as `save_pretrained` writes it.
        exact: see `asi_repro.evaluate.loglikelihoods`.
        device: cpu or cuda.
        unsafe: resource limits only, where no tier works.

    Raises:
        SandboxUnavailable: for CUDA, where no tier shows a program a GPU.
    """

    def __init__(
        self,
        folder: Path,
        *,
        exact: bool = True,
        device: str = "cpu",
        unsafe: bool = False,
        seconds_a_call: float = 600.0,
    ) -> None:
        cuda = device.startswith("cuda")
        self.folder = folder
        self.device = device
        self.exact = exact
        self.facts: dict[str, Any] = {}
        self._files = [name for name in MODEL_FILES if (folder / name).is_file()]
        if "model.safetensors" not in self._files:
            raise MissingInput(
                f"there is no model.safetensors in {folder}",
                hint="train the model with `asi-repro train NAME`",
            )
        size = sum((folder / name).stat().st_size for name in self._files)
        self._seconds = seconds_a_call
        # The bound on processor time holds for every call, and loading may take longer than scoring.
        self._load_seconds = max(_LOAD_SECONDS, seconds_a_call)
        self._worker: SandboxWorker = SandboxWorker(
            TASK_MODULE,
            Limits(
                memory_bytes=_WORKING_MEMORY + 4 * size,
                cpu_seconds=self._load_seconds * 4,
                wall_seconds=seconds_a_call,
                scratch_bytes=size + (64 << 20),
                total_cpu_seconds=7 * 24 * 3600,
            ),
            tier=gpu_tier() if cuda and not unsafe else None,
            unsafe=unsafe,
            preload=("torch", "transformers", *((gpu.START,) if cuda else ())),
        )

    def __enter__(self) -> SandboxScorer:
        self._worker.start()
        try:
            for name in self._files:
                self._worker.scratch.write(name, (self.folder / name).read_bytes())
            self.facts = self._worker.call("load", {"device": self.device}, timeout=self._load_seconds)
        except BaseException:
            self._worker.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.close()

    @property
    def tier(self) -> str:
        """The sandbox tier the worker runs in."""
        return str(self._worker.tier)

    def _found(self, batches: list[list[Row]]) -> Iterator[tuple[list[Row], list[Numbered]]]:
        for start in range(0, len(batches), _BATCHES_A_CALL):
            part = batches[start : start + _BATCHES_A_CALL]
            rows = [[[row.tokens, row.continuations] for row in batch] for batch in part]
            payload = {"batches": rows, "exact": self.exact}
            value = self._worker.call("score", payload, timeout=self._seconds)
            yield [row for batch in part for row in batch], _checked(value)


def _checked(value: dict[str, Any]) -> list[Numbered]:
    """What a worker returned, as scores; a log-likelihood that is not finite comes as null."""
    scores = value.get("scores")
    if not isinstance(scores, list):
        raise AsiReproError("the sandboxed model returned no scores")
    found = []
    for entry in scores:
        if not isinstance(entry, list) or len(entry) != 3:
            raise AsiReproError("the sandboxed model returned a malformed score")
        number, likelihood, greedy = entry
        if type(number) is not int or type(greedy) is not bool:
            raise AsiReproError("the sandboxed model returned a malformed score")
        if likelihood is not None and type(likelihood) not in (int, float):
            raise AsiReproError("the sandboxed model returned a malformed score")
        found.append((number, math.nan if likelihood is None else float(likelihood), greedy))
    return found


def _place(answers: list[Score | None], found: Sequence[Numbered], rows: Sequence[Row]) -> None:
    asked = {number for row in rows for number, _ in row.continuations}
    if {number for number, _, _ in found} != asked or len(found) != len(asked):
        raise AsiReproError("the model returned scores for other requests than it was given")
    for number, likelihood, greedy in found:
        answers[number] = (likelihood, greedy)


def _complete(answers: list[Score | None]) -> list[Score]:
    scores = [answer for answer in answers if answer is not None]
    broken = sum(not math.isfinite(value) for value, _ in scores)
    if broken:
        raise NoScore(
            f"{broken} of {len(scores)} log-likelihoods are NaN or infinite: there is no score",
            hint="look at the training loss: the model may have diverged",
        )
    return scores
