"""Claims on what the programs do, which only running them shows."""

from __future__ import annotations

from asi_repro.claims.context import Context
from asi_repro.claims.finding import Finding
from asi_repro.claims.programs import certified
from asi_repro.claims.registry import claim


@claim("causal", "evolve-causality")
def causal(context: Context) -> Finding:
    return certified(
        context,
        deciding=("causality_perturbation", "causality_jacobian"),
        further=("prefix_consistency",),
        method="Run each program in the sandbox; change later tokens, take the gradient with respect to "
        "them, and cut them off, and see whether an earlier output moves.",
    )


@claim("sub-quadratic")
def sub_quadratic(context: Context) -> Finding:
    return certified(
        context,
        deciding=("flops_exponent", "elements_exponent"),
        further=("memory_exponent",),
        method="Run each program in the sandbox at growing lengths; count operations and elements made, and "
        "take the exponent between the two longest.",
    )


@claim("batch-independent")
def batch_independent(context: Context) -> Finding:
    return certified(
        context,
        deciding=("batch_independence",),
        further=("batch_independence_train",),
        method="Run each program in the sandbox on sequences alone and in batches, and compare the outputs.",
    )
