"""One model on one probe: trained and asked in a sandboxed worker, compared here."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from asi_repro.config.probes import ProbeSettings
from asi_repro.config.train import TrainSettings
from asi_repro.data.probe_tasks import NOT_ASKED, PROBES, ProbeTask
from asi_repro.models.scales import find_scale
from asi_repro.provenance.code import code_sha256, library_versions
from asi_repro.results.probe_rows import PASSED
from asi_repro.sandbox.client import SandboxWorker
from asi_repro.sandbox.outcome import BadResult, SandboxFailure, SandboxOutcome
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import dump_json
from asi_repro.train.probe_worker import ANSWERS, TOKENS
from asi_repro.train.sandboxed import PRELOAD, limits
from asi_repro.train.spec import Spec, Subject

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PROBER = "asi_repro.train.probing"
_WORKER = "asi_repro.train.probe_worker"
SCALE = "laptop"
_TRANSIENT = ("timeout", "cpu", "start_failed")  # of this machine at this moment, not of the model


@dataclass(frozen=True)
class ProbeSpec:
    """One probe of one model.

    Attributes:
        spec: the training; its corpus is the task.
        task: what is asked.
        settings: of probes.
    """

    spec: Spec
    task: ProbeTask
    settings: ProbeSettings

    def identity(self) -> dict[str, Any]:
        """Everything that the answers depend on, as JSON has it."""
        code = {"code": code_sha256(_PROBER), "versions": library_versions(_PROBER, also=("einops",))}
        return {**self.spec.identity(), **code}

    @property
    def key(self) -> str:
        """SHA-256 over `identity`."""
        return sha256_bytes(dump_json(self.identity()).encode())


@dataclass(frozen=True)
class Probed:
    """What came of a probe.

    Attributes:
        curve: accuracy in the test by training tokens seen.
        parameters: of the model; None where it did not come to be.
        trouble: why it did not end; empty where it did.
        transient: whether another run may end otherwise (a time limit, a worker that did not start).
        cpu_seconds: processor time of the worker.
    """

    curve: dict[int, float]
    parameters: int | None
    trouble: str
    transient: bool
    cpu_seconds: float

    @property
    def tokens_to_pass(self) -> int | None:
        """Training tokens at the first test with nine of ten answers right; None where there was none."""
        return next((tokens for tokens, accuracy in self.curve.items() if accuracy >= PASSED), None)


def make_probe(
    subject: Subject, task: ProbeTask, settings: ProbeSettings, train: TrainSettings, *, seed: int
) -> ProbeSpec:
    """The probe of a model by the settings."""
    asked = {"evaluations": settings.evaluations, "test_sequences": settings.test_sequences}
    scale = replace(
        find_scale(SCALE),
        vocab_size=task.columns,
        context=task.test_length,
        initializer_range=settings.initializer_range,
    )
    spec = Spec(
        subject=subject,
        scale=scale,
        recipe=settings.recipe(train.recipe(SCALE), task.length),
        guards=train.guards.model_copy(update={"max_hours": len(PROBES) * settings.max_minutes / 60}),
        seed=seed,
        corpus={"probe": task.name, **asked},
        auxiliary_loss_weight=train.auxiliary_loss_weight,
        dtype_policy=train.dtype_policy,
        processes=1,
    )
    return ProbeSpec(spec, task, settings)


class Prober:
    """Probes of one model, one after the other, in one sandboxed worker; a new one where one died.

    Args:
        unsafe: without a sandbox, for code of this package.
    """

    def __init__(self, *, unsafe: bool = False) -> None:
        self._unsafe = unsafe
        self._worker: SandboxWorker | None = None

    def __enter__(self) -> Prober:
        return self

    def __exit__(self, *error: object) -> None:
        if self._worker is not None:
            self._worker.close()

    def run(self, probe: ProbeSpec) -> Probed:
        """Train and ask.

        Raises:
            SandboxUnavailable: where no tier works here.
        """
        measured = _Measured()
        try:
            self._measure(probe, measured)
        except SandboxFailure as failure:
            outcome = failure.outcome
            transient = outcome.kind in _TRANSIENT or outcome.sigkilled
            return measured.probed(f"{outcome.kind}: {outcome.detail}"[:400], transient=transient)
        except BadResult as error:
            return measured.probed(f"bad_result: {error}"[:400])
        return measured.probed(measured.trouble)

    def _measure(self, probe: ProbeSpec, measured: _Measured) -> None:
        task, settings, recipe = probe.task, probe.settings, probe.spec.recipe
        worker = self._ready(probe.spec)
        training = task.train(probe.spec.seed, recipe.steps * recipe.batch)
        test = task.test(settings.test_sequences)
        began = time.monotonic()

        def call(method: str, payload: dict[str, Any]) -> dict[str, Any]:
            left = settings.max_minutes * 60 - (time.monotonic() - began)
            outcome = worker.try_call(method, payload, timeout=max(left, 0.001))
            measured.cpu_seconds += outcome.cpu_seconds
            return _value(outcome)

        built = call("begin", {"training": probe.spec.message(), "slots": task.slots})
        measured.parameters = _whole(built.get("parameters"))
        each = recipe.steps // settings.evaluations * recipe.batch
        for first in range(0, recipe.steps * recipe.batch, each):
            part = slice(first, first + each)
            tokens, answers = training.tokens[part], training.answers[part]
            _hand_over(worker, TOKENS, tokens)
            _hand_over(worker, ANSWERS, answers)
            loss = call("train", {"tokens": tokens.shape, "answers": answers.shape}).get("loss")
            if loss is None:
                measured.trouble = "nan: the loss is not a number"
                return
            _hand_over(worker, TOKENS, test.tokens)
            said = call("answer", {"tokens": test.tokens.shape, "first": task.asked_from}).get("answers")
            if said is None:
                measured.trouble = "nan: what is answered is not a number"
                return
            right = _accuracy(said, test.answers[:, task.asked_from :])
            measured.curve[(first + each) * task.length] = right

    def _ready(self, spec: Spec) -> SandboxWorker:
        if self._worker is not None and not self._worker.alive:
            self._worker.close()
            self._worker = None
        if self._worker is None:
            threads = str(spec.recipe.threads)
            self._worker = SandboxWorker(
                _WORKER,
                limits(spec),
                unsafe=self._unsafe,
                preload=PRELOAD,
                environment={"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads},
            )
            self._worker.start()
        return self._worker


class _Measured:
    """What is known so far."""

    def __init__(self) -> None:
        self.curve: dict[int, float] = {}
        self.parameters: int | None = None
        self.trouble = ""
        self.cpu_seconds = 0.0

    def probed(self, trouble: str, *, transient: bool = False) -> Probed:
        return Probed(self.curve, self.parameters, trouble, transient, self.cpu_seconds)


def _value(outcome: SandboxOutcome) -> dict[str, Any]:
    if not outcome.ok:
        raise SandboxFailure(outcome)
    return outcome.value or {}


def _accuracy(said: object, answers: NDArray[np.int64]) -> float:
    """Share of right answers of those asked.

    Raises:
        BadResult: where the worker's answers are not as many whole numbers.
    """
    import numpy as np

    if not isinstance(said, list) or len(said) != answers.size or not all(type(one) is int for one in said):
        raise BadResult(f"the answers to a probe are not {answers.size} whole numbers")
    asked = answers.flatten() != NOT_ASKED
    right = np.array([one == true for one, true in zip(said, answers.flatten().tolist(), strict=True)])
    return float(right[asked].mean())


def _whole(value: object) -> int:
    if type(value) is not int or value < 1:
        raise BadResult("the number of parameters is not a whole number")
    return value


def _hand_over(worker: SandboxWorker, name: str, values: NDArray[np.int64]) -> None:
    worker.scratch.remove(name)
    worker.scratch.write(name, values.astype("<i2").tobytes())
