"""Another reader's criteria: a file that changes limits, and the verdicts that change with them."""

from __future__ import annotations

import math
from pathlib import Path

import yaml
from pydantic import TypeAdapter, ValidationError

from asi_repro.claims.texts import ClaimText, claim_texts
from asi_repro.errors import DataError, MissingInput
from asi_repro.plain_yaml import plain_yaml
from asi_repro.store.records import first_fault

# By claim: other values of its limits by name, and under `reading` the only reading to keep.
Criteria = dict[str, dict[str, float | str]]
READING = "reading"
_HINT = "`asi-repro claims criteria` prints a file with every limit as it is"
_HEAD = """\
# Limits of the criteria, by claim. Change a number, keep what you changed, and give the file to
# `asi-repro claims --criteria FILE`. What each does is in docs/reference/claims.md. Where you think that a
# sentence has one reading only, add `reading: strict` (or another name) to its claim.

"""
_LARGEST = 1_000_000
_SHAPE = TypeAdapter(Criteria)


def criteria_text() -> str:
    """YAML with every claim's limits as they are, to be changed and given to `--criteria`."""
    found = {text.id: changeable(text) for text in claim_texts().values()}
    return _HEAD + yaml.safe_dump({k: v for k, v in found.items() if v}, sort_keys=False)


def changeable(text: ClaimText) -> dict[str, float]:
    """The limits of a claim that are numbers."""
    return {name: value for name, value in text.limits.items() if isinstance(value, int | float)}


def read_criteria(path: Path) -> Criteria:
    """Other criteria, by claim.

    Raises:
        MissingInput: where there is no such file.
        DataError: where it is not a mapping of claims to limits, or names one that there is not.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(_LARGEST + 1)
    except FileNotFoundError:
        raise MissingInput("no file of criteria", where=str(path), hint=_HINT) from None
    except OSError as error:
        raise DataError(f"criteria cannot be read: {error}", where=str(path)) from error
    if len(data) > _LARGEST:
        raise DataError(f"a file of criteria has at most {_LARGEST:,} bytes", where=str(path))
    content = plain_yaml(data, where=str(path), hint=_HINT)
    try:
        criteria = _SHAPE.validate_python(content or {})
    except ValidationError as error:
        raise DataError(first_fault(error), where=str(path), hint=_HINT) from error
    texts = claim_texts()
    for claim, changed in criteria.items():
        if claim not in texts:
            raise DataError(f"no claim has the id {claim!r}", where=str(path), hint=_HINT)
        for name, value in changed.items():
            if fault := _fault(texts[claim], name, value):
                raise DataError(f"{claim}: {fault}", where=str(path), hint=_HINT)
    return criteria


def _fault(text: ClaimText, name: str, value: float | str) -> str | None:
    """What is wrong with one change of a claim's criterion."""
    readings, limits = [reading.name for reading in text.readings], changeable(text)
    if name == READING:
        return None if value in readings else f"no reading {value!r}: it has {', '.join(readings)}"
    if name not in limits:
        return f"no limit {name!r}: it has {', '.join(limits) or 'none'}"
    if isinstance(value, str) or not math.isfinite(value):
        return f"{name} is not a finite number"
    return None


def with_criteria(text: ClaimText, changed: dict[str, float | str]) -> ClaimText:
    """A claim under other criteria."""
    limits = {name: value for name, value in changed.items() if name != READING}
    kept = [reading for reading in text.readings if reading.name == changed.get(READING, reading.name)]
    return text.model_copy(update={"limits": text.limits | limits, "readings": kept})
