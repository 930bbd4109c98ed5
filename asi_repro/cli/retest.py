"""`asi-repro retest`: how many of a run's winners stay winners with fresh seeds."""

from __future__ import annotations

from typing import Annotated

import typer

from asi_repro.cli.options import JobsOption, JsonOption
from asi_repro.cli.output import print_result, progress_bar
from asi_repro.discover.lab.live import LocalLabs
from asi_repro.discover.retest import plan_retest, retest_run
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.executor.base import usable_cpus
from asi_repro.executor.local import ProcessExecutor
from asi_repro.project import archive_of, find_project
from asi_repro.results.retest import Retest, Training


def retest(
    run: Annotated[str, typer.Option(metavar="NAME", help="Name of the run.")],
    top: Annotated[
        int, typer.Option(min=1, help="Retest so many of those that beat the baseline, the best.")
    ] = 10,
    seeds: Annotated[int, typer.Option(min=2, help="Fresh seeds of each program.")] = 3,
    jobs: JobsOption = None,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="Train nothing; take every result from the run's record.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Train the winners of a discovery run again with fresh seeds, and count how many stay winners.

    The loop trains each program once, so the best of a run are partly the luckiest. The baseline and the best
    of the experiments that beat it are trained again at the first stage's settings. The deviation of a seed
    says how many of the run's differences are larger than noise. Results are kept in the run's record.
    """
    project = find_project()
    opened = DiscoveryRun(archive_of(project, run).parent)
    labs = None if recorded else LocalLabs(project.root, opened.folder)
    tasks = plan_retest(opened, top=top, seeds=seeds, labs=labs)
    with progress_bar() as bar:
        task = bar.add_task("retesting", total=len(tasks))

        def done(training: Training) -> None:
            bar.update(task, advance=1, description=f"experiment {training.index}, seed {training.seed}")

        # lm-evaluation-harness's output is silenced for a whole process, so trainings have one each.
        found = retest_run(opened, tasks, ProcessExecutor(jobs or usable_cpus()), done)
    print_result(found.model_dump(by_alias=True), _text(found), as_json=json_)


def _text(found: Retest) -> str:
    lines = [
        f"run {found.run}: {found.beats} of {found.experiments} experiments beat the baseline in both "
        f"metrics; if all were equal, {found.beats_by_chance:.3g} would"
    ]
    for metric, noise in found.noise.items():
        lines.append(
            f"{metric}: a seed has a standard deviation of {noise.deviation:.4f}; {noise.better} are better "
            f"than the baseline, {noise.beyond} by more than noise (by chance {noise.beyond_by_chance:.3g}), "
            f"{noise.beyond_corrected} after correction"
        )
    lines.append(
        f"with fresh seeds {found.stay} of {len(found.winners)} winners stay better in "
        f"both; {found.stay_beyond('loss')} in loss and {found.stay_beyond('benchmark')} in accuracy by more "
        "than noise"
    )
    for metric in found.noise:
        if (means := found.shrinkage(metric)) is not None:
            lines.append(f"{metric}: claimed {means[0]:+.4f} on average, found again {means[1]:+.4f}")
    return "\n".join(lines)
