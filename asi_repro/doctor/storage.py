"""Whether what is pulled from DVC remotes is checked: DVC itself does not, unless a remote says so."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

from asi_repro.doctor.findings import Finding

FILES = (".dvc/config", ".dvc/config.local")
_REMOTE = re.compile(r"'?remote \"(?P<name>.+)\"'?")
# Google Drive is the one kind whose objects DVC checks by default.
_CHECKED = ("gdrive://",)


def storage(root: Path) -> Finding:
    """The remotes of a checkout that take what they are given.

    Raises:
        OSError, ValueError: where a configuration cannot be read.
    """
    remotes = read_remotes(root)
    if not remotes:
        return Finding("storage", "ok", "no DVC remote is configured, so outputs stay on this machine")
    trusting = [name for name, remote in remotes.items() if not _verifies(remote)]
    facts = {"remotes": sorted(remotes), "unverified": sorted(trusting)}
    if not trusting:
        return Finding(
            "storage", "ok", f"the checksums of every pull are verified ({', '.join(remotes)})", facts=facts
        )
    todo = "; ".join(f"run `dvc remote modify {name} verify true`" for name in trusting)
    detail = f"DVC would accept damaged objects from {', '.join(trusting)} and report them as up to date"
    return Finding("storage", "gap", detail, todo, (), facts)


def read_remotes(root: Path) -> dict[str, dict[str, str]]:
    """Settings of each remote that the checkout names, by name.

    Raises:
        ValueError: where a configuration is not one.
    """
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        for file in FILES:
            if (path := root / file).is_file():
                parser.read_string(path.read_text(encoding="utf-8"), source=file)
    except configparser.Error as error:
        raise ValueError(str(error).splitlines()[0]) from error
    found = {}
    for section in parser.sections():
        if match := _REMOTE.fullmatch(section):
            found[match["name"]] = {key: value.strip("\"'") for key, value in parser[section].items()}
    return found


def _verifies(remote: dict[str, str]) -> bool:
    usual = str(remote.get("url", "").startswith(_CHECKED))
    return remote.get("verify", usual).lower() in ("true", "yes", "on", "1")
