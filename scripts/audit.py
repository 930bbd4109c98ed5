#!/usr/bin/env python3
"""Ask an advisory service for known vulnerabilities in the pinned packages (pip-audit over constraints.txt).

    python scripts/audit.py [REQUIREMENTS]

One package is asked for first: a registry's mirror often answers without advisories, and pip-audit then
skips every package and calls that "no known vulnerabilities".

Exit status: 0 no known vulnerability, or no service answers ("not audited" is printed); 1 a vulnerability;
2 pip-audit failed in another way.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("pypi", "osv")
# What requests and pip-audit raise where a service is not reached or does not answer as one.
_UNREACHED = re.compile(r"\b(?:\w*Connection\w*Error|\w*Timeout\w*|ProxyError|SSLError|ServiceError)\b")
NOT_AUDITED = "not audited: no advisory service answers from here"


class AuditFailed(Exception):
    """pip-audit failed, and not for want of a service."""


def audit(requirements: Path) -> tuple[str, list[dict[str, Any]]] | None:
    """The service that answered and what it says of each package; None where none answers.

    Raises:
        AuditFailed: with the end of what pip-audit said.
    """
    for service in SERVICES:
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder) / "probe.txt"
            probe.write_text(first_pin(requirements))
            answers = (ask(probe, service) or [{"skip_reason": ""}])[0]
        if "skip_reason" not in answers and (found := ask(requirements, service)) is not None:
            return service, found
    return None


def first_pin(requirements: Path) -> str:
    """A line that pins a package on every Python."""
    for line in requirements.read_text(encoding="utf-8").splitlines():
        if re.fullmatch(r"[A-Za-z0-9._-]+==[^;\s]+", line.strip()):
            return line + "\n"
    raise AuditFailed(f"no pinned package in {requirements}")


def ask(requirements: Path, service: str) -> list[dict[str, Any]] | None:
    """pip-audit's findings, one a package; None where the service is not reached."""
    options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
    command = [sys.executable, "-m", "pip_audit", "-r", str(requirements), "-s", service, *options]
    ran = subprocess.run(command, capture_output=True, text=True)
    try:
        found: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        said = ran.stderr.strip().splitlines()[-1:] or [f"exit status {ran.returncode}"]
        if _UNREACHED.search(said[0]):
            return None
        raise AuditFailed(said[0]) from None
    return found


def main() -> int:
    requirements = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "constraints.txt"
    try:
        answered = audit(requirements)
    except (AuditFailed, OSError) as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    if answered is None:
        print(NOT_AUDITED)
        return 0
    service, found = answered
    skipped = [one for one in found if "skip_reason" in one]
    bad = [one for one in found if one.get("vulns")]
    for one in bad:
        for advisory in one["vulns"]:
            fixed = ", ".join(advisory.get("fix_versions", ())) or "no fixed version"
            print(f"{one['name']} {one['version']}: {advisory['id']} (fixed in: {fixed})")
    for one in skipped:
        print(f"{one['name']}: not audited: {one['skip_reason']}")
    asked = len(found) - len(skipped)
    print(f"audited {asked} of {len(found)} packages with {service}: {len(bad)} with known vulnerabilities")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
