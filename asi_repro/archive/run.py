"""A run in memory, on its way into the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, Any]


@dataclass
class Run:
    """Experiments with what is known of them; each row has the columns of its table in `schema`.

    `experiments` rows carry no depth and no children: the tables work those out from the parents.
    """

    experiments: list[Row] = field(default_factory=list)
    programs: list[Row] = field(default_factory=list)
    curves: list[Row] = field(default_factory=list)
    benchmarks: list[Row] = field(default_factory=list)
    cognition: list[Row] = field(default_factory=list)
    sources: list[Row] = field(default_factory=list)
