"""The LLM's roles in the discovery loop, and the rule that stands in for one in the control arm. No torch.

Roles keep no state between calls, so an experiment that begins again asks the same questions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asi_repro.discover.roles.novelty import RuleNovelty
    from asi_repro.discover.run import DiscoveryRun
    from asi_repro.discover.types import Checker, Lab, Team
    from asi_repro.llm.client import LLM


def build(*, run: DiscoveryRun, root: Path, llm: LLM, checker: Checker, lab: Lab) -> Team:
    """The team of the arm of language models; see `build.build_run_team`."""
    from asi_repro.discover.roles.build import build_run_team

    return build_run_team(run, root, llm, checker, lab)


def control_novelty(run: DiscoveryRun) -> RuleNovelty:
    """The novelty check of the control arm; see `build.build_control_novelty`."""
    from asi_repro.discover.roles.build import build_control_novelty

    return build_control_novelty(run)
