"""Content keys: what a check's result was made from. Same key, same result, so it need not run again."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata
from typing import Any

from asi_repro.errors import MissingInput
from asi_repro.provenance.code import installed_code
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import dump_json
from asi_repro.verify.catalogue import CHECKS, Check

_CHECKS = "asi_repro.verify.checks"


def result_key(check: Check, *, program_sha256: str, stated: int | None) -> str:
    """SHA-256 over the program, the check's code, torch's version and the settings of one result."""
    parts: dict[str, Any] = {"program": program_sha256, "code": code_hash(check)}
    if check.needs != "text":
        parts["torch"] = torch_version()
        parts["machine"] = platform.machine()
    if check.needs == "program":
        parts["stated"] = stated
    return sha256_bytes(dump_json(parts).encode())


@cache
def code_hash(check: Check) -> str:
    """SHA-256 over the code that makes the check's rows: its own, and what runs it; not other checks."""
    code = installed_code()
    own = code.modules(f"{_CHECKS}.{check.name}")
    others = {f"{_CHECKS}.{other.name}" for other in CHECKS} - own
    return code.sha256(own | code.modules("asi_repro.verify.examiner", without=others))


@cache
def torch_version() -> str:
    """The installed torch, found without importing it.

    Raises:
        MissingInput: where torch is not installed.
    """
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        raise MissingInput(
            "running programs requires torch, which is not installed",
            hint="run pip install 'asi-repro[models]'",
        ) from None
