"""Whether the history bundle is what the archive gives."""

from __future__ import annotations

from asi_repro.archive.fsck.place import Place, Problem
from asi_repro.errors import MissingInput

REMAKE_HISTORY = "make it again with `dvc repro --force history`"


def check_history(place: Place) -> tuple[str, list[Problem]]:
    """Every commit, ref and tag of the bundle is what the archive gives.

    Raises:
        MissingInput: where there is no bundle.
    """
    from asi_repro.archive.history.verify import verify_history

    bundle = place.require_project().history
    if not bundle.is_file():
        raise MissingInput(f"there is no history at {bundle}", hint="run `dvc repro history`")
    problems = verify_history(bundle, place.archive)
    detail = f"{len(place.archive.experiments)} commits of the bundle against the archive"
    return detail, [Problem(f"history: {text}", REMAKE_HISTORY) for text in problems]
