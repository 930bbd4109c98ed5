"""`asi-repro results`: what was trained and evaluated here, and how sure it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Optional

import typer

from asi_repro.cli.options import JsonOption

if TYPE_CHECKING:
    from asi_repro.archive.store import Archive

_HEADER = ("model", "seeds", "parameters", "loss", "valid. loss", "score", "minus DeltaNet [95%]", "p (Holm)")


def results(
    scale: Annotated[
        Optional[str],
        typer.Option("--scale", help="smoke, 20m or 340m; params.yaml's by default.", show_default=False),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Compare all trained models with DeltaNet: artifacts/metrics/results.json (stage `results`).

    Scores are means of the tasks' accuracies. Intervals and p-values are from a bootstrap over the items that
    both models answered, corrected after Holm over the architectures.
    """
    from asi_repro.cli.output import console, print_columns, print_json, safe
    from asi_repro.config import load_params
    from asi_repro.files import atomic_write, dump_json
    from asi_repro.project import find_project
    from asi_repro.train.evaluating import evaluated_root
    from asi_repro.train.results import build_results, load_models
    from asi_repro.train.spec import trained_root
    from asi_repro.train.workspace import open_workspace

    project = find_project()
    workspace = open_workspace(project.root, scale=scale)
    params = load_params(project.root)
    models = load_models(
        trained_root(project.artifacts, workspace.scale), evaluated_root(project.artifacts, workspace.scale)
    )
    found = build_results(
        models,
        seed=params.seed,
        resamples=params.claims.resamples,
        paper=_paper(workspace.archive) if workspace.archive is not None else None,
    )
    atomic_write(project.artifacts / "metrics" / "results.json", dump_json(found))
    if json_:
        print_json(found)
        return
    out = console()
    stand_in = " (not the paper's corpus)" if found["corpus_stand_in"] else ""
    out.print(f"scale {found['scale']}, {found['tokens']:,} tokens of {found['corpus']}{stand_in}")
    rows = sorted(found["models"], key=lambda row: -(row["score"] or {"mean": -1.0})["mean"])
    print_columns(out, _HEADER, [_cells(row, safe) for row in rows], right=range(1, 6))
    if (curse := found.get("winners_curse")) is not None:
        out.print(
            f"best of {curse['models']} architectures: {curse['observed']:+.4f}; if none beat DeltaNet "
            f"the best would show {curse['expected']:+.4f}, in 1 of 20 cases over {curse['high']:+.4f} "
            f"(p = {curse['p_value']:.3f})"
        )
    if found["not_compared"]:
        out.print(f"not compared, trained otherwise than DeltaNet: {', '.join(found['not_compared'])}")
    for record in found.get("rank_agreement", []):
        out.print(record["sentence"])


def _cells(row: dict[str, Any], safe: Any) -> list[str]:
    against = row.get("against", {}).get("score")
    difference = p_value = ""
    if against is not None:
        difference = f"{against['estimate']:+.4f} [{against['low']:+.4f}, {against['high']:+.4f}]"
        holm = against["holm_p_value"]
        p_value = f"{holm:.3f}" if holm is not None else "baseline"
    title = safe(row["title"])
    name = row["name"] if title == row["name"] else f"{row['name']} ({title})"
    stopped = "".join(f", seed {one['seed']} stopped: {one['reason']}" for one in row["stopped"])
    parameters = f"{row['parameters']:,}" if row["parameters"] is not None else "not run"
    numbers = [_number(row[column]) for column in ("loss", "validation_loss", "score")]
    return [name + stopped, str(row["seeds"]), parameters, *numbers, difference, p_value]


def _number(estimate: dict[str, Any] | None) -> str:
    if estimate is None:
        return "not run"
    if estimate["low"] is None:
        return f"{estimate['mean']:.4f}"
    return f"{estimate['mean']:.4f} ± {estimate['high'] - estimate['mean']:.4f}"


def _paper(archive: Archive) -> dict[str, dict[str, float]]:
    """Table 2's values by our names; a row whose name several architectures bear is left out."""
    from asi_repro.claims.paper_tables import PaperTables
    from asi_repro.train.spec import slug_of

    found = {}
    for row in PaperTables().table2:
        matches = [e for e in archive.named(row.model) if e.in_gallery]
        if len(matches) == 1:
            found[slug_of(matches[0].index, matches[0].name)] = row.values
    return found
