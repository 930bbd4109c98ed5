"""Which function checks which claim."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from importlib import import_module

from asi_repro.claims.context import Context
from asi_repro.claims.finding import Finding

Check = Callable[[Context], Finding]
_CHECKS: dict[str, Check] = {}


def claim(*identifiers: str) -> Callable[[Check], Check]:
    """Register the function that checks the claim of that id; several where papers claim the same.

    Raises:
        ValueError: where another function checks it already.
    """

    def register(check: Check) -> Check:
        for identifier in identifiers:
            if identifier in _CHECKS:
                raise ValueError(f"two functions check the claim {identifier}")
            _CHECKS[identifier] = check
        return check

    return register


def checks() -> dict[str, Check]:
    """Every check by the id of its claim."""
    import_all("asi_repro.claims.checks")
    return dict(_CHECKS)


def import_all(name: str) -> None:
    """Import every module of a package, so that what they register is there."""
    package = import_module(name)
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{name}.{module.name}")
