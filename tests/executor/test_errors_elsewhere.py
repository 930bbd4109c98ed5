"""Errors of tasks in other processes and on other nodes: they come back as they were raised."""

from __future__ import annotations

import pickle

import pytest

from asi_repro.discover.types import LabFailure, LeakSuspected
from asi_repro.errors import AsiReproError, DataError
from asi_repro.llm.errors import Truncated
from asi_repro.models.program import ProgramError
from asi_repro.sandbox.outcome import SandboxFailure, SandboxOutcome
from asi_repro.sandbox.refusal import ProgramRefused, Refusal

ERRORS = [
    DataError("odd", where="here", hint="do this"),
    SandboxFailure(SandboxOutcome("timeout", tier="namespaces", detail="600 s")),
    ProgramRefused([Refusal(3, 1, "import", "no")]),
    LabFailure("the log", reason="nan"),
    LeakSuspected("0.1 is too good"),
    Truncated("cut", text="half"),
    ProgramError("no parse", line=4),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_is_the_same_in_another_process(error: AsiReproError) -> None:
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is type(error)
    assert (str(found), found.args, vars(found)) == (str(error), error.args, vars(error))
