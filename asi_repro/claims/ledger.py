"""Reading the ledger of claims that the stage `claims` made; imports nothing heavy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from asi_repro.errors import DataError, MissingInput, NotFound

SCHEMA_VERSION = 1
Entry = dict[str, Any]


def read_ledger(path: Path) -> dict[str, Any]:
    """The ledger that the stage `claims` made.

    Raises:
        MissingInput: where it is not there.
        DataError: where it is not a ledger of this version.
    """
    try:
        ledger = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingInput(
            "the claims have not been checked yet", where=str(path), hint="run `dvc repro claims`"
        ) from None
    except (ValueError, RecursionError, OSError) as error:
        raise DataError(
            f"damaged ledger: {error}", where=str(path), hint="run `dvc repro --force claims`"
        ) from error
    if not isinstance(ledger, dict) or ledger.get("schema_version") != SCHEMA_VERSION:
        raise DataError(
            f"not a claims ledger of version {SCHEMA_VERSION}",
            where=str(path),
            hint="run `dvc repro --force claims`",
        )
    return ledger


def find_claim(ledger: dict[str, Any], identifier: str) -> Entry:
    """The claim of that id.

    Raises:
        NotFound: where there is none; similar ids are named.
    """
    from difflib import get_close_matches

    entries: dict[str, Entry] = {
        item["id"]: item for item in [*ledger["claims"], *ledger.get("measured", ())]
    }
    if identifier in entries:
        return entries[identifier]
    near = get_close_matches(identifier, sorted(entries), n=3, cutoff=0.4)
    similar = f"similar: {', '.join(near)}; " if near else ""
    raise NotFound(
        f"no claim has the id {identifier!r}", hint=f"{similar}`asi-repro claims` lists all {len(entries)}"
    )
