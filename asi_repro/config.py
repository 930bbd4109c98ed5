"""params.yaml as typed settings: every key is known, and an unknown one is an error."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asi_repro.errors import DataError


class Settings(BaseModel):
    """A group of settings: no unknown key, no coerced type."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ClaimSettings(Settings):
    """Settings of the claims ledger."""

    resamples: int = Field(ge=100, description="Bootstrap resamples and permutations per statistic.")


class Params(Settings):
    """All of params.yaml."""

    seed: int = Field(ge=0, description="Seed of every random draw.")
    claims: ClaimSettings


def load_params(root: Path) -> Params:
    """The settings in `root`/params.yaml.

    Raises:
        DataError: where the file is missing, is not YAML, or a setting is unknown or out of range.
    """
    path = root / "params.yaml"
    hint = "restore it with `git checkout params.yaml`, or put the setting right"
    try:
        return Params.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise DataError(f"cannot read the settings: {error.strerror}", where=str(path), hint=hint) from error
    except yaml.YAMLError as error:
        raise DataError(f"not YAML: {str(error).splitlines()[0]}", where=str(path), hint=hint) from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"])) or "the whole file"
        raise DataError(f"{key}: {first['msg']}", where=str(path), hint=hint) from error
