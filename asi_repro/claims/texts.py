"""The claims as the paper states them: reading `claims.yaml`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asi_repro.errors import DataError

Figure = int | float | str | list[int] | list[float] | list[str] | dict[str, int]
Line = Annotated[str, Field(min_length=1)]


class ClaimText(BaseModel):
    """One claim of the paper.

    `claimed` and `criterion` are templates over `figures` and `limits`, so that a number stands in
    one place.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    statement: Line
    where: Line
    claimed: Line
    unit: Line
    figures: dict[str, Figure] = {}
    check: Line
    criterion: Line
    limits: dict[str, Figure] = {}
    would_change: Line

    @property
    def claimed_text(self) -> str:
        return self._filled(self.claimed)

    @property
    def criterion_text(self) -> str:
        return self._filled(self.criterion)

    @property
    def would_change_text(self) -> str:
        return self._filled(self.would_change)

    def _filled(self, template: str) -> str:
        values = {name: _shown(value) for name, value in {**self.figures, **self.limits}.items()}
        return " ".join(template.format(**values).split())


def _shown(value: Figure) -> object:
    """A list as words, anything else as it is, for a format specification to apply to."""
    return " or ".join(map(str, value)) if isinstance(value, list) else value


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    claims: list[ClaimText]


@cache
def claim_texts() -> dict[str, ClaimText]:
    """Every claim by id, in the order of the file.

    Raises:
        DataError: where `claims.yaml` is not what it should be.
    """
    text = (files(__package__) / "claims.yaml").read_text(encoding="utf-8")
    try:
        claims = _File.model_validate(yaml.safe_load(text)).claims
        for claim in claims:
            _ = claim.claimed_text, claim.criterion_text
    except (ValidationError, yaml.YAMLError, KeyError) as error:
        raise DataError(f"claims.yaml: {error}", where="asi_repro/claims/claims.yaml") from error
    found = {claim.id: claim for claim in claims}
    if len(found) < len(claims):
        raise DataError("two claims have the same id", where="asi_repro/claims/claims.yaml")
    return found
