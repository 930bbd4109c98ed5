"""Beginning or going on with a run: settings from params.yaml, with what identifies its lab."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from asi_repro.config.discover import Arm, DiscoverSettings, LabSettings
from asi_repro.config.params import load_params
from asi_repro.discover.lab.live import made_with, stage_identity
from asi_repro.discover.run.folder import SETTINGS, DiscoveryRun, RunSettings, check_name, first_difference
from asi_repro.errors import DataError, NotFound
from asi_repro.project import Project
from asi_repro.sweep.workspace import open_workspace


def wanted_settings(root: Path, arm: Arm | None, scale: str | None = None) -> DiscoverSettings:
    """The section `discover` of params.yaml, with another arm or at another scale where one is given.

    Raises:
        NotFound: where the section has no settings for that scale.
    """
    found = load_params(root).discover
    changed: dict[str, object] = {} if arm is None else {"arm": arm}
    if scale is not None:
        by_scale = {str(name): settings for name, settings in found.scales.items()}
        if scale not in by_scale:
            raise NotFound(
                f"the discovery loop has no settings for the scale {scale!r}",
                where="params.yaml: discover.scales",
                hint=f"there are settings for {', '.join(by_scale) or 'none'}",
            )
        changed |= by_scale[scale].model_dump(exclude_none=True)
    return DiscoverSettings.model_validate({**found.model_dump(), **changed})


def run_settings(root: Path, discover: DiscoverSettings, seed: int) -> RunSettings:
    """Settings of a run, with what identifies its lab.

    Raises:
        MissingInput: where corpus or benchmarks are not there.
    """
    return RunSettings(
        seed=seed,
        discover=discover,
        exploration=_stage(root, discover.exploration),
        verification=_stage(root, discover.verification),
        llm=load_params(root).llm.model_dump(mode="json", exclude={"base_url"})
        if discover.arm == "llm"
        else {},
        made_with=made_with(),
    )


def set_up_run(
    root: Path, name: str, *, arm: Arm | None = None, scale: str | None = None, renew: bool = False
) -> DiscoveryRun:
    """Begin the run of that name with the project's settings, or go on with it.

    Args:
        arm, scale: see `wanted_settings`.
        renew: drop the run where it was made with other settings, versions or code.

    Raises:
        DataError: where it was begun with other settings.
        MissingInput: where corpus or benchmarks are not there.
    """
    settings = run_settings(root, wanted_settings(root, arm, scale), load_params(root).seed)
    folder = Project(root).runs / check_name(name)
    if renew and is_set_up(root, name) and _differs(folder, settings):
        shutil.rmtree(folder)
    return DiscoveryRun.create(folder, settings)


def _differs(folder: Path, settings: RunSettings) -> bool:
    try:
        there = RunSettings.read(folder / SETTINGS).to_json()
    except DataError:
        return True
    return first_difference(there, json.loads(json.dumps(settings.to_json()))) is not None


def is_set_up(root: Path, name: str) -> bool:
    """Whether there is a run of that name."""
    return (Project(root).runs / name / SETTINGS).is_file()


def _stage(root: Path, settings: LabSettings) -> dict[str, object]:
    return stage_identity(open_workspace(root, scale=settings.scale), settings)
