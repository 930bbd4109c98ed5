"""Random sequences of operators: what comes out parses, is formatted, safe, causal, new and told of."""

from __future__ import annotations

import ast
import random
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from operator_runs import FOREIGN, brief, built, candidate, leak

from asi_repro.config.operators import WEIGHTS, OperatorSettings
from asi_repro.discover.operators.catalogue import BLOCKS, Kind, find_block
from asi_repro.discover.operators.draft import Context, Donor, Operator, fill, install, rewritten
from asi_repro.discover.operators.errors import NoNewProgram, NothingToDo, NotLibraryForm
from asi_repro.discover.operators.library import seed_program
from asi_repro.discover.operators.researcher import OPERATORS, OperatorResearcher, functional_key, vary
from asi_repro.discover.operators.source import SLOTS, Source, normalised_ast, read_source
from asi_repro.discover.types import Verdict
from asi_repro.errors import DataError
from asi_repro.sandbox.static_check import check_program
from asi_repro.traces.spans import Trace

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
REJECTED = Verdict(False, "too close to an earlier one")


def propose(*programs: str, rejections: int = 0, settings: OperatorSettings | None = None, **more: int):
    researcher = OperatorResearcher(settings)
    return researcher.propose(brief(*programs, **more), [REJECTED] * rejections, Trace("test"))


def lineage(seed: int, steps: int) -> list[str]:
    """Programs one after another, the earlier ones as references."""
    programs = [seed_program()]
    for cycle in range(steps):
        programs.append(propose(programs[-1], *programs[:-1][-4:], seed=seed, cycle=cycle).program)
    return programs


def assert_well_made(program: str) -> None:
    assert check_program(program) == []
    source = read_source(program)
    assert source.text == program
    # Only what is used: every definition is reached from the main class.
    assert source.tidied().text == program
    paths, fusion = source.slots["paths"], source.slots["fusion"][0]
    assert (len(paths) == 1) == (fusion.name == "OnePath")
    named = {name for slot in SLOTS for call in source.slots[slot] for name in call.classes()}
    assert named <= set(source.defined)


def assert_formatted(*programs: str) -> None:
    for program in programs:
        done = subprocess.run(
            [sys.executable, "-m", "ruff", "format", "--check", "--config", PYPROJECT, "-"],
            input=program,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10**6), steps=st.integers(1, 5))
def test_any_sequence_of_operators_gives_a_causal_formatted_program(seed: int, steps: int) -> None:
    programs = lineage(seed, steps)
    assert len({functional_key(program) for program in programs}) == len(programs)
    assert_formatted(programs[-1])
    for program in programs[1:]:
        assert_well_made(program)
    assert leak(built(programs[-1])) < 1e-9


@pytest.mark.parametrize("kind", ["path", "fusion", "stage", "norm", "stem"])
def test_every_block_is_causal_and_finite_in_fp32(kind: Kind) -> None:
    context = Context(random.Random(1), OperatorSettings())
    slot = {"path": "paths", "stage": "stages"}.get(kind, kind)
    two = OPERATORS["add_path"](read_source(seed_program()), context)
    for block in (b for b in BLOCKS if b.kind == kind and b.name not in ("OnePath", "AdoptedPath")):
        base = read_source(seed_program()) if kind == "path" else two.source
        source, call = install(base, fill(block, context))
        made = base
        with suppress(NothingToDo):
            made = rewritten(source, {slot: (call,)}, context)
        module = built(made.text)
        if block.name == "ValuePath":
            assert run_alone(module)
        else:
            assert leak(module) < 1e-9
        x = torch.randn(2, 33, 16, requires_grad=True)
        y = module.float()(x)[0]
        y.square().sum().backward()
        assert y.isfinite().all()
        assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())


def run_alone(module: torch.nn.Module) -> bool:
    """Whether a token's output is that of the token by itself."""
    x = torch.randn(1, 5, 16, dtype=torch.float64)
    return torch.allclose(module(x)[0][:, 2:3], module(x[:, 2:3])[0], atol=1e-12)


def test_the_same_brief_gives_the_same_proposal_and_another_seed_another() -> None:
    first = propose(seed_program())
    assert propose(seed_program()) == first
    assert propose(seed_program(), seed=4).program != first.program
    assert propose(seed_program(), cycle=10).program != first.program


def test_after_rejections_none_of_the_earlier_tries_comes_back() -> None:
    few = OperatorSettings(edits=[1.0], weights={**dict.fromkeys(WEIGHTS, 0.0), "replace_norm": 1.0})
    found = [propose(rejections=n, settings=few).program for n in range(4)]
    assert len({functional_key(program) for program in found}) == 4
    # Four other norms; one of them has a rank, of which there are four.
    with pytest.raises(NoNewProgram, match="no program that is new"):
        propose(rejections=12, settings=few.model_copy(update={"tries": 40}))


def test_a_chunk_length_alone_is_no_new_program() -> None:
    parent = seed_program()
    assert functional_key(parent) == functional_key(parent.replace("chunk=32", "chunk=64"))
    assert normalised_ast(parent) != normalised_ast(parent.replace("chunk=32", "chunk=64"))
    assert functional_key(parent) != functional_key(parent.replace("kernel_size=4", "kernel_size=3"))


def test_the_motivation_tells_of_every_edit_and_claims_nothing() -> None:
    programs = lineage(5, 4)
    for cycle in range(12):
        proposal = propose(programs[-1], *programs[:-1], cycle=cycle)
        assert re.fullmatch(r"[A-Za-z0-9._-]+", proposal.name)
        assert proposal.motivation.startswith(("One edit of experiment 1,", "2 edits", "3 edits"))
        assert "The mixer has" in proposal.motivation
        assert not re.search(r"improv|better|superior|enhanc|benefit|novel", proposal.motivation, re.I)
        for label in proposal.operators:
            assert label.split(":")[0].replace("remove_stem", "replace_stem") in WEIGHTS


def test_a_path_crosses_with_the_code_it_needs() -> None:
    weights = {**dict.fromkeys(WEIGHTS, 0.0), "cross_path": 1.0}
    own = (
        seed_program().replace("class DeltaRule(", "class OwnRule(").replace("DeltaRule(\n  ", "OwnRule(\n  ")
    )
    own = own.replace("self.beta, self.chunk = beta, chunk", "self.beta, self.chunk = beta, 2 * chunk")
    assert read_source(own).slots["paths"][0].name == "OwnRule"
    proposal = propose(seed_program(), own, settings=OperatorSettings(edits=[1.0], weights=weights))
    assert "class OwnRule(nn.Module)" in proposal.program
    assert "experiment 2" in proposal.motivation
    assert_well_made(proposal.program)
    assert_formatted(proposal.program)
    assert leak(built(proposal.program)) < 1e-9


def test_another_activation_is_an_edit_of_one_line_of_code() -> None:
    weights = {**dict.fromkeys(WEIGHTS, 0.0), "change_activation": 1.0}
    proposal = propose(settings=OperatorSettings(edits=[1.0], weights=weights))
    before, after = seed_program().splitlines(), proposal.program.splitlines()
    changed = [(a, b) for a, b in zip(before, after, strict=True) if a != b]
    assert len(changed) == 1
    assert "F.silu(self.v_conv1d" in changed[0][0]


def test_a_program_of_another_form_is_adopted_whole_or_has_an_activation_changed() -> None:
    adopted = set()
    for cycle in range(12):
        proposal = propose(FOREIGN, cycle=cycle, settings=OperatorSettings(edits=[1.0]))
        assert check_program(proposal.program) == []
        adopted.add(proposal.operators[0].split(":")[0])
        if not proposal.operators[0].startswith("adopt"):
            continue
        source = read_source(proposal.program)
        assert source.slots["paths"][0].name == "AdoptedPath"
        assert "super(ParentMixer, self).__init__()" in proposal.program
        # The parent's own helper of the same name is not the library's.
        assert "def chunked(x, size):" in proposal.program
        assert leak(built(proposal.program)) < 1e-9
        assert propose(proposal.program).program != proposal.program
    assert adopted == {"adopt", "change_activation"}


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("class DeltaNet(:\n", DataError),
        ("class Other:\n    pass\n", NotLibraryForm),
        (FOREIGN.replace("import torch.nn as nn", "import math as nn"), NotLibraryForm),
    ],
)
def test_a_parent_that_cannot_be_edited_is_an_error(program: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        propose(program)


def test_bounds_hold_whatever_is_drawn() -> None:
    bounds = OperatorSettings(max_paths=2, max_stages=0, max_cost=2)
    source, context = read_source(seed_program()), Context(random.Random(3), bounds)
    for _ in range(30):
        for edit in vary(source, context):
            source = edit.source
        paths = source.slots["paths"]
        blocks = [find_block(call.name) for call in paths]
        assert len(paths) <= 2
        assert not source.slots["stages"]
        assert sum(block.cost for block in blocks if block) <= 2


def test_every_operator_can_be_reached() -> None:
    rich = Source_of(7)
    context = Context(
        random.Random(2), OperatorSettings(max_paths=8, max_cost=20), [Donor("experiment 2", Source_of(8))]
    )
    for name, operator in OPERATORS.items():
        edits = [tried(operator, rich, context) for _ in range(40)]
        assert any(edited.text != rich.text for edited in edits), name
    assert set(OPERATORS) == set(WEIGHTS)


def Source_of(seed: int) -> Source:
    """A program with three paths, a fusion that treats the first apart, a stage and a stem."""
    context, source = Context(random.Random(seed), OperatorSettings(max_cost=20)), read_source(seed_program())
    for name in ("add_path", "add_path", "add_stage", "replace_stem", "replace_norm"):
        before = source
        while source is before:
            source = tried(OPERATORS[name], before, context)
    while source.slots["fusion"][0].name != "HeadFusion":
        source = tried(OPERATORS["replace_fusion"], source, context)
    return source


def tried(operator: Operator, source: Source, context: Context) -> Source:
    """The program after an operator, or as it was where that found nothing to do."""
    with suppress(NothingToDo):
        return operator(source, context).source
    return source


@pytest.mark.parametrize(
    "wrong", [{"weights": {"fly": 1.0}}, {"edits": [0.0]}, {"weights": {"add_path": -1.0}}]
)
def test_settings_that_make_no_sense_are_refused(wrong: dict) -> None:
    with pytest.raises(ValueError):
        OperatorSettings.model_validate(wrong)


def test_a_program_needs_nothing_of_this_package() -> None:
    for program in lineage(11, 5):
        modules = {
            node.module for node in ast.walk(ast.parse(program)) if isinstance(node, ast.ImportFrom)
        } | {
            alias.name for n in ast.walk(ast.parse(program)) if isinstance(n, ast.Import) for alias in n.names
        }
        assert modules <= {"__future__", "typing", "math", "torch", "torch.nn", "einops"}


def test_an_evolved_program_passes_in_the_sandbox() -> None:
    import threading

    from asi_repro.sandbox.tiers import best_tier
    from asi_repro.verify.catalogue import BY_NAME
    from asi_repro.verify.examiner import Examiner

    program = lineage(21, 4)[-1]
    examiner = Examiner(program, stated=None, tier=best_tier())
    found = examiner.examine([BY_NAME["static"], BY_NAME["batch"], BY_NAME["masking"]], threading.Event())
    rows = {row.check: row.verdict for rows in found.rows.values() for row in rows}
    assert set(rows.values()) == {"pass"}, rows
    assert candidate(program).program == program
