"""Claims on what the programs do, which only running them shows."""

from __future__ import annotations

from asi_repro.claims.context import Context
from asi_repro.claims.finding import Finding
from asi_repro.claims.programs import not_yet_run
from asi_repro.claims.registry import claim


@claim("causal")
def causal(context: Context) -> Finding:
    return not_yet_run(context)


@claim("sub-quadratic")
def sub_quadratic(context: Context) -> Finding:
    return not_yet_run(context)


@claim("batch-independent")
def batch_independent(context: Context) -> Finding:
    return not_yet_run(context)
