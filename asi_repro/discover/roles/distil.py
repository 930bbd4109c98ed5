"""A paper's text becomes entries of the cognition base."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import Field

from asi_repro.discover.cognition.entry import Entry
from asi_repro.discover.prompts import load_prompt
from asi_repro.discover.roles.asking import RoleAnswer, ask_for
from asi_repro.errors import DataError
from asi_repro.llm.client import LLM
from asi_repro.store.files import sha256_bytes
from asi_repro.traces.spans import Trace

ROLE = "cognition"
LONGEST_PAPER = 400_000


class DistilAnswer(RoleAnswer):
    """What the model answers; an entry that does not fit goes back to it."""

    entries: list[Entry] = Field(min_length=1, max_length=3)


def distiller(llm: LLM, about: str = "") -> Callable[[str], list[Entry]]:
    """What `cognition.adding.add_file` makes entries with.

    Args:
        about: what the person who adds the paper says of it.
    """

    def distil(text: str) -> list[Entry]:
        """The entries of a paper's text.

        Raises:
            DataError: where it is empty or longer than 400,000 characters.
            RoleFailure: where the model gives no usable answer, also when asked again.
            BudgetExceeded, Unreachable: as `LLM.ask`.
        """
        if not text.strip():
            raise DataError("the file is empty", hint="a scanned PDF contains no text; use a text version")
        if len(text) > LONGEST_PAPER:
            raise DataError(
                f"{len(text)} characters are more than the limit of {LONGEST_PAPER}",
                hint="remove the appendix and the references, or split the file",
            )
        prompt = load_prompt("distil").render(text=text, hint=about)
        trace = Trace(f"cognition {sha256_bytes(text.encode())[:12]}")
        return ask_for(llm, ROLE, prompt, DistilAnswer, trace).entries

    return distil
