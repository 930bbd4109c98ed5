"""Small runs with a ledger, for the report's tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ledgers import entry, ledger

from asi_repro.archive.tables import Run, write_archive
from asi_repro.project import Project

HOSTILE = (
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}",
    "\u202egnp.exe",
    "--><img src=x onerror=alert(2)>",
    "]]></svg><iframe src=//evil>",
    "[link](javascript:alert(3)) | `code` **bold**",
    "\x1b[31mred\x1b[0m",
    r"$\frac{$",  # no formula: parsing it as one raises
    "\u05e9\u05dc\u05d5\u05dd",
    "\U0001f600 \u4e2d\u6587",
)


def make_run(names: tuple[str, ...] = HOSTILE, size: int = 40) -> Run:
    """A tree of `size` experiments, every fourth with a program, curve and count."""
    run = Run()
    for i in range(1, size + 1):
        gallery = i % 4 == 0
        name = names[i % len(names)]
        run.experiments.append(
            {
                "index": i,
                "name": name,
                "display_name": name if i % 3 else None,
                "parent": None if i == 1 else max(1, i // 3),
                "score": None if i == 7 else 1.0 + (i * 37 % 50) / 50,
                "in_gallery": gallery,
                "has_program": gallery,
            }
        )
        if gallery:
            run.programs.append(
                {
                    "index": i, "name": name, "display_name": name, "parent": max(1, i // 3), "score": None,
                    "source": "x = 1\n", "sha256": "0" * 64, "lines": 1, "motivation": None, "summary": None,
                    "diagram": None, "parameters_stated": f"{400 + i}.00M", "parameters": (400 + i) * 10**6,
                }
            )  # fmt: skip
            for step in (1, 100, 1000, 2000):
                loss = None if (i, step) == (8, 1000) else 10.0 / (1 + step / 500) + i / 1000
                run.curves.append({"index": i, "step": step, "loss": loss})
    run.sources.append(
        {
            "file": "data/tree.json", "sha256": "a" * 64, "bytes": 1, "records": size,
            "url": "file:///nowhere", "commit": "c" * 40,
        }
    )  # fmt: skip
    return run


def make_claims(size: int = 40) -> list[dict[str, Any]]:
    """Claims of every verdict, with the evidence that figures read; texts are hostile."""
    gallery = [i for i in range(1, size + 1) if i % 4 == 0]
    points = [
        {
            "gpu_hours": 10.0 * k,
            "cumulative_sota": sum(i <= size * k // 10 for i in gallery),
            "fitted": k,
            "index": size * k // 10,
            "gallery_up_to_index": sum(i <= size * k // 10 for i in gallery),
        }
        for k in range(11)
    ]
    curves = [
        {"curve": "line", "bends": False, "aic": 3.0},
        {"curve": "power", "bends": True, "aic": 1.0},
        {"curve": "late line", "bends": False, "aic": 2.0},
    ]
    pairs = [{"pair": "loss with loss", "spearman": 0.25, "low": -0.125, "high": 0.5}]
    figures = {"slope_per_hour": 0.1, "intercept": -0.5, "r2": 0.9, "null_r2_low": 0.8, "null_r2_high": 0.99}
    return [
        claim(
            "scaling-law",
            "reproduced",
            found_figures=figures,
            evidence=[{"what": "curves", "rows": curves}, {"what": "points", "rows": points}],
        ),
        claim("stage1-predicts", "contradicted", evidence=[{"what": "pairs", "rows": pairs}]),
        *(
            claim(f"hostile-{i}", "not checkable" if i % 2 else "not yet run", found=text, claimed=text)
            for i, text in enumerate(HOSTILE)
        ),
        claim("odd", "<b>unheard of</b>", found_figures={"a": [1, None]}),
    ]


def claim(identity: str, verdict: str, **fields: Any) -> dict[str, Any]:
    """A claim of the ledger with what the report asks of it."""
    return entry(identity, verdict, **({"claimed": "so", "found": "so", "method": "<i>look</i>"} | fields))


def make_project(root: Path, run: Run | None = None, claims: Any = None) -> Project:
    """A project folder with an archive and a ledger."""
    root.mkdir(parents=True, exist_ok=True)
    (root / "dvc.yaml").touch()
    (root / "params.yaml").touch()
    project = Project(root)
    write_archive(make_run() if run is None else run, project.archive)
    content = ledger(make_claims() if claims is None else claims)
    project.claims.write_text(json.dumps(content), encoding="utf-8")
    return project


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
