"""Every fault of the corpus fails a row that ought to catch it; no program fails a row that ought not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from asi_repro.verify.all_checks import Battery
from asi_repro.verify.program_text import depends_on_hashes
from tests.verify.confusion import deciding, judge
from tests.verify.corpus import CASES, CONVOLUTION, Case, put

FAULTY = [case for case in CASES if case.kind != "clean"]
HASHED = put(
    CONVOLUTION, {"mix": "for a in {'left', 'right', 'up', 'down'}:\n    y = y * (1 + 0.1 * len(a)) + len(a)"}
)


def test_the_corpus_is_large_and_its_names_are_its_own() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 80
    assert len(CASES) - len(FAULTY) >= 20


@pytest.mark.parametrize("kind", sorted({case.kind for case in FAULTY}))
def test_faults_are_found_by_the_checks_that_ought_to(kind: str) -> None:
    """One of every three by turns of the kind; the slow test judges all by all checks."""
    judged = [judge(case, deciding(case)) for case in [c for c in FAULTY if c.kind == kind][::3]]
    assert [one for one in judged if one.missed or one.false] == []


@pytest.mark.parametrize("name", ["convolution", "cached", "c8_complex64_kernel"])
def test_a_clean_program_fails_nothing(name: str) -> None:
    (case,) = [case for case in CASES if case.name == name]
    assert judge(case).failed == ()


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_program_is_judged_rightly_by_every_check(case: Case) -> None:
    judged = judge(case)
    assert (judged.missed, judged.false) == ((), ())


def test_a_program_that_depends_on_hashes_is_told_by_another_process() -> None:
    """The order of a set of strings follows the hash seed."""
    assert depends_on_hashes(HASHED)
    assert not depends_on_hashes(CONVOLUTION)
    script = (
        "import sys; from asi_repro.verify.all_checks import Battery; "
        "from asi_repro.verify.checks.determinism import digest; "
        "print(digest(Battery(sys.stdin.read()).subject))"
    )
    here = Battery(HASHED)
    verdicts = set()
    for seed in ("1", "2", "3", "4"):
        done = subprocess.run(
            [sys.executable, "-c", script], input=HASHED, text=True, capture_output=True, check=True,
            env={"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1", "PYTHONPATH": ":".join(sys.path)},
        )  # fmt: skip
        verdicts.add(here.run("determinism", elsewhere=done.stdout.strip())[0].verdict)
        if "fail" in verdicts:
            break
    assert "fail" in verdicts
