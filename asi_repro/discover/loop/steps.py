"""The steps of an experiment and which follows which: what the loop does, and what a monitor of it shows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal

StepKind = Literal[
    "sample", "propose", "novelty", "check", "train", "repair", "check.repair", "judge", "analyse"
]
_NUMBERED = ("propose", "novelty", "check", "train", "repair", "check.repair")
_NAME = re.compile(
    rf"(sample|judge|analyse)|({'|'.join(map(re.escape, reversed(_NUMBERED)))})\.([0-9]{{1,4}})"
)


@dataclass(frozen=True)
class Step:
    """One step; its result is a line of the journal.

    Attributes:
        kind: what is done.
        number: of the proposal, or of the repair; 0 where there is but one.
    """

    kind: StepKind
    number: int = 0

    @property
    def name(self) -> str:
        """As the journal has it."""
        return f"{self.kind}.{self.number}" if self.kind in _NUMBERED else self.kind

    @classmethod
    def parse(cls, name: str) -> Step | None:
        """The step of a name; None for a name that no step has."""
        found = _NAME.fullmatch(name)
        return cls(found[1] or found[2], int(found[3] or 0)) if found else None  # type: ignore[arg-type]


@dataclass(frozen=True)
class StepRules:
    """What decides which steps an experiment has.

    Attributes:
        is_root: the first program: neither sampled nor compared with others.
        proposals: tries to pass the novelty check and the checks.
        repairs: tries of the Engineer; 0 where there is none.
        compared: whether there is a novelty check.
        judged: whether there is a Judge.
        analysed: whether there is an Analyst.
    """

    is_root: bool
    proposals: int
    repairs: int
    compared: bool = True
    judged: bool = True
    analysed: bool = True

    @property
    def first(self) -> Step:
        """What an experiment begins with."""
        return Step("propose") if self.is_root else Step("sample")

    def after(self, step: Step, passed: bool) -> Step | None:
        """The next step; None where the experiment is over.

        Args:
            passed: see `passed`.
        """
        number = step.number
        match step.kind:
            case "sample":
                return Step("propose")
            case "propose" | "novelty" | "check" if not passed:
                return Step("propose", number + 1) if number + 1 < self.proposals else None
            case "propose":
                return Step("check" if self.is_root or not self.compared else "novelty", number)
            case "novelty":
                return Step("check", number)
            case "check":
                return Step("train")
            case "train" if not passed:
                return Step("repair", number) if number < self.repairs else None
            case "train":
                return Step("judge") if self.judged else self._analysis
            case "repair":
                return Step("check.repair", number) if passed else None
            case "check.repair":
                return Step("train", number + 1) if passed else None
            case "judge":
                return self._analysis
        return None

    @property
    def _analysis(self) -> Step | None:
        return Step("analyse") if self.analysed else None


def passed(step: Step, value: Any) -> bool:
    """Whether a step's result lets the experiment go on.

    That a proposal repeats a known program, that a program leaks, and that a loss is too good show only with
    what stands outside the journal: the loop adds these.
    """
    if step.kind in ("novelty", "check", "check.repair"):
        return isinstance(value, dict) and value.get("accepted") is True
    if step.kind == "train":
        return isinstance(value, dict) and value.get("metrics") is not None
    return value is not None
