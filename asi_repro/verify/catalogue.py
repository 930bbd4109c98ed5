"""The checks and the rows each gives. No torch here: the command line and certificates list them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Check:
    """One file of `asi_repro.verify.checks`.

    Attributes:
        name: the file's name.
        rows: the names of the results it gives, in order.
        needs: what it is run on: modules of a program ("subject"), the program ("program"), its text.
        title: what it asks, for a person.
    """

    name: str
    rows: tuple[str, ...]
    needs: Literal["subject", "program", "text"]
    title: str


CHECKS: tuple[Check, ...] = (
    Check("static", ("einops_only", "compile_decorators", "components"), "text", "What its text says"),
    Check(
        "runs",
        ("runs_fp32", "runs_bf16", "runs_fp64", "finite_fp32", "finite_bf16", "finite_fp64"),
        "subject",
        "Does it run, with finite numbers?",
    ),
    Check(
        "causality",
        ("causality_perturbation", "causality_jacobian"),
        "subject",
        "Does it see the future?",
    ),
    Check("prefix", ("prefix_consistency",), "subject", "Is a prefix's output that of the prefix alone?"),
    Check(
        "batch",
        ("batch_independence", "batch_independence_train"),
        "subject",
        "Is a sequence independent of its batch?",
    ),
    Check(
        "masking",
        ("mask_runs", "padding_isolation", "mask_sample_isolation", "mask_equivalence"),
        "subject",
        "Does attention_mask keep padding and neighbours out?",
    ),
    Check("packing", ("packed_samples",), "subject", "Does cu_seqlens keep packed samples apart?"),
    Check("determinism", ("determinism",), "subject", "Same input and seed, same bits?"),
    Check(
        "state",
        ("eval_state", "eval_history", "instance_independence"),
        "subject",
        "Does a forward in eval mode leave a trace?",
    ),
    Check(
        "training",
        ("training_steps", "checkpoint"),
        "subject",
        "Does it train on, and does a checkpoint hold all of it?",
    ),
    Check("precision", ("bf16_positions",), "subject", "Does bf16 hold late in a sequence?"),
    Check("dead", ("dead_parameters",), "subject", "Which parameters never get a gradient?"),
    Check(
        "cost",
        ("flops_exponent", "elements_exponent", "memory_exponent"),
        "subject",
        "How does cost grow with length?",
    ),
    Check(
        "generation",
        ("cache_decoding", "cache_continuation", "state_size"),
        "subject",
        "What does generation keep?",
    ),
    Check("parameters", ("parameters_20m", "parameters_340m"), "program", "How many parameters?"),
    Check("compute", ("flops_token_20m", "flops_token_340m"), "program", "How much arithmetic a token?"),
)

BY_NAME = {check.name: check for check in CHECKS}
ROW_NAMES: tuple[str, ...] = tuple(row for check in CHECKS for row in check.rows)
