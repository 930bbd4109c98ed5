"""What filters ask of an experiment beyond its row: texts, and what checks found."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asi_repro.archive.reader import Archive


class ArchiveFacts:
    """`filters.Facts` of an archive.

    Args:
        archive: where motivations and summaries are; read when first asked for.
        leaks: whether each checked program sees the future, by index
            (`asi_repro.verify.certificate.leaks`); what is not in it was not checked.
    """

    def __init__(self, archive: Archive, leaks: Mapping[int, bool] | None = None) -> None:
        self._archive = archive
        self._leaks = leaks or {}

    @cached_property
    def _texts(self) -> dict[int, str]:
        table = self._archive.table("programs", ["index", "motivation", "summary"])
        columns = (table[name].to_pylist() for name in table.column_names)
        return {
            index: f"{motivation or ''}\n{summary or ''}".casefold()
            for index, motivation, summary in zip(*columns, strict=True)
        }

    def text(self, index: int) -> str:
        """Motivation and summary, case folded; "" where there are none."""
        return self._texts.get(index, "")

    def leak(self, index: int) -> bool | None:
        """Whether the program sees the future; None where it was not checked."""
        return self._leaks.get(index)
