"""What probes stand on: fresh modules, moved parameters, the forward's contract."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch import nn

from asi_repro.models.program import load_program
from asi_repro.verify.all_checks import Battery
from asi_repro.verify.catalogue import CHECKS
from asi_repro.verify.subject import (
    INITIAL,
    MOVED,
    OPPOSITE,
    ContractError,
    Subject,
    checked_contract,
    probe_subject,
)
from tests.verify.conftest import planted


def subject(name: str) -> Subject:
    return probe_subject(load_program(planted(name), backend="cpu"))


def test_a_probe_leaves_nothing_for_the_next() -> None:
    one = subject("state_in_eval")
    x = one.inputs(1, 8)
    assert torch.equal(one.run(x), one.run(x))


def test_a_module_that_cannot_be_copied_is_built_again() -> None:
    source = planted("state_in_eval").replace(
        "super().__init__()", "super().__init__(); self.holder = (c for c in ())", 1
    )
    one = Subject(load_program(source, backend="cpu"))
    x = one.inputs(1, 8)
    assert torch.equal(one.run(x), one.run(x))


def test_every_parameter_moves_and_the_opposite_step_is_opposite() -> None:
    one = subject("leak_behind_closed_gate")
    start, there, back = (dict(one.fresh(place).named_parameters()) for place in (INITIAL, MOVED, OPPOSITE))
    for name, value in start.items():
        assert not torch.equal(value, there[name])
        torch.testing.assert_close(there[name] - value, value - back[name])


def test_step_counters_are_advanced_and_other_buffers_are_not() -> None:
    class Source:
        def build(self, hidden_size, num_heads, *, seed, dtype, device):
            module = nn.Linear(hidden_size, hidden_size).to(dtype)
            module.register_buffer("step", torch.zeros((), dtype=torch.long))
            module.register_buffer("table", torch.zeros(5, dtype=torch.long))
            module.register_buffer("_step", torch.zeros(1))
            module.register_buffer("group_index", torch.zeros(1, dtype=torch.long))
            module.register_buffer("step_flag", torch.zeros((), dtype=torch.bool))
            return module

    buffers = dict(Subject(Source()).fresh(OPPOSITE).named_buffers())
    assert int(buffers["step"]) == float(buffers["_step"]) == 100_000
    assert int(buffers["table"].sum()) == int(buffers["step_flag"]) == int(buffers["group_index"]) == 0


def test_a_larger_width_is_taken_where_the_small_ones_do_not_run() -> None:
    source = planted("clean_convolution").replace(
        "super().__init__()", "super().__init__()\n        assert hidden_size % 128 == 0", 1
    )
    one = probe_subject(load_program(source, backend="cpu"))
    assert (one.hidden_size, one.num_heads) == (128, 4)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (torch.zeros(1, 2, 3), "not a tuple of three"),
        ((torch.zeros(1, 2, 3), None), "not a tuple of three"),
        (("text", None, None), "not a tensor"),
        ((torch.zeros(1, 2, 4), None, None), "shape"),
        ((torch.zeros(1, 2, 3).double(), None, None), "float64"),
    ],
)
def test_what_breaks_the_contract_is_named(result: object, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        checked_contract(result, torch.zeros(1, 2, 3))


def test_rows_come_in_the_catalogues_order() -> None:
    battery = Battery(planted("mixes_batch"), stated=1)
    for check in CHECKS:
        assert tuple(row.check for row in battery.run(check.name)) == check.rows


def test_a_program_that_does_not_load_has_no_row_but_the_texts() -> None:
    battery = Battery("import torch\n\nraise ValueError('planted')\n")
    verdicts = {row.check: row.verdict for check in CHECKS for row in battery.run(check.name)}
    assert {name for name, verdict in verdicts.items() if verdict == "pass"} == {
        "einops_only",
        "compile_decorators",
        "components",
    }
    assert "fail" not in verdicts.values()


def test_casts_that_were_mapped_are_recorded() -> None:
    source = planted("clean_convolution").replace("mixed = self", "mixed = self", 1)
    source = source.replace("mixed * self.gate(x)", "mixed.to(torch.bfloat16) * self.gate(x)")
    facts = Battery(source).facts()
    assert [cast["asked"] for cast in facts["mapped_casts"]] == ["bfloat16"]
    assert Battery(planted("clean_convolution")).facts()["mapped_casts"] == []


def test_a_program_may_be_the_first_of_its_process_to_make_a_tensor_of_numbers() -> None:
    source = planted("clean_convolution").replace(
        "x = hidden_states\n", "x = hidden_states + torch.tensor([0.0], dtype=hidden_states.dtype)\n", 1
    )
    code = (
        "import sys; from asi_repro.verify.all_checks import Battery; "
        "rows = Battery(sys.stdin.read()).run('determinism'); sys.exit(rows[0].verdict != 'pass')"
    )
    assert subprocess.run([sys.executable, "-c", code], input=source, text=True).returncode == 0
