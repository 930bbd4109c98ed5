"""A program of which a run recorded its text and little more, as a row of the table `programs`."""

from __future__ import annotations

from typing import Any

from asi_repro.store.files import sha256_bytes


def bare_program(source: str, motivation: str | None, summary: str | None = None) -> dict[str, Any]:
    """The fields of such a row that do not say which experiment it is; see `schema.PROGRAMS`."""
    return {
        "source": source,
        "sha256": sha256_bytes(source.encode()),
        "lines": len(source.splitlines()),
        "motivation": motivation,
        "summary": summary,
        "diagram": None,
        "parameters_stated": None,
        "parameters": None,
    }
