"""The loss curve as it is made, the guards at every step, and checkpoints as they are written."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from asi_repro.config.train import Recipe
from asi_repro.train.guards import Stop, Watch

CURVE_FILE = "curve.json"
COLUMNS = ("step", "tokens", "loss", "mean_loss", "learning_rate", "grad_norm", "auxiliary_loss")

Progress = Callable[[int, float], None]
Saved = Callable[[int, Path], None]


class Recorder(TrainerCallback):
    """Collects losses, decides to stop, and hands over checkpoints.

    Attributes:
        curve: rows of `COLUMNS`; losses in nats per token, `mean_loss` over the steps since the row before.
        stop: why the training ended early, or None.
        seconds: processor seconds on a CPU, wall seconds on CUDA, of the steps of this process.
        timed_steps: those steps.
    """

    def __init__(
        self,
        recipe: Recipe,
        watch: Watch,
        *,
        clock: Callable[[], float] = time.process_time,
        reduce: Callable[[float], float] = lambda value: value,
        progress: Progress | None = None,
        saved: Saved | None = None,
    ) -> None:
        self.curve: list[dict[str, Any]] = []
        self.stop: Stop | None = None
        self.timed_steps = 0
        self.seconds = 0.0
        self._recipe, self._watch, self._clock, self._reduce = recipe, watch, clock, reduce
        self._progress, self._saved = progress, saved
        self._micro: list[float] = []
        self._auxiliary: list[float] = []
        self._since: list[float] = []
        self._grad_norm: float | None = None
        self._rate = 0.0
        self._began = 0.0

    def heard(self, loss: float, auxiliary: float | None) -> None:
        """Take one micro-batch's losses."""
        self._micro.append(loss)
        if auxiliary is not None:
            self._auxiliary.append(auxiliary)

    def clipped(self, norm: float) -> None:
        """Take the gradients' norm before clipping."""
        self._grad_norm = norm

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._began = self._clock()
        scheduler = kwargs.get("lr_scheduler")
        self._rate = float(scheduler.get_last_lr()[0]) if scheduler is not None else 0.0

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        step = state.global_step
        loss = self._reduce(math.fsum(self._micro) / len(self._micro)) if self._micro else math.nan
        self.seconds += self._clock() - self._began
        self.timed_steps += 1
        self._since.append(loss)
        self.stop = self._watch.look(step, loss, timed_steps=self.timed_steps, seconds=self.seconds)
        if self._recipe.recorded(step) or self.stop:
            self._record(step, loss)
        self._micro.clear()
        self._auxiliary.clear()
        if self._progress is not None:
            self._progress(step, loss)
        if self.stop is not None:
            control.should_training_stop = True
            control.should_save = False

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        if self._saved is not None and args.output_dir is not None:
            self._saved(state.global_step, Path(args.output_dir) / f"checkpoint-{state.global_step}")

    def save(self, folder: Path) -> None:
        """Write the curve so far beside a checkpoint."""
        kept = {"curve": self.curve, "since": self._since}
        (folder / CURVE_FILE).write_text(json.dumps(kept), encoding="utf-8")

    def load(self, folder: Path) -> None:
        """Go on from the curve beside a checkpoint."""
        kept = json.loads((folder / CURVE_FILE).read_text(encoding="utf-8"))
        self.curve, self._since = kept["curve"], kept["since"]

    def _record(self, step: int, loss: float) -> None:
        finite = [value for value in self._since if math.isfinite(value)]
        auxiliary = math.fsum(self._auxiliary) / len(self._auxiliary) if self._auxiliary else None
        row = (
            step,
            step * self._recipe.tokens_per_step,
            _finite(loss),
            _finite(math.fsum(finite) / len(finite)) if len(finite) == len(self._since) else None,
            self._rate,
            _finite(self._grad_norm),
            _finite(auxiliary),
        )
        self.curve.append(dict(zip(COLUMNS, row, strict=True)))
        self._since.clear()


def _finite(value: float | None) -> float | None:
    """JSON has no NaN: a missing number."""
    return value if value is not None and math.isfinite(value) else None
