"""The Judge: four parts on a scale with DeltaNet at 5 and Gated DeltaNet at 10, asked several times.

A part's place on the scale is divided by 10, so DeltaNet is 0.5 and Gated DeltaNet 1.0. A sample's score is
the weighted mean of its parts; the score is the mean of the samples, and the spread their standard deviation
(n - 1 below). The paper states neither weights nor the number of samples: both are settings.
"""

from __future__ import annotations

from statistics import fmean, stdev

from pydantic import Field

from asi_repro.config.roles import PARTS, JudgeWeights, RolesSettings
from asi_repro.discover.prompts import load_prompt
from asi_repro.discover.roles.asking import RoleAnswer, ask_for
from asi_repro.discover.roles.facts import results_text
from asi_repro.discover.types import Judgement, Metrics, Proposal
from asi_repro.llm.client import LLM
from asi_repro.traces.spans import Trace

ROLE = "judge"
SCALE = 10
# Scores are committed: what is beyond this is the rounding of a sum.
_DIGITS = 6


class Mark(RoleAnswer):
    """One part on the scale."""

    reason: str = Field(min_length=5, max_length=1000, description="One sentence.")
    score: float = Field(ge=0, le=SCALE, description="0 to 10: DeltaNet is 5, Gated DeltaNet is 10.")


class Marks(RoleAnswer):
    """What the Judge answers."""

    innovation: Mark
    complexity: Mark
    correctness: Mark
    convergence: Mark


class LlmJudge:
    """Judges by asking a model as often as the settings say; each time is a call of its own."""

    def __init__(self, llm: LLM, settings: RolesSettings) -> None:
        self._llm, self._settings = llm, settings

    def judge(self, proposal: Proposal, metrics: Metrics, baseline: Metrics, trace: Trace) -> Judgement:
        """See `discover.types.Judge`.

        Raises:
            RoleFailure: where the model gives no usable answer, also when asked again.
            BudgetExceeded, ReplayMiss, Unreachable: as `LLM.ask`.
        """
        prompt = load_prompt("judge").render(
            name=proposal.name,
            motivation=proposal.motivation,
            program=proposal.program,
            results=results_text(metrics, baseline),
            baseline=results_text(baseline),
        )
        asked = range(self._settings.judge_samples)
        return combine(
            [ask_for(self._llm, ROLE, prompt, Marks, trace) for _ in asked], self._settings.judge_weights
        )


def combine(samples: list[Marks], weights: JudgeWeights) -> Judgement:
    """The judgement of several answers to the same question.

    Raises:
        ValueError: for no samples.
    """
    if not samples:
        raise ValueError("a judgement needs an answer")
    marks = [{part: getattr(sample, part).score / SCALE for part in PARTS} for sample in samples]
    scores = [sum(getattr(weights, part) * mark[part] for part in PARTS) for mark in marks]
    return Judgement(
        score=round(fmean(scores), _DIGITS),
        parts={part: round(fmean(mark[part] for mark in marks), _DIGITS) for part in PARTS},
        samples=tuple(round(score, _DIGITS) for score in scores),
        spread=round(stdev(scores), _DIGITS) if len(scores) > 1 else 0.0,
    )
