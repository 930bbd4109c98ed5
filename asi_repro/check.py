"""The checks from Python: on a live module in this process, or on a program's text in the sandbox.

    from asi_repro.check import assert_causal, check

    report = check(MyMixer)           # a class, a function that makes a module, or a module; a language model
    report.passed, report.failed      # and `report` by itself shows a table in a notebook
    assert_causal(MyMixer)            # in a test

A live module runs in this process with your permissions: check only code that you trust, and give the text of
other code to `check_source`. What the checks run are copies; the module, the random state and the number of
threads are left as they were. A row that cannot be tried on a live module is "not run", with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asi_repro.errors import AsiReproError, DataError
from asi_repro.sandbox.launch import Tier
from asi_repro.sandbox.tiers import best_tier
from asi_repro.store.files import sha256_bytes
from asi_repro.text import one_line
from asi_repro.verify.adapt import Choice
from asi_repro.verify.catalogue import BY_NAME
from asi_repro.verify.certificate import NOT_YET, OF_A_FILE, Certificate, in_order
from asi_repro.verify.files import SECONDS, check_text, chosen_checks, programs_in
from asi_repro.verify.keys import torch_version
from asi_repro.verify.markdown import certificate_markdown
from asi_repro.verify.results import CheckResult
from asi_repro.verify.wording import summary

if TYPE_CHECKING:
    from torch import nn

    Model = nn.Module | Callable[..., nn.Module]

IN_PROCESS = "none, in this process"


@dataclass(frozen=True, repr=False)
class Report:
    """What the checks found.

    Attributes:
        certificate: the rows and what they stand on.
        problem: why a check in the sandbox did not come to its end, or None.
    """

    certificate: Certificate
    problem: AsiReproError | None = None

    def __iter__(self) -> Iterator[CheckResult]:
        """The rows of the checks that were asked for, in the catalogue's order."""
        return (row for row in self.certificate.checks if row.detail.get("reason") != NOT_YET)

    def __getitem__(self, row: str) -> CheckResult:
        return self.certificate.row(row)

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The rows that fail."""
        return tuple(row for row in self if row.verdict == "fail")

    @property
    def not_run(self) -> tuple[CheckResult, ...]:
        """The rows that were asked for and could not be tried."""
        return tuple(row for row in self if row.verdict == "not run")

    @property
    def passed(self) -> bool:
        """Whether a row passed, none failed, and no check was stopped."""
        return not self.failed and self.problem is None and any(row.verdict == "pass" for row in self)

    def to_json(self) -> dict[str, Any]:
        """The certificate as JSON data."""
        return self.certificate.to_json()

    def __repr__(self) -> str:
        rows = list(self)
        width = max((len(row.check) for row in rows), default=0)
        lines = [f"{row.check:<{width}}  {row.verdict:<7}  {one_line(summary(row))}" for row in rows]
        count = f"{len(self.failed)} failed, {len(self.not_run)} not run, of {len(rows)} rows"
        stopped = [] if self.problem is None else [f"stopped: {one_line(self.problem)}"]
        return "\n".join([f"{one_line(self.certificate.name)}: {count}", *lines, *stopped])

    def _repr_markdown_(self) -> str:
        return certificate_markdown(self.certificate)

    def _repr_html_(self) -> str:
        head, *_ = repr(self).splitlines()
        cells = [(row.check, row.verdict, one_line(summary(row))) for row in self]
        body = "".join(f"<tr><td>{'</td><td>'.join(escape(cell) for cell in row)}</td></tr>" for row in cells)
        stopped = "" if self.problem is None else f"<p>stopped: {escape(one_line(self.problem))}</p>"
        titles = "<tr><th>row</th><th>verdict</th><th>found</th></tr>"
        return f"<p>{escape(head)}</p><table>{titles}{body}</table>{stopped}"


def check(
    model: Model,
    *,
    width: int | None = None,
    heads: int | None = None,
    arguments: Mapping[str, Any] | None = None,
    language_model: bool | None = None,
    longest: int | None = None,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    quick: bool = False,
) -> Report:
    """Check a live module in this process.

    Args:
        model: a module, its class, or a function that makes one. A mixer takes (batch, length, width) and
            returns that shape, alone or first in a tuple; a language model takes ids (batch, length) and
            returns logits (batch, length, vocabulary), alone, as `logits`, or first in a tuple.
        width, heads: to probe at; found where None. A class or function is tried at several widths.
        arguments: of the class or function, besides width and heads.
        language_model: whether it takes ids; found where None.
        longest: tokens that it is made for; taken from its configuration where None.
        only, skip: names of checks or of their rows.
        quick: causality, batch and determinism only.

    Raises:
        AsiReproError: where it cannot be called as either, or for an unknown check; says what to give.
    """
    from asi_repro.verify.live_module import LiveBattery, LiveSource, seeds_kept

    checks = chosen_checks(only, skip, quick=quick)
    with seeds_kept():
        source = LiveSource(
            model,
            width=width,
            heads=heads,
            arguments=arguments,
            language_model=language_model,
            longest=longest,
        )
        battery = LiveBattery(source)
        rows = [row for one in checks for row in battery.run(one.name)]
        probe = battery.facts()
    certificate = Certificate(
        index=OF_A_FILE,
        name=str(getattr(model, "__qualname__", type(model).__name__)),
        display_name=None,
        program_sha256=sha256_bytes(source.source.encode()),
        parameters_stated=None,
        environment={"torch": torch_version(), "sandbox": IN_PROCESS},
        probe=probe,
        checks=in_order(rows),
    )
    return Report(certificate)


def check_source(
    source: str | Path,
    *,
    class_name: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    sizes: tuple[int, int] | None = None,
    parameters: int | None = None,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    quick: bool = False,
    seconds: float = SECONDS,
    unsafe: bool = False,
) -> Report:
    """Check a program in the sandbox, as `asi-repro verify FILE` does.

    Args:
        source: its text, or the path of its file.
        class_name: the mixer's class, where there are several.
        arguments: of its constructor, besides width and heads: literals.
        sizes: (width, heads) to probe at; the first of the usual ones at which it runs where None.
        parameters: that the whole model is stated to have at the paper's larger scale.
        only, skip: names of checks or of their rows.
        quick: causality, batch and determinism only.
        seconds: of processor time that one check may take.
        unsafe: without the sandbox, with resource limits only.

    Raises:
        DataError: where the text does not parse, is refused, has no such class, or nothing of it runs.
        MissingInput: where there is no such file.
        SandboxUnavailable: where no tier works here.
    """
    checks = chosen_checks(only, skip, quick=quick)
    name, text = "the text", str(source)
    if isinstance(source, Path):
        ((name, text),) = programs_in(str(source))
    tier: Tier = "unsafe" if unsafe else best_tier()
    choice = Choice(class_name, dict(arguments or {}), sizes, parameters)
    found = check_text(name, text, checks, tier=tier, choice=choice, seconds=seconds)
    if found.certificate is None:
        raise found.problem or DataError("no check ran", where=name)
    return Report(found.certificate, found.problem)


def assert_causal(model: Model, **options: Any) -> None:
    """No output depends on a later input."""
    __tracebackhide__ = True
    _assert("causality", model, options)


def assert_prefix_consistent(model: Model, **options: Any) -> None:
    """The outputs of a prefix are those that the whole sequence has there."""
    __tracebackhide__ = True
    _assert("prefix", model, options)


def assert_batch_independent(model: Model, **options: Any) -> None:
    """A sequence's output is its own, whatever else is in the batch."""
    __tracebackhide__ = True
    _assert("batch", model, options)


def assert_padding_ignored(model: Model, **options: Any) -> None:
    """`attention_mask` keeps padding and neighbours out."""
    __tracebackhide__ = True
    _assert("masking", model, options)


def assert_deterministic(model: Model, **options: Any) -> None:
    """The same input and seed give the same bits."""
    __tracebackhide__ = True
    _assert("determinism", model, options)


def assert_stateless(model: Model, **options: Any) -> None:
    """A forward in eval mode leaves nothing behind that changes a later one."""
    __tracebackhide__ = True
    _assert("state", model, options)


def assert_finite(model: Model, **options: Any) -> None:
    """It runs with finite outputs and gradients in fp32, bf16 and fp64."""
    __tracebackhide__ = True
    _assert("runs", model, options)


def assert_trains(model: Model, **options: Any) -> None:
    """It trains for several steps, and a checkpoint holds all of what it learned."""
    __tracebackhide__ = True
    _assert("training", model, options)


def assert_no_dead_parameters(model: Model, **options: Any) -> None:
    """Every parameter gets a gradient somewhere."""
    __tracebackhide__ = True
    _assert("dead", model, options)


def assert_cache_equivalent(model: Model, **options: Any) -> None:
    """Going on with the cache gives what the whole sequence gives."""
    __tracebackhide__ = True
    _assert("generation", model, options, but=("state_size",))


def assert_subquadratic(model: Model, **options: Any) -> None:
    """Cost grows clearly slower than with the square of the length."""
    __tracebackhide__ = True
    _assert("cost", model, options)


def _assert(name: str, model: Model, options: dict[str, Any], *, but: Collection[str] = ()) -> None:
    """Raise AssertionError where a row of the check fails, or none could be tried."""
    __tracebackhide__ = True
    report = check(model, only=[name], **options)
    rows = [report[row] for row in BY_NAME[name].rows if row not in but]
    failed = [row for row in rows if row.verdict == "fail"]
    tried = any(row.verdict == "pass" for row in rows)
    if failed or not tried:
        shown = failed or rows
        said = "; ".join(f"{row.check}: {one_line(summary(row))}" for row in shown)
        raise AssertionError(f"{report.certificate.name}: {said}")
