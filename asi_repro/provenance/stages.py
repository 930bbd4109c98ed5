"""The code that the stages of dvc.yaml depend on, from the commands they run.

Coarser than the keys of results: whole rooms of the package. A command that DVC runs for nothing finds its
results there, under keys that only the code that made them changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from asi_repro.provenance.code import NAME, PackageCode

_COMMAND = re.compile(r"(?:^|\s)asi-repro\s+([a-z]+)")
_STAGE = re.compile(r"  ([a-z]\w*):\n")
_CODE = re.compile(rf"\s+- {NAME}/\S+\n")
PINS = "constraints.txt"


def stage_modules(stage: Mapping[str, Any], verbs: Mapping[str, str], code: PackageCode) -> set[str]:
    """The modules that a stage's commands depend on.

    Args:
        stage: as dvc.yaml has it.
        verbs: the module of each verb of the command line.
        code: of the package.
    """
    body = stage.get("do", stage)
    commands = [body["cmd"]] if isinstance(body["cmd"], str) else body["cmd"]
    return code.modules(*(verbs[verb] for command in commands for verb in _COMMAND.findall(command)))


def as_dependencies(files: Iterable[str]) -> list[str]:
    """Files of the package as DVC dependencies: by room, but verbs one by one, as each has its own stage."""
    rooms = (name if name.startswith("cli/") else name.partition("/")[0] for name in files)
    return sorted({f"{NAME}/{room}" for room in rooms})


def with_code(text: str, dependencies: Mapping[str, list[str]]) -> str:
    """The text of dvc.yaml with the code of each stage put in place of what stands there.

    Args:
        text: of dvc.yaml, with a `deps` list in each stage; comments stay.
        dependencies: by stage.
    """
    made, lines, stage = [], iter(text.splitlines(keepends=True)), ""
    for line in lines:
        if match := _STAGE.fullmatch(line):
            stage = match[1]
        if _CODE.fullmatch(line) or line.strip() == f"- {PINS}":
            continue
        made.append(line)
        if line.strip() == "deps:" and stage in dependencies:
            indent = " " * (len(line) - len(line.lstrip()) + 2)
            made += [f"{indent}- {path}\n" for path in [*dependencies[stage], PINS]]
    return "".join(made)
