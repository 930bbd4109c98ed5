"""One experiment, step by step: sample, propose, novelty, check, train, evaluate, judge, analyse, commit.

Every step that costs something goes through the journal. What is between the steps is worked out again
after a restart, from the same inputs, and comes out the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from asi_repro.config.discover import DiscoverSettings
from asi_repro.discover.json_values import from_json, to_json
from asi_repro.discover.lab.result import decode_result, encode_result
from asi_repro.discover.loop.fitness import compute_fitness, differences
from asi_repro.discover.loop.journal import Journal
from asi_repro.discover.loop.pool import Pool, Sample
from asi_repro.discover.loop.schedule import ROOT, Schedule
from asi_repro.discover.loop.steps import Step, StepRules, passed
from asi_repro.discover.run.content import AnalysisLinks, Discovery, FinishedExperiment
from asi_repro.discover.run.rejected import TurnedDown
from asi_repro.discover.types import (
    Analysis,
    Brief,
    Candidate,
    Judgement,
    LabFailure,
    LeakSuspected,
    Metrics,
    Proposal,
    RoleFailure,
    Team,
    Verdict,
)
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import JsonDict
from asi_repro.traces.spans import Trace


@dataclass(frozen=True)
class PriorExperiments:
    """What an experiment may know of the others.

    Attributes:
        pool: candidates that it samples from; empty for the first program.
        memory: index, motivation and SHA-256 of the program of the experiments it must not repeat.
        baseline: metrics of the first program, None for itself.
    """

    pool: tuple[Candidate, ...] = ()
    memory: tuple[tuple[int, str, str], ...] = ()
    baseline: Metrics | None = None


@dataclass(frozen=True)
class ExperimentOutcome:
    """How an experiment ended.

    Attributes:
        finished: what is to be committed, None where it failed.
        turned_down: every proposal that was turned down, with who did it and why, in order.
        why: the last reason, "" where it is committed.
    """

    finished: FinishedExperiment | None
    turned_down: list[TurnedDown]
    why: str = ""


class Experiment:
    """One experiment in the making.

    Args:
        index: of it.
        first: the first program, for experiment 1.
    """

    def __init__(
        self,
        index: int,
        *,
        settings: DiscoverSettings,
        schedule: Schedule,
        team: Team,
        prior: PriorExperiments,
        journal: Journal,
        first: Callable[[], Proposal],
    ) -> None:
        self.index = index
        self._settings, self._schedule, self._team = settings, schedule, team
        self._prior, self._journal, self._first = prior, journal, first
        self._rules = StepRules(
            is_root=index == ROOT,
            proposals=1 if index == ROOT else settings.proposals,
            repairs=settings.repairs if team.engineer else 0,
            compared=team.novelty is not None,
            judged=team.judge is not None,
            analysed=team.analyst is not None,
        )
        self._sample: Sample | None = None
        if not self._rules.is_root:
            beside = index - max(schedule.snapshot(index), ROOT) - 1
            self._sample = Pool(prior.pool, settings.pool).choose(
                schedule.draw(index, "sample"), index, beside
            )
            if "references" in settings.without:
                self._sample = replace(self._sample, references=(), ranks=self._sample.ranks[:1])
        self._turned_down: list[TurnedDown] = []
        self._rejections: list[Verdict] = []
        self._facts: JsonDict = {}
        self._proposal: Proposal | None = None
        self._log = ""
        self._metrics: Metrics | None = None
        self._judgement: Judgement | None = None
        self._analysis = Analysis("")

    def run(self) -> ExperimentOutcome:
        """Go through the steps. A role that fails ends the experiment, not the run.

        Raises:
            DataError: for a fitness with a missing or impossible component.
            AsiReproError: for what is no fault of the program: no sandbox, no network, a full disk.
        """
        step: Step | None = self._rules.first
        trained = False
        try:
            while step is not None:
                trained = trained or step.kind == "train"
                value = self._journal.step(step.name, partial(self._work, step))
                step = self._take(step, value)
        except RoleFailure as error:
            return ExperimentOutcome(None, self._turned_down, error.what)
        if self._metrics is not None:
            return ExperimentOutcome(self._finished(self._analysis), self._turned_down)
        why = self._turned_down[-1].reason if trained else "no proposal was accepted"
        return ExperimentOutcome(None, self._turned_down, why)

    def _work(self, step: Step) -> Any:
        """The result of a step, as JSON."""
        team, trace, baseline = self._team, self._journal.trace, self._prior.baseline
        match step.kind:
            case "sample":
                return self._sampled(trace)
            case "propose" if self._sample is None:
                return to_json(self._first())
            case "propose":
                with trace.span("propose", "AGENT") as span:
                    proposal = team.researcher.propose(self._brief(), self._rejections, trace)
                    span.set(
                        **{"proposal.name": proposal.name, "proposal.operators": list(proposal.operators)}
                    )
                return to_json(proposal)
            case "novelty":
                assert team.novelty is not None
                known = [(index, motivation) for index, motivation, _ in self._prior.memory]
                with trace.span("novelty", "GUARDRAIL") as span:
                    verdict = team.novelty.check(self._proposed, known, trace)
                    span.set(**{"novelty.accepted": verdict.accepted, "novelty.reason": verdict.reason})
                return to_json(verdict)
            case "check" | "check.repair":
                return to_json(team.checker.check(self._proposed, trace))
            case "train":
                program, seed = self._proposed.program, self._settings.exploration.seed
                return encode_result(lambda: team.lab.run(program, seed, trace, baseline=baseline))
            case "repair":
                assert team.engineer is not None
                with trace.span("repair", "AGENT") as span:
                    repaired = team.engineer.repair(self._proposed, self._log, trace)
                    span.set(**{"repair.given": repaired is not None})
                return None if repaired is None else to_json(repaired)
            case "judge":
                assert team.judge is not None
                with trace.span("judge", "EVALUATOR") as span:
                    found = team.judge.judge(self._proposed, self._measured, self._baseline, trace)
                    span.set(**{"judgement.score": found.score, "judgement.spread": found.spread})
                return to_json(found)
            case "analyse":
                return self._analysed(trace)

    def _take(self, step: Step, value: Any) -> Step | None:
        """Keep what a step gave, now or before a restart; the next step."""
        goes_on = passed(step, value)
        match step.kind:
            case "sample":
                self._facts |= {"snapshot": self._schedule.snapshot(self.index), "pool": value["pool"]}
            case "propose":
                self._proposal = from_json(Proposal, value, "the journal")
                if (repeat := self._repeat(self._proposal)) is not None:
                    self._reject("repeat", repeat)
                    goes_on = False
            case "novelty" | "check" | "check.repair":
                who = "novelty" if step.kind == "novelty" else "check"
                verdict = from_json(Verdict, value, "the journal")
                if verdict.accepted:
                    self._facts[who] = verdict
                else:
                    self._reject(who, verdict)
                if step.kind == "check":
                    self._facts["proposals"] = step.number + 1
            case "train":
                goes_on, repairable = self._trained(step, value)
                if not goes_on and not repairable:
                    return None
            case "repair" if value is not None:
                # The checks run again after every repair: what trains may still leak.
                self._proposal = from_json(Proposal, value, "the journal")
            case "judge":
                self._judgement = from_json(Judgement, value, "the journal")
            case "analyse":
                self._analysis = from_json(Analysis, value, "the journal")
        return self._rules.after(step, goes_on)

    def _trained(self, step: Step, value: Any) -> tuple[bool, bool]:
        """Whether the training came to a result that stands, and whether a failure may be repaired."""
        try:
            metrics = decode_result(value, "the journal")
            differences(metrics, self._prior.baseline or metrics, self._settings)  # nobody is asked of a leak
        except LabFailure as error:
            self._log = error.log
            self._reject(
                "lab", Verdict(False, f"training or evaluation failed: {error.reason}", {"log": error.log})
            )
            return False, True
        except LeakSuspected as error:
            if "metrics" in value:
                self._reject("fitness", Verdict(False, error.what))
            else:
                self._reject("lab", Verdict(False, error.what, {"log": ""}))
            return False, False
        self._metrics = metrics
        self._facts["repairs"] = step.number
        return True, False

    @property
    def _proposed(self) -> Proposal:
        assert self._proposal is not None
        return self._proposal

    @property
    def _measured(self) -> Metrics:
        assert self._metrics is not None
        return self._metrics

    @property
    def _baseline(self) -> Metrics:
        return self._prior.baseline or self._measured

    def _brief(self) -> Brief:
        assert self._sample is not None
        seed = self._schedule.seed_of(self.index)
        return Brief(self.index, seed, self._sample.parent, self._sample.references, self._baseline)

    def _sampled(self, trace: Trace) -> JsonDict:
        assert self._sample is not None
        found = {
            "parent": self._sample.parent.index,
            "references": [candidate.index for candidate in self._sample.references],
            "ranks": list(self._sample.ranks),
            "pool": len(self._prior.pool),
        }
        with trace.span("sample", "CHAIN") as span:
            span.set(**{f"sample.{name}": value for name, value in found.items()})
        return found

    def _analysed(self, trace: Trace) -> JsonDict:
        parent = self._sample.parent if self._sample else None
        siblings = [c for c in self._prior.pool if parent is not None and c.parent == parent.index]
        siblings.sort(key=lambda candidate: candidate.index)
        assert self._team.analyst is not None
        with trace.span("analyse", "AGENT") as span:
            found = self._team.analyst.analyse(
                self._proposed, self._measured, self._baseline, parent, siblings, trace
            )
            span.set(**{"analysis.shortcomings": list(found.shortcomings)})
        analysis: JsonDict = to_json(found)
        return analysis

    def _repeat(self, proposal: Proposal) -> Verdict | None:
        """The same program again needs no judgement."""
        digest = sha256_bytes(proposal.program.encode())
        same = next((index for index, _, known in self._prior.memory if known == digest), None)
        if same is None:
            return None
        return Verdict(False, f"the program is the one of experiment {same}", {"experiment": same})

    def _reject(self, who: str, verdict: Verdict) -> None:
        self._rejections.append(verdict)
        self._turned_down.append(
            TurnedDown(
                by=who,
                reason=verdict.reason,
                evidence=to_json(verdict.evidence),
                proposal=to_json(self._proposed),
            )
        )

    def _finished(self, analysis: Analysis) -> FinishedExperiment:
        fitness = compute_fitness(self._measured, self._baseline, self._judgement, self._settings)
        parent = self._sample.parent if self._sample else None
        discovery = Discovery(
            arm=self._settings.arm,
            index=self.index,
            parent=parent.index if parent else None,
            depth=parent.depth + 1 if parent else 0,
            references=[candidate.index for candidate in self._sample.references] if self._sample else [],
            ranks=list(self._sample.ranks) if self._sample else [],
            operators=list(self._proposed.operators),
            cognition=list(self._proposed.cognition),
            fitness=fitness,
            judgement=self._judgement,
            metrics=self._measured,
            analysis=AnalysisLinks(
                shortcomings=list(analysis.shortcomings), cognition=list(analysis.cognition)
            ),
            baseline=ROOT,
            seed=self._schedule.seed_of(self.index),
            training_seed=self._settings.exploration.seed,
            components=list(self._settings.components),
            turned_down=len(self._turned_down),
            **self._facts,
        )
        return FinishedExperiment(discovery, self._proposed, analysis)
