"""The runs of an ablation: which there are, and running those that are not finished.

Each cell is a run of its own in artifacts/runs, which goes on where it was killed, and one small file in
artifacts/ablations/NAME once it is finished; that file is what makes it finished. Cells share what was
trained and checked: the same program is never trained twice, whichever variant proposes it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Optional

from pydantic import Field, ValidationError

from asi_repro.config.ablation import WHOLE, AblationSettings
from asi_repro.config.discover import Arm, DiscoverSettings, LabSettings
from asi_repro.config.params import load_params
from asi_repro.discover.lab.cache import CachedChecker, CachedLab, ResultCache
from asi_repro.discover.lab.live import LiveLabs, LocalLabs
from asi_repro.discover.loop.workers import WorkerJob, run_job
from asi_repro.discover.run.archive import write_run_archive
from asi_repro.discover.run.discoveries import write_discoveries
from asi_repro.discover.run.folder import DiscoveryRun, RunSettings, check_name
from asi_repro.discover.run.outcomes import own_outcomes
from asi_repro.discover.run.setup import run_settings, wanted_settings
from asi_repro.discover.types import Checker, Lab
from asi_repro.errors import AsiReproError, DataError
from asi_repro.executor.base import ONE_CPU, Executor, LostTask, Resources
from asi_repro.executor.local import ProcessExecutor
from asi_repro.project import Project
from asi_repro.store.files import atomic_write, sha256_bytes
from asi_repro.store.json_text import JsonDict, dump_json
from asi_repro.store.records import Record, read_record

ABLATIONS = "ablations"
ORIGIN = "a small run of our own discovery loop, not the paper's"


class CellResult(Record):
    """What one run of the grid came to."""

    origin: str = Field(default=ORIGIN, pattern=f"^{ORIGIN}$")
    variant: str
    seed: int = Field(ge=0)
    settings: str = Field(description="SHA-256 of everything that the run's results depend on.")
    experiments: int = Field(ge=0, description="Besides the first program.")
    scored: int = Field(ge=0, description="Those that have a fitness.")
    discoveries: int = Field(ge=0, description="Those that beat the first program in both metrics.")
    best: Optional[float] = Field(description="Best fitness; null where no experiment has one.")
    mean: Optional[float] = Field(
        description="Mean fitness of the experiments after the cold start; null where none has one."
    )
    scale: str = Field(description="Size of the models and length of their training, in words.")


@dataclass(frozen=True)
class Cell:
    """One run of the grid; a child process opens the rest itself.

    Attributes:
        root: the project's folder.
        ablation: name of the ablation.
        settings: of the run.
        experiments: of the run, the first program included.
    """

    root: Path
    ablation: str
    variant: str
    settings: RunSettings
    experiments: int

    @property
    def name(self) -> str:
        """The run's name."""
        return f"{self.ablation}.{self.variant}.{self.settings.seed}"

    @property
    def path(self) -> Path:
        """The file that says that it is finished."""
        return ablation_folder(self.root, self.ablation) / f"{self.variant}.{self.settings.seed}.json"

    @property
    def key(self) -> str:
        """SHA-256 of what the results depend on; versions are no part of it."""
        kept = {k: v for k, v in self.settings.to_json().items() if k != "made_with"}
        return sha256_bytes(dump_json({**kept, "experiments": self.experiments}).encode())

    def finished(self) -> CellResult | None:
        """Its result; None where it is not finished.

        Raises:
            DataError: where the file is damaged, or of other settings.
        """
        if not self.path.is_file():
            return None
        found = read_cell(self.path)
        if found.settings != self.key:
            raise DataError(
                "this cell was run with different settings",
                where=str(self.path),
                hint="use another name (--run), or delete the files of this ablation to run it again",
            )
        return found


class SharedLabs:
    """Labs in front of which stands the cache that all cells share.

    Args:
        labs: who trains and checks what the cache does not have.
        path: of the cache.
    """

    def __init__(self, labs: LiveLabs, path: Path) -> None:
        self._labs, self._cache = labs, ResultCache(path, labs.made_with)

    @property
    def made_with(self) -> JsonDict:
        """See `LiveLabs`."""
        return self._labs.made_with

    def lab(self, settings: LabSettings, stage: JsonDict) -> Lab:
        """See `LiveLabs`."""
        return CachedLab(self._cache, stage, self._labs.lab(settings, stage), traced=False)

    def checker(self, rows: list[str]) -> Checker:
        """See `LiveLabs`."""
        return CachedChecker(self._cache, rows, self._labs.checker(rows), traced=False)


def ablation_folder(root: Path, name: str) -> Path:
    """Where the results of an ablation are."""
    return root / "artifacts" / ABLATIONS / name


def read_cell(path: Path) -> CellResult:
    """The result in a file.

    Raises:
        MissingInput, DataError: where there is none, or it is damaged.
    """
    return read_record(
        path, CellResult, missing="no result of a cell", make="run `asi-repro ablate`",
        remake="delete the file and run `asi-repro ablate` again: the cell's run is kept",
    )  # fmt: skip


def read_cells(root: Path, name: str) -> list[CellResult]:
    """The finished cells of an ablation, the whole loop first."""
    found = [read_cell(path) for path in sorted(ablation_folder(root, name).glob("*.json"))]
    return sorted(found, key=lambda cell: (cell.variant != WHOLE, cell.variant, cell.seed))


def plan_cells(
    root: Path, name: str, *, arm: Arm | None = None, seeds: int | None = None, experiments: int | None = None
) -> list[Cell]:
    """The cells of the grid of params.yaml: the first seed of every variant before any second one.

    Raises:
        AsiReproError: where the arm does not have a part, or the name is none.
        MissingInput: where corpus or benchmarks are not there.
    """
    params = load_params(root)
    grid, base = _grid(params.ablation, seeds, experiments), wanted_settings(root, arm)
    try:
        variants = grid.variants(base)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"]
        raise AsiReproError(
            f"the grid does not fit the arm {base.arm}: {said}", where="params.yaml, ablation.without"
        ) from error
    made: dict[str, RunSettings] = {
        variant: run_settings(root, discover, params.seed) for variant, discover in variants.items()
    }
    return [
        Cell(root, check_name(name), variant, replace(settings, seed=params.seed + seed), grid.experiments)
        for seed in range(grid.seeds)
        for variant, settings in made.items()
    ]


def _grid(settings: AblationSettings, seeds: int | None, experiments: int | None) -> AblationSettings:
    given = {"seeds": seeds, "experiments": experiments}
    return settings.model_copy(update={name: value for name, value in given.items() if value is not None})


def run_cell(cell: Cell) -> CellResult:
    """Run a cell until it is finished, or go on with it; its result is on disk when this returns."""
    runs = Project(cell.root).runs
    shared = runs / f".{cell.ablation}.lab.jsonl"
    folder = runs / cell.name
    job = WorkerJob(folder, cell.root, cell.experiments, SharedLabs(LocalLabs(cell.root, folder), shared))
    return finish_cell(cell, job)


def finish_cell(cell: Cell, job: WorkerJob) -> CellResult:
    """Do a cell's job and write its result.

    Raises:
        DataError: where the run was begun with other settings.
    """
    if (there := cell.finished()) is not None:
        return there
    run = DiscoveryRun.create(job.folder, cell.settings)
    run_job(job)
    write_run_archive(run)
    write_discoveries(run, cell.root)
    outcomes = own_outcomes(cell.name, job.folder)
    fitness = [score for score in outcomes.scores if score is not None]
    late = [
        score
        for index, score in zip(outcomes.indices, outcomes.scores, strict=True)
        if score is not None and index > run.discover.pool.cold_start
    ]
    result = CellResult(
        variant=cell.variant,
        seed=cell.settings.seed,
        settings=cell.key,
        experiments=len(outcomes.indices),
        scored=len(fitness),
        discoveries=outcomes.count,
        best=max(fitness) if fitness else None,
        mean=float(f"{sum(late) / len(late):.12g}") if late else None,
        scale=_scale(run.discover, cell.settings.exploration),
    )
    atomic_write(cell.path, dump_json(result.model_dump()))
    return result


def _scale(discover: DiscoverSettings, stage: JsonDict) -> str:
    recipe = stage["recipe"]
    return (
        f"scale {stage['scale']['name']}, {recipe['steps']} steps of {recipe['batch']} × {recipe['length']} "
        f"tokens, {len(stage['tasks'])} tasks of at most {stage['limit']} items, arm {discover.arm}"
    )


@dataclass(frozen=True)
class Failed:
    """A cell that came to no result."""

    name: str
    reason: str


def run_cells(
    cells: Sequence[Cell],
    *,
    jobs: int,
    progress: Callable[[str], None] = lambda name: None,
    run: Callable[[Cell], CellResult] = run_cell,
    executor: Executor | None = None,
    resources: Resources = ONE_CPU,
) -> list[Failed]:
    """Run the cells that are not finished, `jobs` at a time; those that failed.

    Args:
        progress: called with the name of each cell that is finished, those that were at once.
        run: what a cell does; a function that a child process can import.
        executor: where; processes here by default.

    Raises:
        DataError: where a finished cell is damaged, or of other settings: nothing is run then.
    """
    left = [cell for cell in cells if cell.finished() is None]
    for cell in cells:
        if cell not in left:
            progress(cell.name)
    where = executor or ProcessExecutor(jobs)
    call = partial(_call, run)
    lost = where.run(call, left, on_result=lambda cell, _: progress(cell.name), resources=resources)
    return [Failed(one.task.name, _reason(one)) for one in lost]


def _reason(lost: LostTask) -> str:
    return lost.error.what if isinstance(lost.error, AsiReproError) else lost.reason


def _call(run: Callable[[Cell], CellResult], cell: Cell, stop: threading.Event) -> CellResult:
    return run(cell)
