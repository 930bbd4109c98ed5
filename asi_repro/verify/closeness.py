"""Comparing outputs, and the worst case among many comparisons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from asi_repro.verify.results import CheckResult, at_most


def difference(a: Tensor, b: Tensor, scale: float) -> float:
    """Largest absolute difference over `scale`; infinite where only one of the two is finite."""
    if a.numel() == 0:
        return 0.0
    if not bool(torch.isfinite(a).all()) or not bool(torch.isfinite(b).all()):
        return 0.0 if torch.equal(torch.nan_to_num(a), torch.nan_to_num(b)) else float("inf")
    return float((a - b).abs().max()) / scale


def scale_of(*tensors: Tensor) -> float:
    """Largest absolute value, or 1 where all are zero: what differences are relative to."""
    largest = max((float(t.abs().max()) for t in tensors if t.numel()), default=0.0)
    return largest if largest > 0 else 1.0


def finite(*tensors: Tensor) -> bool:
    """Whether no tensor holds a NaN or an infinity."""
    return all(bool(torch.isfinite(t).all()) for t in tensors)


RELATIVE = "relative change"


@dataclass
class Worst:
    """Keeps the largest of many values, with where each came from, and what could not be probed."""

    value: float | None = None
    probes: int = 0
    cases: list[dict[str, Any]] = field(default_factory=list)
    skipped: list[dict[str, Any]] = field(default_factory=list)

    def add(self, value: float, **where: Any) -> None:
        """Count one probe."""
        self.probes += 1
        self.cases.append({"value": value, **where})
        if self.value is None or value > self.value:
            self.value = value

    def join(self, other: Worst) -> None:
        """Count the probes of `other` too."""
        self.probes += other.probes
        self.cases += other.cases
        self.skipped += other.skipped
        self.value = max((case["value"] for case in self.cases), default=None)

    def skip(self, reason: str, **where: Any) -> None:
        """Note a probe that gave no number."""
        self.skipped.append({"reason": reason, **where})

    def detail(self, threshold: float, *, keep: int = 8) -> dict[str, Any]:
        """The worst cases above `threshold` (or the single worst), how many there are, what was skipped."""
        ranked = sorted(self.cases, key=lambda case: -case["value"])
        above = [case for case in ranked if not case["value"] <= threshold]
        found: dict[str, Any] = {"probes": self.probes, "above_threshold": len(above)}
        # Below the threshold there is only rounding, which no two kinds of CPU share.
        if above:
            found["worst"] = above[:keep]
        aside = [case for case in self.cases if "rounding" in case]
        if aside:
            found["set_aside_as_rounding"] = len(aside)
        if self.skipped:
            found["skipped"] = self.skipped[:keep]
            found["skipped_probes"] = len(self.skipped)
        if self.value is None:
            reasons = sorted({skip["reason"] for skip in self.skipped})
            found["reason"] = "; ".join(reasons[:3]) or "no probe ran"
        return found

    def tried(self, *names: str) -> dict[str, list[Any]]:
        """The values of `names` that probes gave a number for: what a verdict stands on."""
        found: dict[str, list[Any]] = {name: [] for name in names}
        for case in self.cases:
            for name in names:
                if name in case and case[name] not in found[name]:
                    found[name].append(case[name])
        return {name: sorted(values) for name, values in found.items() if values}

    def row(
        self, name: str, threshold: float, method: str, *tried: str, unit: str = RELATIVE, **more: Any
    ) -> CheckResult:
        """The row that passes where no value is above `threshold`.

        Args:
            tried: names of what the probes differ in.
            more: further details.
        """
        detail = self.detail(threshold) | {"tried": self.tried(*tried)} | more
        return at_most(name, self.value, threshold, unit=unit, method=method, detail=detail)

    def output(self, run: Callable[[], Tensor], **where: Any) -> Tensor | None:
        """What a probe gave; None, and noted, where it fails or is not finite."""
        try:
            found = run()
        except Exception as error:
            self.skip(error_text(error), **where)
            return None
        if finite(found):
            return found
        self.skip("output not finite", **where)
        return None


def error_text(error: BaseException, *, limit: int = 160) -> str:
    """A program's error as one short line (text from outside: escape it before showing it)."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:limit]}" if text else type(error).__name__
