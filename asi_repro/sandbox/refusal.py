"""Why a program is refused."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from asi_repro.errors import AsiReproError


@dataclass(frozen=True, order=True)
class Refusal:
    """One thing that a program may not do.

    Attributes:
        line, column: where, both from 1; 0 where the text as a whole is meant.
        rule: the rule's short name: text, size, syntax, import, module-name, import-time, builtin, getattr,
            dunder, attribute, private, construct.
        reason: one sentence, with what was found. Quotes the program: untrusted text.
    """

    line: int
    column: int
    rule: str
    reason: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.reason} [{self.rule}]"


class ProgramRefused(AsiReproError):
    """The static check will not let a program run. `refusals` names every line and reason."""

    def __init__(self, refusals: list[Refusal]) -> None:
        shown = "; ".join(str(refusal) for refusal in refusals[:3])
        more = f" (and {len(refusals) - 3} more)" if len(refusals) > 3 else ""
        super().__init__(
            f"the program is refused before it runs: {shown}{more}",
            where=f"line {refusals[0].line}" if refusals else None,
            hint="asi_repro/sandbox/allowlist.yaml lists all that is allowed (docs/explanation/sandbox.md)",
        )
        self.refusals = refusals


def at(node: ast.AST, rule: str, reason: str) -> Refusal:
    """A refusal at a node's place."""
    return Refusal(getattr(node, "lineno", 0), getattr(node, "col_offset", -1) + 1, rule, reason)
