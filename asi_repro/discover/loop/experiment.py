"""One experiment, step by step: sample, propose, novelty, check, train, evaluate, judge, analyse, commit.

Every step that costs something goes through the journal. What is between the steps is worked out again
after a restart, from the same inputs, and comes out the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from asi_repro.discover.loop.fitness import compute_fitness, differences
from asi_repro.discover.loop.journal import Journal
from asi_repro.discover.loop.pool import Pool, Sample
from asi_repro.discover.loop.schedule import ROOT, Plan
from asi_repro.discover.records import from_json, to_json
from asi_repro.discover.run.content import Finished
from asi_repro.discover.settings import DiscoverSettings
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


@dataclass(frozen=True)
class Known:
    """What an experiment may know of the others.

    Attributes:
        pool: candidates that it samples from; empty for the first program.
        memory: index, motivation and SHA-256 of the program of the experiments it must not repeat.
        baseline: metrics of the first program, None for itself.
        depths: depth in the tree of every candidate in the pool.
    """

    pool: tuple[Candidate, ...] = ()
    memory: tuple[tuple[int, str, str], ...] = ()
    baseline: Metrics | None = None
    depths: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Ended:
    """How an experiment ended.

    Attributes:
        finished: what is to be committed, None where it failed.
        turned_down: every proposal that was turned down, with who did it and why, in order.
        why: the last reason, "" where it is committed.
    """

    finished: Finished | None
    turned_down: list[JsonDict]
    why: str = ""


class Experiment:
    """One experiment in the making.

    Args:
        index: of it.
        first: the first program, for experiment 1.
        training_seed: of every training of the stage.
    """

    def __init__(
        self,
        index: int,
        *,
        settings: DiscoverSettings,
        plan: Plan,
        team: Team,
        known: Known,
        journal: Journal,
        first: Callable[[], Proposal],
    ) -> None:
        self.index = index
        self._settings, self._plan, self._team = settings, plan, team
        self._known, self._journal, self._first = known, journal, first
        self._turned_down: list[JsonDict] = []
        self._facts: JsonDict = {}

    def run(self) -> Ended:
        """Go through the steps. A role that fails ends the experiment, not the run.

        Raises:
            DataError: for a fitness with a missing or impossible component.
            AsiReproError: for what is no fault of the program: no sandbox, no network, a full disk.
        """
        try:
            return self._go()
        except RoleFailure as error:
            return Ended(None, self._turned_down, error.what)

    def _go(self) -> Ended:
        sample = None if self.index == ROOT else self._sample()
        proposal = self._propose(sample)
        if proposal is None:
            return Ended(None, self._turned_down, "no proposal was accepted")
        trained = self._train(proposal)
        if trained is None:
            return Ended(None, self._turned_down, self._turned_down[-1]["reason"])
        return self._finish(*trained, sample)

    def _sample(self) -> Sample:
        sample = Pool(self._known.pool, self._settings.pool).sample(self._plan.draw(self.index, "sample"))

        def work() -> JsonDict:
            found = {
                "parent": sample.parent.index,
                "references": [candidate.index for candidate in sample.references],
                "ranks": list(sample.ranks),
                "pool": len(self._known.pool),
            }
            with self._journal.trace.span("sample", "CHAIN") as span:
                span.set(**{f"sample.{name}": value for name, value in found.items()})
            return found

        self._facts["snapshot"] = self._plan.snapshot(self.index)
        self._facts["pool"] = self._journal.step("sample", work)["pool"]
        return sample

    def _propose(self, sample: Sample | None) -> Proposal | None:
        """The first proposal that passes novelty and checks; None where the tries are used up."""
        rejections: list[Verdict] = []
        tries = 1 if sample is None else self._settings.proposals
        for attempt in range(tries):
            proposal = self._proposal(sample, rejections, attempt)
            rejected = (
                self._repeated(proposal)
                or self._not_novel(proposal, sample, attempt)
                or self._not_sound(proposal, f"check.{attempt}")
            )
            if rejected is None:
                self._facts["proposals"] = attempt + 1
                return proposal
            rejections.append(rejected)
        return None

    def _proposal(self, sample: Sample | None, rejections: Sequence[Verdict], attempt: int) -> Proposal:
        def work() -> Any:
            if sample is None:
                return to_json(self._first())
            trace = self._journal.trace
            with trace.span("propose", "AGENT") as span:
                found = self._team.researcher.propose(self._brief(sample), rejections, trace)
                span.set(**{"proposal.name": found.name, "proposal.operators": list(found.operators)})
            return to_json(found)

        return from_json(Proposal, self._journal.step(f"propose.{attempt}", work), "the journal")

    def _brief(self, sample: Sample) -> Brief:
        return Brief(
            self.index, self._plan.seed_of(self.index), sample.parent, sample.references, self._baseline
        )

    @property
    def _baseline(self) -> Metrics:
        assert self._known.baseline is not None
        return self._known.baseline

    def _repeated(self, proposal: Proposal) -> Verdict | None:
        """The same program again needs no judgement."""
        digest = sha256_bytes(proposal.program.encode())
        same = next((index for index, _, known in self._known.memory if known == digest), None)
        if same is None:
            return None
        verdict = Verdict(False, f"the program is the one of experiment {same}", {"experiment": same})
        self._turn_down("repeat", proposal, verdict)
        return verdict

    def _not_novel(self, proposal: Proposal, sample: Sample | None, attempt: int) -> Verdict | None:
        if sample is None:
            return None
        known = [(index, motivation) for index, motivation, _ in self._known.memory]

        def work() -> Any:
            trace = self._journal.trace
            with trace.span("novelty", "GUARDRAIL") as span:
                found = self._team.novelty.check(proposal, known, trace)
                span.set(**{"novelty.accepted": found.accepted, "novelty.reason": found.reason})
            return to_json(found)

        return self._verdict(f"novelty.{attempt}", work, proposal, "novelty")

    def _not_sound(self, proposal: Proposal, step: str) -> Verdict | None:
        def work() -> Any:
            return to_json(self._team.checker.check(proposal, self._journal.trace))

        return self._verdict(step, work, proposal, "check")

    def _verdict(self, step: str, work: Callable[[], Any], proposal: Proposal, who: str) -> Verdict | None:
        verdict = from_json(Verdict, self._journal.step(step, work), "the journal")
        if verdict.accepted:
            self._facts[who] = to_json(verdict)
            return None
        self._turn_down(who, proposal, verdict)
        return verdict

    def _turn_down(self, who: str, proposal: Proposal, verdict: Verdict) -> None:
        self._turned_down.append(
            {
                "by": who,
                "reason": verdict.reason,
                "evidence": to_json(verdict.evidence),
                "proposal": to_json(proposal),
            }
        )

    def _train(self, proposal: Proposal) -> tuple[Proposal, Metrics] | None:
        """Train, repairing as often as allowed; what is returned has passed the checks as it is."""
        for repair in range(self._settings.repairs + 1):
            result = self._journal.step(f"train.{repair}", lambda p=proposal: self._lab(p))  # type: ignore[misc]
            if "metrics" in result:
                self._facts["repairs"] = repair
                return proposal, from_json(Metrics, result["metrics"], "the journal")
            self._turn_down("lab", proposal, Verdict(False, result["reason"], {"log": result["log"]}))
            if result["leak"] or self._team.engineer is None or repair == self._settings.repairs:
                return None
            repaired = self._repair(proposal, result["log"], repair)
            if repaired is None:
                return None
            proposal = repaired
        return None

    def _lab(self, proposal: Proposal) -> JsonDict:
        settings = self._settings.exploration
        try:
            metrics = self._team.lab.run(
                proposal.program, settings.seed, self._journal.trace, baseline=self._known.baseline
            )
        except LabFailure as error:
            reason = f"training or evaluation failed: {error.reason}"
            return {"reason": reason, "log": error.log, "leak": False}
        except LeakSuspected as error:
            return {"reason": error.what, "log": "", "leak": True}
        return {"metrics": to_json(metrics)}

    def _repair(self, proposal: Proposal, log: str, repair: int) -> Proposal | None:
        engineer = self._team.engineer
        assert engineer is not None

        def work() -> Any:
            trace = self._journal.trace
            with trace.span("repair", "AGENT") as span:
                found = engineer.repair(proposal, log, trace)
                span.set(**{"repair.given": found is not None})
            return None if found is None else to_json(found)

        given = self._journal.step(f"repair.{repair}", work)
        if given is None:
            return None
        repaired = from_json(Proposal, given, "the journal")
        # The checks run again after every repair: what trains may still leak.
        return None if self._not_sound(repaired, f"check.repair.{repair}") else repaired

    def _finish(self, proposal: Proposal, metrics: Metrics, sample: Sample | None) -> Ended:
        baseline = self._known.baseline or metrics
        try:
            differences(metrics, baseline, self._settings)  # nobody is asked about a leak
        except LeakSuspected as error:
            self._turn_down("fitness", proposal, Verdict(False, error.what))
            return Ended(None, self._turned_down, error.what)
        judgement = self._judgement(proposal, metrics, baseline)
        fitness = compute_fitness(metrics, baseline, judgement, self._settings)
        analysis = self._analysis(proposal, metrics, baseline, sample)
        depth = 0 if sample is None else self._known.depths[sample.parent.index] + 1
        self._facts |= {
            "baseline": ROOT,
            "seed": self._plan.seed_of(self.index),
            "training_seed": self._settings.exploration.seed,
            "components": list(self._settings.components),
            "turned_down": len(self._turned_down),
        }
        finished = Finished(
            self.index,
            depth,
            self._settings.arm,
            proposal,
            metrics,
            fitness,
            judgement,
            analysis,
            sample,
            self._facts,
        )
        return Ended(finished, self._turned_down)

    def _judgement(self, proposal: Proposal, metrics: Metrics, baseline: Metrics) -> Judgement | None:
        judge = self._team.judge
        if judge is None:
            return None

        def work() -> Any:
            trace = self._journal.trace
            with trace.span("judge", "EVALUATOR") as span:
                found = judge.judge(proposal, metrics, baseline, trace)
                span.set(**{"judgement.score": found.score, "judgement.spread": found.spread})
            return to_json(found)

        return from_json(Judgement, self._journal.step("judge", work), "the journal")

    def _analysis(
        self, proposal: Proposal, metrics: Metrics, baseline: Metrics, sample: Sample | None
    ) -> Analysis:
        parent = sample.parent if sample else None
        siblings = [c for c in self._known.pool if parent is not None and c.parent == parent.index]
        siblings.sort(key=lambda candidate: candidate.index)

        def work() -> Any:
            trace = self._journal.trace
            with trace.span("analyse", "AGENT") as span:
                found = self._team.analyst.analyse(proposal, metrics, baseline, parent, siblings, trace)
                span.set(**{"analysis.shortcomings": list(found.shortcomings)})
            return to_json(found)

        return from_json(Analysis, self._journal.step("analyse", work), "the journal")
