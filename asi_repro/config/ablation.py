"""The section `ablation` of params.yaml: a grid of runs, each with one part of the loop changed."""

from __future__ import annotations

from pydantic import Field

from asi_repro.config.base import Settings
from asi_repro.config.discover import DiscoverSettings, LabSettings, ParentPolicy, Part, PoolSettings
from asi_repro.store.json_text import JsonDict

WHOLE = "whole"


class AblationSettings(Settings):
    """The grid; every other setting of the runs is that of the section `discover`."""

    experiments: int = Field(default=8, ge=2, description="Of each run, the first program included.")
    seeds: int = Field(default=3, ge=1, description="Runs of each variant, with seeds seed, seed + 1, ...")
    without: list[Part] = Field(
        default=["analyst", "novelty", "references"],
        description="Parts that are switched off, one at a time.",
    )
    policies: list[ParentPolicy] = Field(
        default=["greedy", "ucb1", "islands", "random"],
        description="Ways to choose parents, one at a time, in place of that of `pool`.",
    )
    pool: PoolSettings = Field(default_factory=lambda: PoolSettings(cold_start=3, refresh=2))
    exploration: LabSettings = Field(default_factory=LabSettings, description="How programs are scored.")

    def variants(self, base: DiscoverSettings) -> dict[str, DiscoverSettings]:
        """Settings by name: the whole loop first, then without each part, then each policy.

        Raises:
            ValueError: where the arm does not have a part.
        """
        whole = {
            **base.model_dump(),
            "experiments": self.experiments,
            "promote": 0,
            "without": [],
            "pool": self.pool.model_dump(),
            "exploration": self.exploration.model_dump(),
        }
        changes: dict[str, JsonDict] = {
            WHOLE: {},
            **{f"without-{part}": {"without": [part]} for part in self.without},
        }
        made = {name: whole | change for name, change in changes.items()}
        for policy in self.policies:
            made[f"policy-{policy}"] = whole | {"pool": {**self.pool.model_dump(), "policy": policy}}
        return {name: DiscoverSettings.model_validate(one) for name, one in made.items()}
