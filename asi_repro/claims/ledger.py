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
    if fault := _fault(ledger):
        raise DataError(f"damaged ledger: {fault}", where=str(path), hint="run `dvc repro --force claims`")
    return ledger


_Types = tuple[type, ...]
_TEXT: _Types = (str,)
_OBJECT: _Types = (dict,)
_LIST: _Types = (list,)
_ENTRY: dict[str, _Types] = {
    **dict.fromkeys(("id", "verdict", "claimed", "found", "method", "statement", "where"), _TEXT),
    **dict.fromkeys(("unit", "check", "criterion", "would_change"), _TEXT),
    **dict.fromkeys(("claimed_figures", "found_figures"), _OBJECT),
    **dict.fromkeys(("parts", "evidence", "notes"), _LIST),
}
_PART = dict.fromkeys(("what", "claimed", "found", "verdict"), _TEXT)
_EVIDENCE: dict[str, _Types] = {"what": _TEXT, "source": _TEXT, "rows": _LIST, "total": (int, type(None))}


def _fault(ledger: dict[str, Any]) -> str | None:
    """What is not as `claims.reference.FIELDS` has it; by hand, for pydantic costs a start-up."""
    summary, claims, measured = ledger.get("summary"), ledger.get("claims"), ledger.get("measured", [])
    if not isinstance(summary, dict) or not all(type(count) is int for count in summary.values()):
        return "summary is not an object of counts"
    if not isinstance(claims, list) or not isinstance(measured, list):
        return "claims or measured is not a list"
    entries = [*claims, *measured]
    for place, entry in enumerate(entries):
        if fault := _misfit(entry, _ENTRY) or _entry_fault(entry):
            return f"entry {place}: {fault}"
    if len({entry["id"] for entry in entries}) < len(entries):
        return "an id is there twice"
    return None


def _entry_fault(entry: Entry) -> str | None:
    faults = [_misfit(part, _PART) for part in entry["parts"]]
    for evidence in entry["evidence"]:
        fault = _misfit(evidence, _EVIDENCE)
        faults.append(fault or next((f for row in evidence["rows"] if (f := _misfit(row, {}))), None))
    if not all(isinstance(note, str) for note in entry["notes"]):
        faults.append("a note is not a text")
    return next(filter(None, faults), None)


def _misfit(value: Any, fields: dict[str, _Types]) -> str | None:
    if not isinstance(value, dict):
        return f"a {type(value).__name__} where an object belongs"
    missing = [name for name, types in fields.items() if type(value.get(name, ...)) not in types]
    return f"{missing[0]} is missing or of another type" if missing else None


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
