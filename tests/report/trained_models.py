"""Made-up results of training, for the report's tests; titles are hostile."""

from __future__ import annotations

from report_runs import HOSTILE

from asi_repro.project import Project
from asi_repro.results.differences import Difference, Spread, WinnersCurse
from asi_repro.results.speed import SPEED, SpeedRow, Speeds
from asi_repro.results.table import (
    RESULTS_FOLDER,
    SWEEPS_FOLDER,
    Agreement,
    CurvePoint,
    ModelRow,
    Results,
    Summary,
    write_results,
)
from asi_repro.store.records import write_record

TASKS = ["arc_easy", "piqa"]


def made_up_row(place: int, *, seeds: int = 1) -> ModelRow:
    """DeltaNet at place 0; then architectures, of which the second is significantly better."""
    baseline = place == 0
    title = "delta_net" if baseline else HOSTILE[place % len(HOSTILE)]
    score = 0.30 + 0.01 * place

    def spread(mean: float) -> Spread:
        reach = 0.01 if seeds > 1 else None
        return Spread(
            mean=mean,
            low=mean - reach if reach else None,
            high=mean + reach if reach else None,
            count=seeds,
        )

    return ModelRow(
        name="delta_net" if baseline else f"{place:04d}-made_up",
        title=title,
        index=None if baseline else place,
        baseline=baseline,
        seeds=seeds,
        parameters=1000,
        flops_per_token=2e7 + 1e6 * place,
        tokens=12_288,
        loss=spread(7.5 - 0.01 * place),
        validation_loss=spread(7.6 - 0.01 * place),
        score=spread(score),
        tasks={task: spread(score + 0.1 * number) for number, task in enumerate(TASKS)},
        against={}
        if baseline
        else {
            "score": Difference(
                estimate=0.01 * place,
                low=-0.01,
                high=0.03,
                p_value=0.01,
                holm_p_value=0.02 if place == 2 else 0.5,
            )
        },
    )


def made_up_results(models: int, *, seeds: int = 1) -> Results:
    """DeltaNet and architectures."""
    rows = [made_up_row(place, seeds=seeds) for place in range(models)]
    return Results(
        summary=Summary(
            about=f"{models - 1} architectures at scale smoke after 12,288 tokens. Not a reproduction.",
            scale="smoke",
            tokens=12_288,
            corpus="made-up text",
            corpus_stand_in=True,
            tasks=TASKS,
            items=dict.fromkeys(TASKS, 50),
            chance=0.375,
            against="delta_net",
            resamples=100,
            not_compared=[],
            winners_curse=WinnersCurse(
                models=models - 1, observed=0.02, expected=0.03, high=0.05, p_value=0.7
            ),
            rank_agreement=[Agreement(column="test_score_20m", models=3, sentence="Not run: too few.")],
        ),
        models=rows,
        curves=[
            CurvePoint(
                name=row.name, seed=seed, step=step, tokens=512 * step, loss=11.0 - step / 10 + seed / 100
            )
            for row in rows
            for seed in range(seeds)
            for step in (1, 10, 20)
        ],
    )


def add_results(project: Project) -> None:
    """What the pipeline, a sweep and a measurement of speed leave."""
    write_results(made_up_results(4, seeds=2), project.artifacts / RESULTS_FOLDER)
    write_results(made_up_results(12), project.artifacts / SWEEPS_FOLDER / "smoke")
    rows = [
        SpeedRow(model=model, length=length, tokens_per_second=1000.0)
        for model in ("delta_net", "transformer")
        for length in (256, 1024)
    ]
    write_record(
        project.artifacts / SWEEPS_FOLDER / SPEED,
        Speeds(about="Made up.", hardware="none", torch="0", threads=1, rows=rows),
    )
