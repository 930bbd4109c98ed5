"""All of params.yaml: every key is known, and an unknown one is an error that names it."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError

from asi_repro.config.ablation import AblationSettings
from asi_repro.config.base import Settings
from asi_repro.config.corpus import CorpusSettings
from asi_repro.config.discover import DiscoverSettings
from asi_repro.config.evaluate import EvaluateSettings
from asi_repro.config.executor import ExecutorSettings
from asi_repro.config.llm import LlmSettings
from asi_repro.config.probes import ProbeSettings
from asi_repro.config.sweep import RecordedSweepSettings, SweepSettings
from asi_repro.config.train import TrainSettings
from asi_repro.errors import DataError
from asi_repro.plain_yaml import plain_yaml

_HINT = "restore it with `git checkout params.yaml`, or correct the setting"


class ClaimSettings(Settings):
    """Settings of the claims ledger."""

    resamples: int = Field(ge=100, description="Bootstrap resamples and permutations per statistic.")


class Params(Settings):
    """The sections of params.yaml; those that are left out have the defaults."""

    seed: int = Field(ge=0, description="Seed of every random draw.")
    claims: ClaimSettings
    corpus: CorpusSettings = Field(default_factory=CorpusSettings)
    train: TrainSettings = Field(default_factory=TrainSettings)
    evaluate: EvaluateSettings = Field(default_factory=EvaluateSettings)
    sweep: SweepSettings = Field(default_factory=SweepSettings)
    probes: ProbeSettings = Field(default_factory=ProbeSettings)
    executor: ExecutorSettings = Field(default_factory=ExecutorSettings)
    llm: LlmSettings = Field(default_factory=LlmSettings)
    discover: DiscoverSettings = Field(default_factory=DiscoverSettings)
    ablation: AblationSettings = Field(default_factory=AblationSettings)

    def recorded(self, scale: str) -> RecordedSweepSettings | None:
        """What the recorded sweep of a scale consists of; None where its sweeps are not recorded."""
        return {str(name): settings for name, settings in self.sweep.recorded.items()}.get(scale)

    def evaluation(self, scale: str) -> EvaluateSettings:
        """How models of a scale are scored: where its sweep is recorded, on the items of that sweep."""
        if (recorded := self.recorded(scale)) is None:
            return self.evaluate
        changes = {"limit": recorded.limit, "validation_blocks": recorded.validation_blocks}
        return self.evaluate.model_copy(update=changes)


def load_params(root: Path) -> Params:
    """The settings in `root`/params.yaml.

    Raises:
        DataError: where the file is missing, is not YAML, or a setting is unknown or out of range.
    """
    path = root / "params.yaml"
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read the settings: {error.strerror}", where=str(path), hint=_HINT) from error
    try:
        return Params.model_validate(plain_yaml(data, where=str(path), hint=_HINT))
    except ValidationError as error:
        faults = error.errors(include_url=False)
        unknown = [fault for fault in faults if fault["type"] == "extra_forbidden"]
        fault = [*unknown, *faults][0]  # a misspelt key first: what else is wrong may follow from it
        key = ".".join(map(str, fault["loc"])) or "the whole file"
        said = "there is no such setting" if unknown else fault["msg"]
        raise DataError(f"{key}: {said}", where=str(path), hint=_HINT) from error
