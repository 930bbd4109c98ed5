"""Facts read off the syntax tree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asi_repro.verify.checks import static
from asi_repro.verify.static_facts import split_identifier, static_facts

SOURCE = '''
"""A gate, an FIR filter and x.view(1) in prose do not count."""
import functools
import torch


class DepthwiseFIRConv1d:  # x.reshape(2)
    def forward(self, x):
        return torch.reshape(x.view(1, -1), (3,)).view(-1)


@torch.compile
def chunked_delta_rule(x, decay_rate):
    return x.sigmoid() * decay_rate


@functools.partial(torch.compile, mode="default")
def other(x):
    return rearrange(x, "a b -> b a").transpose(0, 1)
'''


def test_facts_of_a_program() -> None:
    facts = static_facts(SOURCE)
    assert (facts.view, facts.reshape, facts.reshape_lines) == (2, 1, (9, 9, 9))
    assert facts.compile_decorators == 2
    assert facts.einops == {"rearrange": 1}
    assert facts.other_reshapes == {"transpose": 1}
    # "decay" is an argument and one use of it; the words of text and comments are no code.
    assert facts.components == {"sigmoid gate": 1, "FIR filter": 1, "delta rule": 1, "decay": 2}


def test_rows_of_a_program_that_does_not_parse_are_not_run() -> None:
    rows = static.check("def (")
    assert {row.verdict for row in rows} == {"not run"}
    assert "does not parse" in rows[0].detail["reason"]


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("DepthwiseFIRConv1d", ["depthwise", "fir", "conv1d"]),
        ("log_tau_head", ["log", "tau", "head"]),
        ("FusedRMSNormGated", ["fused", "rms", "norm", "gated"]),
        ("_HTTPServer2", ["http", "server2"]),
    ],
)
def test_identifiers_are_split(name: str, parts: list[str]) -> None:
    assert split_identifier(name) == parts


@given(st.from_regex(r"[a-z]{1,8}(_[a-z]{1,8}){0,4}", fullmatch=True))
def test_snake_case_is_split_at_underscores(name: str) -> None:
    assert split_identifier(name) == name.split("_")
