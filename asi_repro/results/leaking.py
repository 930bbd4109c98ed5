"""Programs that see later tokens: their loss says nothing of their quality, so no comparison has them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Optional, Protocol, TypeVar

NOT_CHECKED = "Programs that see later tokens are not left out: there are no certificates (asi-repro verify)"


class _Trained(Protocol):
    @property
    def program(self) -> Optional[str]: ...


_T = TypeVar("_T", bound=_Trained)


def without_leaking(
    trained: Sequence[_T], leaking: Collection[str] | None
) -> tuple[list[_T], list[_T] | None]:
    """What may be compared, and what sees later tokens.

    Args:
        trained: models or rows, with the SHA-256 of their program; a baseline's is no such hash.
        leaking: SHA-256 of the programs that see later tokens; None where that is not known.

    Returns:
        the second list is None where it is not known.
    """
    if leaking is None:
        return list(trained), None
    return (
        [one for one in trained if one.program not in leaking],
        [one for one in trained if one.program in leaking],
    )
