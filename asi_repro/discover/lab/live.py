"""The live lab: train one program in the sandbox under guards, then score it; torch stays in the sandbox."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sysconfig
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from statistics import fmean
from typing import Protocol, TypeVar

import asi_repro
from asi_repro.config.discover import LabSettings
from asi_repro.config.params import load_params
from asi_repro.config.train import Recipe
from asi_repro.data.items import load_items
from asi_repro.discover.lab.checker import SandboxChecker
from asi_repro.discover.run.folder import LOSSES, TIMINGS, TRAINING, step_seconds
from asi_repro.discover.types import Checker, Lab, LabFailure, LeakSuspected, Metrics
from asi_repro.errors import AsiReproError
from asi_repro.evaluate.run import evaluate_checkpoint
from asi_repro.evaluate.scorers import NoScore
from asi_repro.models.scales import find_scale
from asi_repro.provenance.code import code_sha256, library_versions
from asi_repro.results.training import TrainingResult
from asi_repro.sandbox.outcome import SandboxFailure
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_lines import append_line
from asi_repro.store.json_text import JsonDict
from asi_repro.sweep.workspace import Workspace, open_workspace
from asi_repro.traces.spans import Trace
from asi_repro.train.checkpoints import Checkpoints
from asi_repro.train.guards import Watch, slow_limit
from asi_repro.train.run import check_facts, make_result, write_outputs
from asi_repro.train.sandboxed import train_in_sandbox
from asi_repro.train.spec import Spec, Subject, corpus_record, make_spec

Made = TypeVar("Made")
Timed = Callable[[JsonDict], None]
_CODE = "asi_repro.discover"
_LOSS_REPORTS = 100
# Ends of a sandboxed call that say nothing about the program.
_NOT_THE_PROGRAM = frozenset({"start_failed"})
_SCRATCH = re.compile(r"[^\s\"']*/asi-repro-sandbox-\w+|/scratch\b")


class LiveLabs(Protocol):
    """Who trains and checks what a run's cache does not have: this machine, or a cluster.

    Attributes:
        made_with: see `made_with`.
    """

    @property
    def made_with(self) -> JsonDict:
        """Versions of what makes results."""

    def lab(self, settings: LabSettings, stage: JsonDict) -> Lab:
        """The lab of one stage; `stage` identifies it, as settings.json has it."""

    def checker(self, rows: list[str]) -> Checker:
        """The checks that make these rows of the certificate."""


@dataclass(frozen=True)
class LocalLabs:
    """This machine, as `LiveLabs`.

    Attributes:
        root: of the project.
        folder: of the run.
    """

    root: Path
    folder: Path

    @property
    def made_with(self) -> JsonDict:
        """See `LiveLabs`."""
        return made_with()

    def lab(self, settings: LabSettings, stage: JsonDict) -> Lab:
        """See `LiveLabs`.

        Raises:
            MissingInput: where corpus or benchmarks are not there.
        """
        return LiveLab(
            open_workspace(self.root, scale=settings.scale),
            settings,
            self.folder / TRAINING,
            peers=lambda: step_seconds(self.folder / TIMINGS, settings.scale),
            timed=lambda times: append_line(self.folder / TIMINGS, times),
        )

    def checker(self, rows: list[str]) -> Checker:
        """See `LiveLabs`."""
        return SandboxChecker(rows)


class LiveLab:
    """Trains and scores one program at a time.

    Args:
        workspace: of the stage's scale.
        settings: of the stage.
        folder: for what is being trained; nothing is left there.
        peers: mean seconds a step of the trainings before, for the guard against slow ones.
        timed: called with the wall times of each training.
    """

    def __init__(
        self,
        workspace: Workspace,
        settings: LabSettings,
        folder: Path,
        *,
        peers: Callable[[], list[float]] = list,
        timed: Timed = lambda times: None,
    ) -> None:
        self._workspace, self._settings, self._folder = workspace, settings, folder
        self._peers, self._timed = peers, timed

    def run(self, program: str, seed: int, trace: Trace, *, baseline: Metrics | None = None) -> Metrics:
        """See `discover.types.Lab`."""
        spec = make_lab_spec(self._workspace, self._settings, program, seed)
        root = self._folder / f"{spec.subject.slug}-{spec.key[:12]}-{seed}"
        began = time.perf_counter()
        try:
            result, curve, step_seconds = _once_more(lambda: self._train(spec, root, baseline))
            trained = time.perf_counter()
            scores = _once_more(lambda: self._evaluate(root / "trained"))
        except SandboxFailure as error:
            shutil.rmtree(root, ignore_errors=True)
            raise _failure(error) from error
        except (LabFailure, LeakSuspected):
            shutil.rmtree(root, ignore_errors=True)
            raise
        shutil.rmtree(root, ignore_errors=True)
        now = time.perf_counter()
        self._timed(
            {
                "kind": "lab",
                "program": spec.subject.program_sha256,
                "scale": spec.scale.name,
                "train_seconds": round(trained - began, 3),
                "evaluate_seconds": round(now - trained, 3),
                "step_seconds": round(step_seconds, 5),
            }
        )
        loss = result.last_tenth_loss
        if loss is None:
            raise LabFailure("the mean loss of the last tenth of the steps is not a number", reason="nan")
        return Metrics(
            train_loss=loss,
            scores=scores,
            benchmark=fmean(scores[task] for task in sorted(scores)),
            curve=curve,
            parameters=result.parameters,
            tokens=result.tokens,
            flops=round(result.flops),
            seconds=now - began,
        )

    def _train(
        self, spec: Spec, root: Path, baseline: Metrics | None
    ) -> tuple[TrainingResult, tuple[tuple[int, float], ...], float]:
        guards = spec.guards
        watch = Watch(
            reference=baseline.curve if baseline and guards.leak_ratio else (),
            leak_ratio=guards.leak_ratio,
            leak_from=max(int(guards.leak_after * spec.recipe.steps), 1),
            slow_seconds=slow_limit(self._peers(), spec.recipe.slow_ratio),
            max_seconds=self._settings.max_minutes * 60,
        )
        blocks = self._workspace.corpus.blocks("train", spec.recipe.length, seed=spec.seed)
        checkpoints = Checkpoints(root / "checkpoints", spec.key)
        ran = train_in_sandbox(
            spec, blocks, checkpoints, watch=watch, progress=report_loss(root / LOSSES, spec.recipe.steps)
        )
        facts = check_facts(ran.facts, spec)
        if facts.stop is not None:
            if facts.stop.reason == "leak":
                raise LeakSuspected(facts.stop.detail)
            raise LabFailure(facts.stop.detail, reason=facts.stop.reason)
        result = make_result(spec, facts, ran.weights, leak_guard=bool(watch.reference))
        write_outputs(spec, facts, result, ran.weights, {}, root / "trained")
        curve = tuple((point.step, point.loss) for point in facts.curve if point.loss is not None)
        return result, curve, facts.step_seconds

    def _evaluate(self, folder: Path) -> dict[str, float]:
        how = load_params(self._workspace.project.root).evaluate
        try:
            found = evaluate_checkpoint(
                folder,
                self._settings.tasks,
                items=self._workspace.project.artifacts / "benchmarks",
                limit=self._settings.limit,
                batch_size=how.batch_size,
                exact=how.exact,
                corpus=None,
                validation_blocks=0,
            )
        except NoScore as error:
            raise LabFailure(error.what, reason="nan") from error
        return found.main_scores()


def make_lab_spec(workspace: Workspace, settings: LabSettings, program: str, seed: int) -> Spec:
    """The training of a program in a stage."""
    digest = sha256_bytes(program.encode())
    subject = Subject(slug=digest[:16], title=digest[:16], program=program, program_sha256=digest)
    spec = make_spec(subject, workspace.settings, workspace.corpus, seed=seed, scale=settings.scale)
    return replace(spec, recipe=stage_recipe(spec.recipe, settings))


def stage_recipe(recipe: Recipe, settings: LabSettings) -> Recipe:
    """The recipe of the scale with the stage's steps; warm-up and decay keep their share."""
    if settings.steps is None:
        return recipe
    share = settings.steps / recipe.steps
    return recipe.model_copy(
        update={
            "steps": settings.steps,
            "warmup_steps": round(recipe.warmup_steps * share),
            "decay_steps": round(recipe.decay_steps * share),
        }
    )


def stage_identity(workspace: Workspace, settings: LabSettings) -> JsonDict:
    """What identifies training and scoring in a stage, as settings.json keeps it.

    Raises:
        MissingInput: where the corpus or the benchmarks' items are not there.
    """
    scale = find_scale(settings.scale)
    recipe = stage_recipe(workspace.settings.recipe(scale.name), settings)
    items = workspace.project.artifacts / "benchmarks"
    return {
        "scale": asdict(scale),
        "recipe": {k: v for k, v in recipe.model_dump().items() if k != "checkpoint_every"},
        "guards": workspace.settings.guards.model_dump(),
        "auxiliary_loss_weight": workspace.settings.auxiliary_loss_weight,
        "dtype_policy": workspace.settings.dtype_policy,
        "corpus": corpus_record(workspace.corpus),
        "tasks": {task: load_items(items, task)[1].sha256 for task in sorted(settings.tasks)},
        "limit": settings.limit,
        "exact": load_params(workspace.project.root).evaluate.exact,
    }


@cache
def made_with() -> JsonDict:
    """Versions of what makes results here, and a hash of our own code that does."""
    here = {"machine": platform.machine(), "python": platform.python_version(), "code": code_sha256(_CODE)}
    libraries = library_versions(_CODE, also=("accelerate", "asi-repro", "einops"))
    libraries.pop("ray", None)  # it says where work is done, not what comes out, and need not be installed
    return here | libraries


def _once_more(work: Callable[[], Made]) -> Made:
    """What `work` gives; done again where somebody killed its worker: that tells nothing of it yet."""
    try:
        return work()
    except SandboxFailure as error:
        if not error.outcome.sigkilled:
            raise
    return work()


def _failure(error: SandboxFailure) -> AsiReproError:
    outcome = error.outcome
    if outcome.kind in _NOT_THE_PROGRAM:
        return error
    log = "\n".join(part for part in (outcome.detail, outcome.traceback, outcome.stderr) if part)
    return LabFailure(without_folders(log), reason=outcome.kind)


def without_folders(log: str) -> str:
    """A log without this machine's folders: a model reads it, and it is kept in commits and records."""
    log = _SCRATCH.sub("scratch", log)
    for folder in _folders():
        log = log.replace(folder, "")
    return log


@cache
def _folders() -> tuple[str, ...]:
    """Folders that Python's files are in, with a slash at their end, the longest first."""
    places = {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib")}
    places.add(str(Path(asi_repro.__file__).resolve().parent.parent))
    return tuple(sorted((f"{place}/" for place in places), key=len, reverse=True))


def report_loss(path: Path, steps: int) -> Callable[[int, float | None], None]:
    """Writes the loss down for whoever looks at the run, about `_LOSS_REPORTS` times in a training."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)  # of a training that was killed
    every, last = max(steps // _LOSS_REPORTS, 1), [0]

    def report(step: int, loss: float | None) -> None:
        if loss is None or (step < last[0] + every and step < steps):
            return
        last[0] = step
        with suppress(AsiReproError):  # a training does not fail because nobody can be told of it
            append_line(path, {"step": step, "steps": steps, "loss": loss, "process": os.getpid()})

    return report
