"""The Judge's scores beside what was measured: agreement, repeated judging, order effects.

Of the release the Judge's own scores were not published. What can be held against its benchmarks is the score
of equation 2, of which the Judge is one part of three; the output says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Optional

import numpy as np

from asi_repro import markdown
from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import read_parquet
from asi_repro.discover.run.content import DISCOVERY, read_discovery
from asi_repro.discover.run.folder import SETTINGS, DiscoveryRun
from asi_repro.markdown import escape
from asi_repro.project import RELEASE, Project, archive_of, run_folders
from asi_repro.results.agreement import (
    Agreement,
    OrderEffect,
    Repeatability,
    agreement,
    order_effect,
    repeatability,
)

# Columns of `fitness`, with what they are; the second stage is new to the Judge, the first it is shown.
_OUTCOMES = {
    "loss_difference": "loss below the baseline's, first stage (shown to the Judge)",
    "benchmark_difference": "benchmark mean above it, first stage (shown to the Judge)",
    "verified_loss_difference": "loss, second stage",
    "verified_benchmark_difference": "benchmark mean, second stage",
}
JUDGE, SCORE = "the Judge's score", "the recorded score, of which the Judge is one part of three"


@dataclass(frozen=True)
class Calibration:
    """What an opinion is worth in one run.

    Attributes:
        opinion: what is held against the outcomes.
        judged: experiments that have it.
        why: why there is nothing to say, "" where there is.
        parts: agreement of the Judge's parts with the loss of the first stage, by part.
    """

    run: str
    opinion: str
    judged: int
    why: str = ""
    agreements: tuple[Agreement, ...] = ()
    parts: tuple[Agreement, ...] = ()
    repeated: Optional[Repeatability] = None
    order: Optional[OrderEffect] = None

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    def lines(self) -> list[str]:
        """For a person, as Markdown."""
        if self.why:
            return [f"Not recorded: {self.why}", ""]
        header = ("opinion", "outcome", "pairs", "Spearman's ρ (95%)", "p")
        rows = [_row(self.opinion, one) for one in self.agreements]
        rows += [_row(name, one) for name, one in zip(_PARTS, self.parts, strict=False)]
        lines = [f"{self.judged} experiments of {escape(self.run)} have one.", ""]
        lines += [*markdown.table(header, rows), ""]
        if (again := self.repeated) is None:
            lines.append("Repeated judging: not recorded.")
        else:
            single, together = (_number(v) for v in (again.single, again.mean_of_all))
            lines.append(
                f"Repeated judging: {again.things} programs judged {again.answers:.3g} times each; standard "
                f"deviation {again.within:.3g} within a program, {again.between:.3g} between programs; "
                f"reliability (intraclass correlation) {single} of one judgement, {together} of their mean."
            )
        if (order := self.order) is None or (order.first_minus_later is None and order.drift is None):
            lines.append("Order effects: not recorded.")
        else:
            lines.append(
                f"Order effects: first judgement minus later ones {_number(order.first_minus_later)} "
                f"(p {_number(order.first_p)}); drift over the run, Spearman's ρ {_number(order.drift)} "
                f"(p {_number(order.drift_p)}), at equal loss {_number(order.drift_at_equal_outcome)}."
            )
        return [*lines, ""]


_PARTS = ("innovation", "complexity", "correctness", "convergence")


def _row(opinion: str, found: Agreement) -> list[str]:
    head = [escape(opinion), escape(found.outcome), str(found.pairs)]
    if found.rho is None:
        return [*head, escape(found.why), "–"]
    between = f"{found.rho:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
    return [*head, between, f"{found.p_value:.2g}"]


def _number(value: float | None) -> str:
    return "not known" if value is None else f"{value + 0.0:.3g}"


def read_calibration(project: Project, name: str, *, seed: int, resamples: int) -> Calibration:
    """The calibration of a run, or of the release.

    Args:
        seed, resamples: of the bootstrap.

    Raises:
        NotFound, MissingInput: where there is no such run, or it has no archive.
        DataError: where a commit of it is damaged.
    """
    folder = archive_of(project, name)
    if name == RELEASE:
        return _release(Archive(folder), seed, resamples)
    if not (folder.parent / SETTINGS).is_file():
        return Calibration(
            name, JUDGE, 0, "the run was not made by this loop, and its archive has no judgements."
        )
    return own_calibration(DiscoveryRun(run_folders(project)[name]), seed=seed, resamples=resamples)


def own_calibration(run: DiscoveryRun, *, seed: int, resamples: int) -> Calibration:
    """The calibration of a run of the loop, whose archive has been written."""
    commits = run.store.commits()
    found = [
        read_discovery(files, f"{run.store.folder}, experiment {index}")
        for index, files in zip(commits, run.store.files(commits.values(), (DISCOVERY,)), strict=True)
    ]
    judged = [one for one in found if one.judgement is not None and one.index != 1]
    name = run.folder.name
    if not judged:
        return Calibration(name, JUDGE, 0, "no experiment of this run has a judgement; the arm has no Judge.")
    rows = {row["index"]: row for row in read_parquet(run.folder / "archive" / "fitness.parquet").to_pylist()}
    opinions = [one.judgement for one in judged if one.judgement is not None]
    rng = np.random.default_rng(seed)

    def measured(column: str) -> list[float | None]:
        return [rows.get(one.index, {}).get(column) for one in judged]

    scores: list[float | None] = [one.score for one in opinions]
    loss = "loss_difference"
    samples: Sequence[Sequence[float]] = [one.samples for one in opinions]
    return Calibration(
        name,
        JUDGE,
        len(judged),
        agreements=tuple(
            agreement(title, scores, measured(column), rng=rng, resamples=resamples)
            for column, title in _OUTCOMES.items()
        ),
        parts=tuple(
            agreement(
                _OUTCOMES[loss], [one.parts.get(part) for one in opinions], measured(loss),
                rng=rng, resamples=resamples,
            )
            for part in _PARTS
        ),
        repeated=repeatability(samples),
        order=order_effect(
            samples, [one.score for one in opinions], [value or 0.0 for value in measured(loss)],
            rng=rng, resamples=resamples,
        ),
    )  # fmt: skip


def _release(archive: Archive, seed: int, resamples: int) -> Calibration:
    gallery = archive.gallery
    scores = [e.score for e in gallery]
    rng = np.random.default_rng(seed)
    average: list[float | None] = []
    final: list[float | None] = []
    for e in gallery:
        tasks = {row["task"]: row["value"] for row in archive.rows("benchmarks", e.index)}
        losses = [row["loss"] for row in archive.rows("curves", e.index) if row["loss"] is not None]
        average.append(tasks.get("average"))
        final.append(-losses[-1] if losses else None)
    return Calibration(
        RELEASE,
        SCORE,
        len(gallery),
        agreements=(
            agreement("benchmark average", scores, average, rng=rng, resamples=resamples),
            agreement("final training loss, lower is better", scores, final, rng=rng, resamples=resamples),
            Agreement("the Judge's own score", 0, why="not recorded: the release does not contain it"),
        ),
    )
