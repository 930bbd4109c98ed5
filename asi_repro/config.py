"""params.yaml as typed settings: every key is known, and an unknown one is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from asi_repro.errors import DataError
from asi_repro.plain_yaml import plain_yaml


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
    corpus: dict[str, Any] = Field(default_factory=dict, description="See `data.settings.CorpusSettings`.")
    train: dict[str, Any] = Field(default_factory=dict, description="See `train.recipe.TrainSettings`.")
    evaluate: dict[str, Any] = Field(
        default_factory=dict, description="See `evaluate.settings.EvaluateSettings`."
    )
    executor: dict[str, Any] = Field(
        default_factory=dict, description="See `executor.choose.ExecutorSettings`."
    )
    llm: dict[str, Any] = Field(default_factory=dict, description="See `llm.settings.LlmSettings`.")
    discover: dict[str, Any] = Field(
        default_factory=dict, description="See `discover.settings.DiscoverSettings`."
    )


Section = TypeVar("Section", bound=Settings)


def load_params(root: Path) -> Params:
    """The settings in `root`/params.yaml.

    Raises:
        DataError: where the file is missing, is not YAML, or a setting is unknown or out of range.
    """
    path = root / "params.yaml"
    hint = "restore it with `git checkout params.yaml`, or put the setting right"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read the settings: {error.strerror}", where=str(path), hint=hint) from error
    try:
        return Params.model_validate(plain_yaml(data, where=str(path), hint=hint))
    except ValidationError as error:
        raise _invalid(error, "", path) from error


def load_section(root: Path, name: str, model: type[Section]) -> Section:
    """One section of `root`/params.yaml as its own model; the model's defaults where there is none.

    Raises:
        DataError: as `load_params`.
    """
    try:
        return model.model_validate(getattr(load_params(root), name))
    except ValidationError as error:
        raise _invalid(error, name, root / "params.yaml") from error


def _invalid(error: ValidationError, section: str, path: Path) -> DataError:
    first = error.errors(include_url=False)[0]
    key = ".".join(map(str, (section, *first["loc"]) if section else first["loc"])) or "the whole file"
    hint = "restore it with `git checkout params.yaml`, or put the setting right"
    return DataError(f"{key}: {first['msg']}", where=str(path), hint=hint)
