"""A run of our own as a page: what was run, how the search went, what the checks and the second stage say.

Every table says that it is a run of our own. Files: report.md, figures/search.svg and .png, plots/search.csv,
metrics.json, all or nothing; the same run gives the same bytes.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from asi_repro import markdown
from asi_repro.archive.tables import read_parquet
from asi_repro.config.params import load_params
from asi_repro.discover.run.calibration import own_calibration
from asi_repro.discover.run.comparison_page import luck_lines
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.run.outcomes import Outcomes, read_outcomes
from asi_repro.discover.run.rejected import read_rejected
from asi_repro.discover.run.run_comparison import curve, side_of
from asi_repro.errors import MissingInput
from asi_repro.project import Project, run_folders
from asi_repro.report.drawing import render
from asi_repro.report.model import Drawing
from asi_repro.report.palette import COLOURS
from asi_repro.store.files import write_folder
from asi_repro.store.json_text import JsonDict, dump_json
from asi_repro.text import csv_text
from asi_repro.verify.certificate import read_certificates

OURS = "A run of our own, not the paper's"
_table = partial(markdown.titled_table, note=" (a run of our own, not the paper's)")


def write_run_report(project: Project, name: str) -> Path:
    """Write the report of a run, its folder `report`.

    Raises:
        NotFound, MissingInput: where there is no such run, or it has no archive.
    """
    outcomes = read_outcomes(project, name)
    run_folder = run_folders(project).get(name)
    if run_folder is None:
        raise MissingInput(
            f"{name} is not a run of the discovery loop", hint="`asi-repro runs` lists the available runs"
        )
    run = DiscoveryRun(run_folder)
    rows: list[JsonDict] = read_parquet(run_folder / "archive" / "fitness.parquet").to_pylist()
    points = curve(outcomes)
    picture = render(
        Drawing(
            id="search",
            title=f"Discoveries of {name}",
            alt=f"{outcomes.count} discoveries in {len(points)} experiments",
            caption="",
            source=f"run {name}",
            draw=lambda figure: _draw(figure, points),
        )
    )
    text = "\n".join(_page(project, run, outcomes, rows))
    files: dict[str, bytes] = {
        "report.md": text.encode(),
        "figures/search.svg": picture.svg.encode(),
        "figures/search.png": picture.png,
        "plots/search.csv": csv_text(points).encode(),
        "metrics.json": dump_json(_metrics(run, outcomes)).encode(),
    }
    target = run_folder / "report"
    write_folder(target, files)
    return target


def _page(project: Project, run: DiscoveryRun, outcomes: Outcomes, rows: list[JsonDict]) -> list[str]:
    name = run.folder.name
    settings, stage = run.discover, run.settings.exploration
    recipe = stage["recipe"]
    about = [
        ("arm", f"{settings.arm}: {_ARMS[settings.arm]}"),
        ("fitness", f"mean of {', '.join(settings.components)} (equation 2)"),
        ("experiments", f"{len(rows)} committed, {len(run.failed())} failed"),
        ("models", f"scale {stage['scale']['name']}: {rows[0]['parameters']:,} parameters (the baseline)"),
        ("training", f"{recipe['steps']} steps of {recipe['batch']} × {recipe['length']} tokens"),
        ("text", stage["corpus"]["title"]),
        ("scores", f"{len(stage['tasks'])} tasks, at most {stage['limit']} items each"),
        ("seed", str(run.settings.seed)),
    ]
    return [
        f"# The run {markdown.escape(name)}",
        "",
        f"> {OURS}. It is far smaller than the paper's, and its numbers say nothing of the paper's models.",
        "",
        *_table("What was run", ("", ""), about),
        "## The discoveries",
        "",
        "![Discoveries and best fitness over experiments](figures/search.svg)",
        "",
        *_discoveries(project, outcomes),
        *_table("The best by fitness", _BEST, _best(rows)),
        *_table("Operators of the discoveries", ("operator", "discoveries", "experiments"), _operators(rows)),
        *_table("What was turned down", ("by", "proposals"), _turned_down(run)),
        "## Beside luck (a run of our own, not the paper's)",
        "",
        *luck_lines(outcomes, **_resampling(project)),
        "",
        "## What the Judge is worth (a run of our own, not the paper's)",
        "",
        *own_calibration(run, **_resampling(project)).lines(),
        "## The second stage",
        "",
        *_second(run, rows),
        "## Checks on the programs",
        "",
        *_checks(run),
    ]


_ARMS = {"operators": "evolution by operators on programs, no language model", "llm": "language models"}
_BEST = ("index", "fitness", "loss", "against the baseline", "benchmark mean", "against it")


def _resampling(project: Project) -> dict[str, int]:
    params = load_params(project.root)
    return {"seed": params.seed, "resamples": params.claims.resamples}


def _discoveries(project: Project, outcomes: Outcomes) -> list[str]:
    found = side_of(outcomes, **_resampling(project))
    rows = [
        (
            f"discoveries per {rate.unit}",
            f"{rate.interval.estimate:.3g}",
            f"{rate.interval.low:.3g} to {rate.interval.high:.3g}",
            "-" if rate.line_r2 is None else f"{rate.line_r2:.3f}",
        )
        for rate in found.rates
    ]
    lines = _table("Discoveries", ("rate", "estimate", "95% interval", "R² of a line"), rows)
    note = (
        f"A discovery {outcomes.discovery}. That their count grows along a line is what any search with a "
        "steady rate does. Intervals take experiments as independent, which they are not quite."
    )
    return [f"{outcomes.count} discoveries in {len(outcomes.indices)} experiments.", "", *lines, note, ""]


def _best(rows: list[JsonDict]) -> list[tuple[str, ...]]:
    ranked = sorted(rows, key=lambda row: (-row["fitness"], row["index"]))[:10]
    return [
        (
            str(row["index"]),
            f"{row['fitness']:.4f}",
            f"{row['train_loss']:.4f}",
            _percent(-row["loss_difference"]),
            f"{row['benchmark']:.4f}",
            _percent(row["benchmark_difference"]),
        )
        for row in ranked
    ]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share + 0.0:+.2%}"


def _operators(rows: list[JsonDict]) -> list[tuple[str, ...]]:
    used: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for row in rows:
        names = {operator.partition(":")[0] for operator in row["operators"]}
        used.update(names)
        found.update(names if row["beats_baseline"] else ())
    return [(name, str(found[name]), str(count)) for name, count in sorted(used.items())]


def _turned_down(run: DiscoveryRun) -> list[tuple[str, ...]]:
    counts: Counter[str] = Counter()
    for path in sorted((run.folder / "rejected").glob("[0-9]*.json")):
        counts.update(one.by for one in read_rejected(path).turned_down)
    return [(by, str(count)) for by, count in sorted(counts.items())]


def _second(run: DiscoveryRun, rows: list[JsonDict]) -> list[str]:
    verified = [row for row in rows if row["verified"] and row["index"] != 1]
    if not verified:
        return ["Not run: nothing was promoted.", ""]
    recipe = run.settings.verification["recipe"]
    listed = [
        (
            str(row["index"]),
            _percent(-row["loss_difference"]),
            _percent(row["benchmark_difference"]),
            _percent(None if (loss := row["verified_loss_difference"]) is None else -loss),
            _percent(row["verified_benchmark_difference"]),
            "yes" if row["passed"] else "no",
        )
        for row in sorted(verified, key=lambda row: -row["fitness"])
    ]
    header = ("index", "loss, first stage", "benchmark", "loss, second stage", "benchmark", "beats it again")
    title = (
        f"Against the baseline in both stages; the second: {recipe['steps']} steps, "
        f"seed {run.discover.verification.seed}, at most {run.discover.verification.limit} items a task"
    )
    return _table(title, header, listed)


def _checks(run: DiscoveryRun) -> list[str]:
    folder = run.folder / "certificates"
    if not folder.is_dir():
        return [f"Not run: `asi-repro verify --all --run {run.folder.name}` runs them.", ""]
    listed = read_certificates(folder)
    failing = Counter(row.check for one in listed for row in one.checks if row.verdict == "fail")
    rows = [(check, str(count)) for check, count in sorted(failing.items())]
    return [
        f"{len(listed)} certificates.",
        "",
        *(_table("Programs that fail a check", ("check", "programs"), rows) if rows else ["None fails.", ""]),
    ]


def _draw(figure: Figure, points: list[JsonDict]) -> None:
    axes = figure.subplots()
    at = [row["experiments"] for row in points]
    axes.step(at, [row["discoveries"] for row in points], where="post", color=COLOURS["blue"][0])
    axes.set_xlabel("experiments")
    axes.set_ylabel("discoveries so far", color=COLOURS["blue"][0])
    axes.set_title(OURS)
    other = axes.twinx()
    best = [row["best_score"] if row["best_score"] is not None else float("nan") for row in points]
    other.step(at, best, where="post", color=COLOURS["vermillion"][0])
    other.set_ylabel("best fitness so far", color=COLOURS["vermillion"][0])
    other.grid(visible=False)


def _metrics(run: DiscoveryRun, outcomes: Outcomes) -> dict[str, Any]:
    scores = [score for score in outcomes.scores if score is not None]
    return {
        "experiments": len(outcomes.indices),
        "failed": len(run.failed()),
        "discoveries": outcomes.count,
        "verified": sum(outcomes.verified),
        "best_fitness": max(scores) if scores else None,
    }
