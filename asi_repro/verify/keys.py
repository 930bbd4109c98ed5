"""Content keys: what a check's result was made from. Same key, same result, so it need not run again."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from asi_repro.errors import MissingInput
from asi_repro.store.files import sha256_bytes, sha256_file
from asi_repro.store.json_text import dump_json
from asi_repro.verify.catalogue import Check

PACKAGE = Path(__file__).resolve().parent.parent
# Code that every check runs through, and what each sort of check needs besides.
_COMMON = ("verify/results.py", "verify/catalogue.py", "verify/battery.py", "verify/tasks.py")
_PROBING = (
    "verify/subject.py",
    "verify/compare.py",
    "verify/probes.py",
    "models/program.py",
    "models/mixer.py",
    "models/dtypes.py",
    "models/imports.py",
    "models/importable.py",
    "models/namespace_module.py",
    "models/determinism.py",
    "models/fla_cpu",
    "sandbox/static_check.py",
    "sandbox/allowlist.yaml",
    "sandbox/allowlist.py",
    "sandbox/import_time.py",
    "sandbox/scopes.py",
    "sandbox/source_text.py",
)
_OWN = {
    "static": ("verify/static_facts.py",),
    "cost": ("verify/meter.py",),
    "parameters": ("models/scales.py",),
    "compute": ("models/scales.py", "verify/meter.py"),
}


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
    """SHA-256 over the files whose code makes the check's rows."""
    names = [*_COMMON, f"verify/checks/{check.name}.py", *_OWN.get(check.name, ())]
    if check.needs != "text":
        names += _PROBING
    files = sorted(file for name in names for file in _files(PACKAGE / name))
    listed = {file.relative_to(PACKAGE).as_posix(): sha256_file(file) for file in files}
    return sha256_bytes(dump_json(listed).encode())


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
            "running programs needs torch, which is not installed",
            hint="install the package with its models: pip install 'asi-repro[models]'",
        ) from None


def _files(path: Path) -> list[Path]:
    return [path] if path.suffix else list(path.rglob("*.py"))
