"""Whether archive, history, release and pins agree, hash by hash.

Each check is one function over a `Place` and answers with a `Result`. A check whose input is not there
is 'not run', with what to do about it; it is never taken for a pass.
"""

from __future__ import annotations

from collections.abc import Iterator

from asi_repro.archive.fsck.dvc import check_lock, check_pins
from asi_repro.archive.fsck.place import REMAKE, Check, Place, Problem, Result
from asi_repro.archive.fsck.release import check_programs, check_pulled, check_sources
from asi_repro.archive.fsck.tables import check_rebuild, check_tables
from asi_repro.archive.history.bundle import REMAKE as REMAKE_BUNDLE
from asi_repro.archive.history.verify import verify_history
from asi_repro.errors import AsiReproError, MissingInput


def check_history(place: Place) -> tuple[str, list[Problem]]:
    """Every commit, ref and tag of the bundle is what the archive gives.

    Raises:
        MissingInput: where there is no bundle.
    """
    bundle = place.require_project().history
    if not bundle.is_file():
        raise MissingInput(f"there is no history at {bundle}", hint="run `dvc repro history`")
    problems = verify_history(bundle, place.archive)
    detail = f"{len(place.archive.experiments)} commits of the bundle against the archive"
    return detail, [Problem(f"history: {text}", REMAKE_BUNDLE) for text in problems]


# In the order they make sense in.
CHECKS: dict[str, Check] = {
    "release": check_pulled,
    "pins": check_pins,
    "tables": check_tables,
    "programs": check_programs,
    "sources": check_sources,
    "rebuild": check_rebuild,
    "history": check_history,
    "lock": check_lock,
}


def run_checks(place: Place, checks: dict[str, Check] | None = None) -> Iterator[Result]:
    """Run each check in turn.

    Args:
        place: what to check.
        checks: which; all of `CHECKS` where None.
    """
    for name, check in (CHECKS if checks is None else checks).items():
        try:
            detail, problems = check(place)
        except MissingInput as error:
            yield Result(name, "not run", error.what + (f"; {error.hint}" if error.hint else ""))
        except AsiReproError as error:
            where = f" ({error.where})" if error.where else ""
            problem = Problem(f"{error.what}{where}", error.hint or REMAKE)
            yield Result(name, "problem", "could not be read", [problem])
        else:
            yield Result(name, "problem" if problems else "ok", detail, problems)


def summarise(results: list[Result]) -> bool:
    """Whether nothing was found and at least one check ran."""
    ran = [result for result in results if result.status != "not run"]
    return bool(ran) and all(result.status == "ok" for result in ran)
