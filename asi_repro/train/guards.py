"""When a training is stopped: NaN, a loss that is too good to be true, a step that takes too long.

Pure functions of numbers; no torch. The leak guard compares with DeltaNet's curve of the same training: a
loss far below it, early, is the sign of a model that sees the tokens it is to foretell.
"""

from __future__ import annotations

import math
import statistics
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal["nan", "leak", "slow"]
# Fewer steps or peers say nothing about how long a step takes.
MIN_TIMED_STEPS = 5
MIN_PEERS = 3


@dataclass(frozen=True)
class Stop:
    """Why a training was stopped.

    Attributes:
        reason: one word.
        step: the optimizer step at which it was seen.
        detail: one sentence with the numbers.
    """

    reason: Reason
    step: int
    detail: str

    def record(self) -> dict[str, Any]:
        """As JSON has it."""
        return {"reason": self.reason, "step": self.step, "detail": self.detail}


@dataclass(frozen=True)
class Watch:
    """What is watched at every step.

    Attributes:
        reference: (step, loss) points of DeltaNet's curve, in order; empty where there is none.
        leak_ratio: stop below this share of the reference's loss; 0 for never.
        leak_from: first step at which that is looked at.
        slow_seconds: stop where the mean step takes longer; None for never.
        max_seconds: stop after so long.
    """

    reference: tuple[tuple[int, float], ...] = ()
    leak_ratio: float = 0.0
    leak_from: int = 1
    slow_seconds: float | None = None
    max_seconds: float = math.inf

    def look(self, step: int, loss: float, *, timed_steps: int, seconds: float) -> Stop | None:
        """Whether to stop after a step.

        Args:
            step: optimizer steps done, from 1.
            loss: of this step, in nats per token.
            timed_steps: steps done since this process began, which took `seconds`.
        """
        if not math.isfinite(loss):
            return Stop("nan", step, f"the loss is {loss} at step {step}")
        expected = interpolate(self.reference, step)
        if expected is not None and step >= self.leak_from and loss < self.leak_ratio * expected:
            return Stop(
                "leak",
                step,
                f"the loss is {loss:.4f} at step {step}, below {self.leak_ratio:g} times DeltaNet's "
                f"{expected:.4f}: the model seems to see the tokens it is to foretell",
            )
        if seconds > self.max_seconds:
            return Stop("slow", step, f"{seconds:.0f} s for {timed_steps} steps, over the limit")
        if self.slow_seconds is not None and timed_steps >= MIN_TIMED_STEPS:
            mean = seconds / timed_steps
            if mean > self.slow_seconds:
                return Stop("slow", step, f"{mean:.3f} s a step, over {self.slow_seconds:.3f} s")
        return None

    def message(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "reference": [list(point) for point in self.reference],
            "leak_ratio": self.leak_ratio,
            "leak_from": self.leak_from,
            "slow_seconds": self.slow_seconds,
            "max_seconds": self.max_seconds if math.isfinite(self.max_seconds) else None,
        }

    @classmethod
    def from_message(cls, message: dict[str, Any]) -> Watch:
        """The watch that `message` made."""
        return cls(
            reference=tuple((int(step), float(loss)) for step, loss in message["reference"]),
            leak_ratio=message["leak_ratio"],
            leak_from=message["leak_from"],
            slow_seconds=message["slow_seconds"],
            max_seconds=math.inf if message["max_seconds"] is None else message["max_seconds"],
        )


def interpolate(points: Sequence[tuple[int, float]], step: int) -> float | None:
    """The loss at a step on the line through the points; None outside them."""
    steps = [at for at, _ in points]
    place = bisect_left(steps, step)
    if place < len(points) and steps[place] == step:
        return points[place][1]
    if place in (0, len(points)):
        return None
    (left, low), (right, high) = points[place - 1], points[place]
    return low + (high - low) * (step - left) / (right - left)


def slow_limit(peers: Sequence[float], ratio: float) -> float | None:
    """The longest mean step in seconds, from the peers' mean steps on the same machine.

    None where the guard is off or there are fewer than `MIN_PEERS` peers.
    """
    if not ratio or len(peers) < MIN_PEERS:
        return None
    return ratio * statistics.median(peers)
