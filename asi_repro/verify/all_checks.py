"""All checks on one program, in this process. Only for a sandbox, or for programs that you wrote."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from typing import Any

import torch

from asi_repro.models.program import LoadedProgram, load_program
from asi_repro.verify.catalogue import BY_NAME, Check
from asi_repro.verify.closeness import error_text
from asi_repro.verify.probes import ELSEWHERE
from asi_repro.verify.results import CheckResult, not_run
from asi_repro.verify.subject import PROBE_SIZES, Subject, probe_subject


class Battery:
    """The checks on one program.

    Args:
        source: the program's text.
        stated: the parameter count that its run states, or None.
        sizes: (width, heads) to probe at: the first at which it builds and runs.
    """

    def __init__(
        self, source: str, *, stated: int | None = None, sizes: Sequence[tuple[int, int]] = PROBE_SIZES
    ) -> None:
        torch.set_num_threads(1)  # sums in parallel may round otherwise at every run
        self.source = source
        self.stated = stated
        self.sizes = sizes

    @cached_property
    def program(self) -> LoadedProgram:
        """The loaded program; its modules are torch's own, whatever machine this is."""
        return load_program(self.source, backend="cpu")

    @cached_property
    def subject(self) -> Subject:
        """The program at the smallest width at which it runs."""
        return probe_subject(self.program, sizes=self.sizes)

    def run(self, name: str, *, elsewhere: str | None = None) -> list[CheckResult]:
        """The rows of one check; never raises for what the program does.

        Args:
            name: of the check.
            elsewhere: `determinism.digest` of the program in a process with another hash seed, or None.

        Raises:
            KeyError: for a check that is not in the catalogue.
        """
        check = BY_NAME[name]
        module = import_module(f"asi_repro.verify.checks.{name}")
        try:
            if elsewhere is not None:
                self.subject.facts[ELSEWHERE] = elsewhere
            return list(module.check(*self._arguments(check)))
        except Exception as error:
            return [not_run(row, error_text(error)) for row in check.rows]

    def facts(self) -> dict[str, Any]:
        """What the probes stood on: width, heads, and the casts that were mapped to run in fp32 and fp64."""
        try:
            subject = self.subject
        except Exception as error:
            line = self._line(error)
            found = {"loads": self._loads(), "error": error_text(error)}
            return found if line is None else {**found, "line": line}
        casts = sorted(
            {
                (cast["line"], cast["asked"])
                for dtype in (torch.float32, torch.float64)
                for cast in mapped_casts(subject, dtype)
            }
        )
        return {
            "loads": True,
            "hidden_size": subject.hidden_size,
            "num_heads": subject.num_heads,
            "mapped_casts": [{"line": line, "asked": asked} for line, asked in casts],
        }

    def _arguments(self, check: Check) -> tuple[Any, ...]:
        if check.needs == "text":
            return (self.source,)
        if check.needs == "program":
            return (self.program, self.stated)
        try:
            return (self.subject,)
        except Exception:
            if check.name != "runs":
                raise
            # Of a program that runs nowhere, `runs` tells where and how it fails.
            hidden_size, num_heads = self.sizes[0]
            return (Subject(self.program, hidden_size=hidden_size, num_heads=num_heads),)

    def _line(self, error: Exception) -> int | None:
        """The program's line that an error passed through last."""
        try:
            line = getattr(error, "line", None) or self.program.line_of(error)
        except Exception:  # it does not load, or is no program
            return None
        return line if isinstance(line, int) else None

    def _loads(self) -> bool:
        try:
            return self.program is not None
        except Exception:
            return False


def mapped_casts(subject: Subject, dtype: torch.dtype) -> list[dict[str, Any]]:
    """Casts of one forward and backward that went to `dtype` in place of a narrower one."""
    module = subject.fresh(dtype=dtype, train=True)
    log = getattr(module, "casts", None)
    if log is None:
        return []
    log.clear()
    try:
        subject.call(module, subject.inputs(2, 65, dtype=dtype))
    except Exception:  # `runs` reports it
        return []
    return list(log.records())
