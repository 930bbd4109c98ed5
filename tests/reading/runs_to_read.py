"""Made-up runs, ordinary and hostile."""

from __future__ import annotations

import random
from typing import Any

from asi_repro.archive.tables import Run
from asi_repro.store.files import sha256_bytes

HOSTILE = [
    'quote" ; } evil [label="x"',
    "it's (a,b):1;[&&NHX:S=x]",
    "\x1b[31mred\x1b[0m\x1b]8;;http://x\x07link",
    "[bold red]markup[/bold red] :smile:",
    "#quot;#35;]--><b>&lt;&amp;",
    "back\\slash \\N \\",
    "right\u202eleft\u2028line\x9b31m",
    "two\nlines\tand\r tabs",
    "漢字カタカナ" * 12,
    "x" * 400,
]
OLD_SOURCE = "import torch\n\n\ndef mix(x):\n    return x\n"
NEW_SOURCE = "import torch\n\n\ndef mix(x, gate):\n    return x * gate\n\x0c# \x1b[31mred\n"


def make_run(names: list[str], parents: list[int | None], *, seed: int = 3) -> Run:
    """Experiments 1, 2, ... of those names and parents; the second and the last have programs."""
    draw = random.Random(seed)
    run = Run()
    last = len(names)
    for index, (name, parent) in enumerate(zip(names, parents, strict=True), start=1):
        score = None if index % 5 == 3 else round(draw.uniform(1, 3), 4)
        released = index in (2, last)
        experiment = {
            "index": index,
            "name": name,
            "display_name": None if index % 4 == 0 else f"Display{index % 7}",
            "parent": parent,
            "score": score,
            "in_gallery": released,
            "has_program": released,
        }
        run.experiments.append(experiment)
        if released:
            source = OLD_SOURCE if index == 2 else NEW_SOURCE
            run.programs.append(program_row(experiment, source))
            run.curves += [{"index": index, "step": 100 * s + 1, "loss": 9.0 - s} for s in range(5)]
            run.curves.append({"index": index, "step": 900, "loss": None})
            row = {"index": index, "column": "piqa", "task": "piqa", "metric": "accuracy", "value": 0.6}
            run.benchmarks += [row, {**row, "column": "lam_ppl", "task": "lambada_openai", "value": None}]
    run.cognition = [cognition_row(n) for n in range(3)]
    source = {
        "file": "run.json",
        "sha256": "0" * 64,
        "bytes": 2,
        "records": last,
        "url": None,
        "commit": None,
    }
    run.sources = [source]
    return run


def program_row(experiment: dict[str, Any], source: str) -> dict[str, Any]:
    return {
        **{key: experiment[key] for key in ("index", "name", "display_name", "parent", "score")},
        "source": source,
        "sha256": sha256_bytes(source.encode()),
        "lines": len(source.splitlines()),
        "motivation": "# Heading\n\nBlend **retention** with gates.\n\n- \x1b[31mred\n- [link](http://x)",
        "summary": "A gated mixer [bold]of[/bold] retention.",
        "diagram": None,
        "parameters_stated": "12.5M",
        "parameters": 12_500_000,
    }


def cognition_row(number: int) -> dict[str, Any]:
    topics = ["Sparse retention in layers", "Kernel feature maps", "Zebra \x1b[31mstripes"]
    return {
        "id": f"paper_{number // 2}#{number % 2}",
        "file": f"cognition/paper_{number // 2}.json",
        "position": number % 2,
        "design_insight": f"### DESIGN_INSIGHT_{number}: [{topics[number]}]",
        "experimental_trigger_patterns": "When recall is low and loss is flat.",
        "background": f"Title: {topics[number]}",
        "algorithmic_innovation": "Mixing of states.",
        "implementation_guidance": "Start from the smallest width.",
    }
