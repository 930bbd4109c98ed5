"""Capability probes in as many runs as they take: what is left, and one model's probes as a job.

As in a recorded sweep, a row by earlier code counts as done, and a row of another program, recipe or task
does not. A job writes each row as soon as it is there, so a killed one loses one probe.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from asi_repro.config.params import Params, load_params
from asi_repro.data.probe_tasks import PROBES, ProbeTask, find_probe
from asi_repro.errors import AsiReproError
from asi_repro.models.memory import keep_freed_memory
from asi_repro.results.layout import BASELINES, CONTROLS
from asi_repro.results.probe_rows import ProbeRow, probe_path, read_probe, read_probes, write_probe
from asi_repro.results.recorded_rows import Freshness, shared_conditions
from asi_repro.results.table import SWEEPS_FOLDER
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import dump_json
from asi_repro.sweep.jobs import Job, Report, failed_report
from asi_repro.sweep.recorded_sweep import Pair, RecordedWork, ordered
from asi_repro.train.environment import hardware_name
from asi_repro.train.probing import SCALE, Probed, Prober, ProbeSpec, make_probe
from asi_repro.train.spec import Subject, baseline


@dataclass(frozen=True)
class ProbeJob(Job):
    """Some probes of one model and seed.

    Attributes:
        tasks: names of the probes.
    """

    tasks: tuple[str, ...] = ()


@dataclass
class RecordedProbes(RecordedWork):
    """The probes of a project.

    Attributes:
        params: the project's settings.
        pending: names of the probes that are left, by model and seed, in order.
    """

    phase = "train"
    params: Params
    pending: dict[Pair, list[str]] = field(default_factory=dict, init=False)

    def everything(self) -> list[Pair]:
        """Models and seeds in order: baselines and controls, a sample of the gallery, other seeds, the rest.

        The sample is the one of the recorded sweep of that scale.
        """
        sample = self.params.recorded(SCALE)
        return ordered(
            [baseline(name) for name in (*BASELINES, *CONTROLS)],
            self.gallery,
            size=sample.sample if sample is not None else 0,
            seed=self.params.seed,
            baseline_seeds=self.params.probes.baseline_seeds,
            sample_seeds=self.params.probes.sample_seeds,
            architecture_seeds=1,
        )

    def open(
        self,
        subjects: Collection[Subject] = (),
        tasks: Collection[str] = (),
        *,
        renew: bool = False,
        force: bool = False,
    ) -> None:
        """See what is there and what is left.

        Args:
            subjects: models; none for the whole order.
            tasks: names of probes; none for all.
            renew: run what is recorded with earlier code again.
            force: run everything again, damaged rows too.

        Raises:
            NotFound: for an unknown probe.
            MissingInput: where there is no archive, and it is needed.
        """
        chosen = [find_probe(name) for name in tasks or PROBES]
        seeds = self.params.probes.baseline_seeds
        pairs = [
            (subject, seed) for subject in subjects for seed in range(seeds if subject.baseline else 1)
        ] or self.everything()
        for subject, seed in pairs:
            for task in chosen:
                path = probe_path(self.folder, subject.slug, task.name, seed)
                read = partial(self._freshness_at, path, subject, task, seed)
                name = f"{subject.slug} on {task.name}"
                if force or self.is_left(name, seed, path, read, renew=renew):
                    self.pending.setdefault((subject, seed), []).append(task.name)

    def _freshness_at(self, path: Path, subject: Subject, task: ProbeTask, seed: int) -> Freshness:
        probe = probe_of(self.params, subject, task, seed)
        row, program, conditions = read_probe(path), program_of(probe), conditions_of(probe)
        return row.freshness(key=probe.key, program=program, conditions=conditions)

    def jobs(self, root: Path, *, unsafe: bool) -> list[ProbeJob]:
        """What is left, a job a model and seed."""
        return [
            ProbeJob(root, subject, seed, scale=SCALE, unsafe=unsafe, tasks=tuple(tasks))
            for (subject, seed), tasks in self.pending.items()
        ]

    def notes(self) -> list[str]:
        """What was recorded before this run, and what all rows have cost."""
        rows, _ = read_probes(self.folder)
        hours = sum(row.cpu_seconds for row in rows) / 3600
        troubled = sum(bool(row.trouble) for row in rows)
        return [
            self.recorded_before("program, recipe or task"),
            f"{len(rows)} probes recorded, {troubled} of which did not end; {hours:.2f} of "
            f"{self.params.probes.core_hours:g} core-hours",
        ]


def run_probes(job: Job) -> Report:
    """Run one model's probes and write their rows; every failure becomes a report."""
    assert isinstance(job, ProbeJob)
    spent, troubles, again = 0.0, [], False
    try:
        keep_freed_memory()
        params = load_params(job.root)
        with Prober(unsafe=job.unsafe) as prober:
            for name in job.tasks:
                probe = probe_of(params, job.subject, find_probe(name), job.seed)
                probed = prober.run(probe)
                spent += probed.cpu_seconds
                if probed.trouble:
                    troubles.append(f"{name}: {probed.trouble}")
                again = again or probed.transient
                if not probed.transient:
                    write_probe(make_row(probe, probed), probes_home(job.root / "artifacts"))
    except AsiReproError as error:
        return failed_report(job.subject.slug, job.seed, error)
    return Report(
        job.subject.slug,
        job.seed,
        "train",
        # A row says how a program ended; what has no row is to be run again, and the exit status says so.
        "failed" if again else "stopped" if troubles else "done",
        "; ".join(troubles)[:400],
        train_cpu_seconds=spent,
    )


def probe_of(params: Params, subject: Subject, task: ProbeTask, seed: int) -> ProbeSpec:
    """The probe of a model by the settings of a project."""
    return make_probe(subject, task, params.probes, params.train, seed=seed)


def make_row(probe: ProbeSpec, probed: Probed) -> ProbeRow:
    """The row of what came of a probe."""
    test = probe.task.test(probe.settings.test_sequences)
    last = max(probed.curve, default=0)
    return ProbeRow(
        name=probe.spec.subject.slug,
        task=probe.task.name,
        seed=probe.spec.seed,
        key=probe.key,
        program=program_of(probe),
        conditions=conditions_of(probe),
        trouble=probed.trouble,
        score=round(probed.curve[last], 4) if last and not probed.trouble else None,
        chance=round(probe.task.chance, 4),
        asked=int((test.answers >= 0).sum()),
        tokens=last,
        tokens_to_pass=probed.tokens_to_pass,
        curve={str(tokens): round(accuracy, 4) for tokens, accuracy in probed.curve.items()},
        parameters=probed.parameters,
        cpu_seconds=round(probed.cpu_seconds, 1),
        hardware=hardware_name("cpu"),
    )


def program_of(probe: ProbeSpec) -> str:
    """SHA-256 of the program; the name of a baseline."""
    return probe.spec.subject.program_sha256 or probe.spec.subject.slug


def conditions_of(probe: ProbeSpec) -> str:
    """SHA-256 of what all models share in a probe: frame, recipe, task; not code and versions."""
    return sha256_bytes(dump_json(shared_conditions(probe.identity())).encode())


def probes_home(artifacts: Path) -> Path:
    """The folder of the sweep beside which the rows of probes are."""
    return artifacts / SWEEPS_FOLDER / SCALE
