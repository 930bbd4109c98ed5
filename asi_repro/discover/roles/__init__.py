"""The roles that a language model plays in the discovery loop. No torch here.

Roles keep no state between calls, so an experiment that begins again asks the same questions.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asi_repro.discover.run.folder import DiscoveryRun
    from asi_repro.discover.types import Checker, Lab, Team
    from asi_repro.llm.client import LLM


def build(*, run: DiscoveryRun, root: Path, llm: LLM, checker: Checker, lab: Lab) -> Team:
    """The team of the arm of language models; see `team.build_run_team`."""
    from asi_repro.discover.roles.team import build_run_team

    return build_run_team(run, root, llm, checker, lab)
