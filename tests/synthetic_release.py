"""A made-up run in the release's file format, of any size: for tests and growth benchmarks.

Nothing in it is from the release: texts are drawn from a small word list, scores from a normal
distribution, and parents by the same kind of rule (root for the first, then good recent ones), so that
the tree is wide and shallow like a real one.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

from asi_repro.archive.release import BENCHMARK_COLUMNS, COGNITION, GALLERY, TREE

STEPS = (1, 100, 200, 300, 400, 500)
_WORDS = [
    "gate",
    "decay",
    "memory",
    "chunk",
    "router",
    "causal",
    "kernel",
    "scale",
    "mixer",
    "state",
    "token",
    "head",
    "floor",
    "entropy",
    "residual",
    "stream",
    "convolution",
    "normal",
    "spectral",
    "delta",
    "rule",
    "path",
    "value",
    "query",
    "key",
]

PROGRAM = '''"""A made-up token mixer."""

import torch.nn as nn


class DeltaNet(nn.Module):
    def __init__(self, hidden_size={width}, num_heads=2, **kwargs):
        super().__init__()
        self.proj = nn.Linear(hidden_size, hidden_size)

    def forward(self, hidden_states, attention_mask=None, **kwargs):
        return self.proj(hidden_states), None, None
'''


def write_synthetic_release(folder: Path, experiments: int, *, gallery: int = 8, seed: int = 0) -> None:
    """Write a release of that many experiments below `folder`.

    Args:
        experiments: nodes of the tree, at least 1; every twentieth index is left out, as gaps are.
        gallery: how many of the best get a program, curve and benchmarks.
        seed: of every draw.
    """
    draw = random.Random(seed)
    nodes = _nodes(draw, experiments)
    best = sorted(nodes, key=lambda node: (-node["score"], node["index"]))[:gallery]
    records = [_architecture(draw, node) for node in best]
    _write(folder / TREE, {"total_records": len(nodes), "results": nodes})
    _write(folder / GALLERY, records)
    for position in range(3):
        _write(folder / COGNITION / f"paper_{position}.json", [_entry(draw) for _ in range(position + 1)])


def _nodes(draw: random.Random, count: int) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = []
    pool: list[dict[str, Any]] = []
    index = 0
    while len(nodes) < count:
        index += 1
        if index % 20 == 0:
            continue
        parent = None if not nodes else 1 if len(nodes) < 10 or not pool else draw.choice(pool[:10])["index"]
        words = draw.sample(_WORDS, 2)
        node = {
            "index": index,
            "name": "mixer_" + "_".join(words),
            "parent": parent,
            "score": round(draw.gauss(1.5 + len(nodes) / count, 0.3), 6),
            "name_new": "".join(word.capitalize() for word in words) + "Net",
        }
        nodes.append(node)
        if len(nodes) % 50 == 0:
            pool = sorted([*pool, *nodes[-50:]], key=lambda n: -n["score"])[:50]
    return nodes


def _architecture(draw: random.Random, node: dict[str, Any]) -> dict[str, Any]:
    losses = ",".join(f"{11 / (1 + step / 100) + draw.random() / 10:.4f}" for step in STEPS)
    values = ",".join(
        "nan" if "ppl" in c or c == "wikitext" else f"{draw.random():.4f}" for c in BENCHMARK_COLUMNS
    )
    return {
        **node,
        "parameters": f"{draw.uniform(400, 500):.2f}M",
        "motivation": _sentence(draw, 60),
        "summary": _sentence(draw, 12),
        "program": PROGRAM.format(width=draw.choice((32, 64))),
        "svg_picture": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle r="3"/></svg>',
        "result": {
            "train": f",{','.join(map(str, STEPS))}\n{node['name']},{losses}",
            "test": f",{','.join(BENCHMARK_COLUMNS)}\n{node['name']},{values}",
        },
    }


def _entry(draw: random.Random) -> dict[str, str]:
    fields = (
        "DESIGN_INSIGHT",
        "EXPERIMENTAL_TRIGGER_PATTERNS",
        "BACKGROUND",
        "ALGORITHMIC_INNOVATION",
        "IMPLEMENTATION_GUIDANCE",
    )
    return {field: _sentence(draw, 30) for field in fields}


def _sentence(draw: random.Random, words: int) -> str:
    return " ".join(draw.choices(_WORDS, k=words)).capitalize() + "."


def _write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
