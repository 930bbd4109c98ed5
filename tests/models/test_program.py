"""Loading a program and building its mixer."""

from __future__ import annotations

import builtins
import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from programs_for_tests import MIXER, NARROW  # noqa: E402

from asi_repro.errors import AsiReproError  # noqa: E402
from asi_repro.models.program import ProgramError, load_program, mixer_output  # noqa: E402

DTYPES = (torch.bfloat16, torch.float32, torch.float64)


def forward_backward(source: str, dtype: torch.dtype, length: int = 37) -> list[dict[str, object]]:
    """One training step's passes; everything finite. Returns the mapped casts."""
    module = load_program(source).build(64, 4, seed=0, dtype=dtype)
    x = torch.randn(2, length, 64, generator=torch.Generator().manual_seed(1)).to(dtype).requires_grad_()
    result = mixer_output(module(x))
    assert (result.hidden_states.shape, result.hidden_states.dtype) == (x.shape, dtype)
    loss = result.hidden_states.double().square().mean()
    if result.auxiliary is not None:
        loss = loss + result.auxiliary.double().sum()
    loss.backward()
    grads = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
    assert grads
    assert all(torch.isfinite(g).all() for g in (result.hidden_states, x.grad, *grads.values()))
    return module.casts.records()


def test_a_program_loads_without_a_trace_in_the_process() -> None:
    load_program(MIXER)  # the libraries that it imports stay loaded, as any import of them would leave them
    before, importer = set(sys.modules), builtins.__import__
    program = load_program(MIXER)
    assert program.main_class.__name__ == "DeltaNet"
    assert program.backend == "cpu"
    assert set(sys.modules) == before
    assert builtins.__import__ is importer
    assert torch.compile.__module__.startswith("torch")


def test_imports_for_type_checkers_are_not_made() -> None:
    load_program(MIXER.replace("from fla.models.utils import Cache", "from no_such_package import Nothing"))


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        ("import fla.modules.l2norm", "fla.modules.l2norm.l2norm"),
        ("import fla.modules.l2norm as n", "n.l2norm"),
        ("from fla.modules import l2norm", "l2norm.l2norm"),
        ("from fla.modules.l2norm import l2norm as n", "n"),
    ],
)
def test_every_form_of_import_reaches_our_modules(statement: str, name: str) -> None:
    from asi_repro.models import fla_cpu

    source = NARROW.replace("import torch\n", f"import torch\n{statement}\n", 1)
    module = load_program(
        source.replace("**kwargs):\n        lower", f"**kwargs):\n        self.found = {name}\n        lower")
    )
    built = module.build(8, 1)
    built(torch.randn(1, 3, 8))
    assert built.found is fla_cpu.l2norm


def test_two_programs_with_equal_class_names_stay_apart() -> None:
    first, second = load_program(MIXER), load_program(NARROW)
    assert first.main_class is not second.main_class
    assert "norm.weight" in first.build(8, 1).state_dict()
    assert "norm.weight" not in second.build(8, 1).state_dict()


def test_compile_decorators_never_compile_on_a_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("torch.compile was called")

    monkeypatch.setattr(torch, "compile", refuse)
    for form in ("@torch.compile", "@torch.compile()", "@torch.compile(mode='max-autotune')"):
        forward_backward(MIXER.replace("@torch.compile", form), torch.float32)


@pytest.mark.parametrize("dtype", DTYPES)
def test_forward_and_backward(dtype: torch.dtype) -> None:
    assert forward_backward(MIXER, dtype) == []


def test_narrow_casts_are_mapped_and_recorded() -> None:
    line = next(i for i, text in enumerate(NARROW.splitlines(), 1) if "bfloat16" in text)
    expected = {"line": line, "op": "to", "asked": "bfloat16", "count": 1}
    for dtype in (torch.float32, torch.float64):
        name = str(dtype).removeprefix("torch.")
        assert forward_backward(NARROW, dtype) == [{**expected, "source": name, "used": name}]
    assert forward_backward(NARROW, torch.bfloat16) == []


def test_copies_of_a_module_share_the_record() -> None:
    module = load_program(NARROW).build(8, 1)
    copy.deepcopy(module)(torch.randn(1, 3, 8))
    assert [row["count"] for row in module.casts.records()] == [1]


def test_without_mapping_the_program_runs_as_written() -> None:
    module = load_program(NARROW, dtype_policy="as_written").build(8, 1)
    with pytest.raises(RuntimeError):
        module(torch.randn(1, 3, 8))
    assert len(module.casts) == 0


def test_under_autocast_nothing_is_mapped() -> None:
    module = load_program(NARROW).build(8, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = module(torch.randn(1, 3, 8))[0]
    assert output.dtype is torch.bfloat16
    assert len(module.casts) == 0


def test_float64_keeps_float64_precision() -> None:
    """The mapped cast must not round: float64's result differs from bfloat16 rounding, and from float32's."""
    program = load_program(NARROW)
    x = torch.randn(1, 5, 8, dtype=torch.float64)
    module = program.build(8, 1, dtype=torch.float64)
    weight = module.inner.weight
    torch.testing.assert_close(module(x)[0], (x @ weight.T).tril() @ weight, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("x = 1\ny = (", 2, "does not parse"),
        ("import torch\nimport os", 2, "may not import 'os'"),
        ("from torch import load", 1, "may not import 'load' from 'torch'"),
        ("import torch.distributed", 1, "may not import 'torch.distributed'"),
        ("from fla.modules import GatedMLP", 1, "may not import 'GatedMLP'"),
        ("from math import *", 1, "every name"),
        ("from . import x", 1, "relative"),
        ("\n\n1 / 0", 3, "ZeroDivisionError"),
        ("open('x')", 1, "'open' is not defined"),
        ("__import__('subprocess')", 1, "may not import 'subprocess'"),
        ("class DeltaNet: pass", None, "no nn.Module class"),
        ("x = '\\ud800'\n" + "\x00", None, "does not parse"),
    ],
)
def test_errors_name_the_line(source: str, line: int | None, says: str) -> None:
    with pytest.raises(ProgramError) as caught:
        load_program(source)
    assert caught.value.line == line
    assert says in str(caught.value)


def test_a_failing_constructor_names_its_line() -> None:
    source = MIXER.replace("self.helper = Helper()", "self.helper = Helper(hidden_size // 0)")
    line = next(i for i, text in enumerate(source.splitlines(), 1) if "// 0" in text)
    with pytest.raises(ProgramError, match="cannot build DeltaNet") as caught:
        load_program(source).build(8, 1)
    assert caught.value.line == line


def test_main_class_by_name_or_by_its_forward() -> None:
    renamed = MIXER.replace("class DeltaNet", "class Fresh")
    assert load_program(renamed).main_class.__name__ == "Fresh"
    assert load_program(renamed, class_name="Helper").main_class.__name__ == "Helper"
    with pytest.raises(ProgramError, match="'DeltaNet'"):
        load_program(renamed, class_name="DeltaNet")


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(AsiReproError, match="unknown backend"):
        load_program(MIXER, backend="gpu")
    with pytest.raises(AsiReproError, match="unknown dtype policy"):
        load_program(MIXER, dtype_policy="round")  # type: ignore[arg-type]
    with pytest.raises(AsiReproError, match="unsupported dtype"):
        load_program(MIXER).build(8, 1, dtype=torch.float16)
    if not torch.cuda.is_available():
        with pytest.raises(AsiReproError, match="no CUDA"):
            load_program(MIXER, backend="fla")


def test_the_same_seed_gives_the_same_bits() -> None:
    program = load_program(MIXER)
    x = torch.randn(2, 65, 64, generator=torch.Generator().manual_seed(2))
    outputs = []
    for noise in range(2):
        torch.manual_seed(noise)
        outputs.append(program.build(64, 4, seed=7)(x)[0])
    assert torch.equal(*outputs)
    assert not torch.equal(outputs[0], program.build(64, 4, seed=8)(x)[0])


# The one with the largest `cos`; two threads, since one thread never showed the fault that `warm_up` is for.
FRESH_PROCESS = """
import json, sys, torch
torch.set_num_threads(2)
from asi_repro.models.program import load_program
entries = json.load(open(sys.argv[1], encoding="utf-8"))
source = next(entry["program"] for entry in entries if entry["index"] == 880)
module = load_program(source).build(256, 4, seed=3)
x = torch.randn(2, 512, 256, generator=torch.Generator().manual_seed(1)).requires_grad_()
y = module(x)[0]
y.square().sum().backward()
print(torch.hash_tensor(y).item(), torch.hash_tensor(x.grad).item())
"""


@pytest.mark.slow
def test_fresh_processes_give_the_same_bits(release_dir: Path) -> None:
    command = [sys.executable, "-c", FRESH_PROCESS, str(release_dir / "data" / "106.json")]
    outputs = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(3)]
    assert len(set(outputs)) == 1
    assert outputs[0].split()[0] != "0"


def test_building_leaves_the_random_state_alone() -> None:
    state = torch.get_rng_state()
    load_program(MIXER).build(16, 2, seed=3)
    assert torch.equal(torch.get_rng_state(), state)


def release_programs(release_dir: Path) -> dict[int, str]:
    entries = json.loads((release_dir / "data" / "106.json").read_text(encoding="utf-8"))
    return {entry["index"]: entry["program"] for entry in entries}


# The released programs that fail as written in float32 (the first two), with float32 constants, a Fourier
# transform, packed sequences and a plain one.
SAMPLE = (151, 1771, 676, 880, 830, 1735)


@pytest.mark.parametrize("index", SAMPLE)
def test_released_programs_run(release_dir: Path, index: int) -> None:
    source = release_programs(release_dir)[index]
    for dtype in DTYPES:
        records = forward_backward(source, dtype)
        assert dtype is not torch.bfloat16 or records == []


@pytest.mark.slow
def test_every_released_program_runs(release_dir: Path) -> None:
    programs = release_programs(release_dir)
    assert len(programs) == 106
    for source in programs.values():
        for dtype in DTYPES:
            forward_backward(source, dtype)


LITERAL_FIRST = MIXER.replace("import torch\n", "import torch\n\nLITERAL = torch.tensor([0.5])\n", 1)


def test_torch_may_import_what_it_needs_below_a_programs_frame() -> None:
    """The first `torch.tensor` of a process imports a module from C, under the caller's builtins."""
    assert "LITERAL" in LITERAL_FIRST
    code = (
        "import sys; from asi_repro.models.program import load_program; "
        "load_program(sys.stdin.read(), backend='cpu').build(64, 4, seed=0)"
    )
    run = subprocess.run([sys.executable, "-c", code], input=LITERAL_FIRST, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-600:]
