"""Results of running the programs, as the stage `certificates` left them."""

from __future__ import annotations

from asi_repro.claims.context import Context
from asi_repro.claims.finding import Finding, Part, Verdict

NOT_RUN = "the programs have not been run: there are no certificates"


def certificate_part(context: Context, what: str) -> Part:
    """The part of a claim that certificates decide."""
    return Part(what, context.text.claimed_text, NOT_RUN, Verdict.NOT_YET_RUN)


def not_yet_run(context: Context) -> Finding:
    """The finding of a claim that certificates decide, where there are none."""
    return Finding(
        verdict=Verdict.NOT_YET_RUN,
        found=NOT_RUN,
        method="Run each program in the sandbox and read its certificate.",
    )
