"""The allow-list of the static check, as data: `allowlist.yaml` read and typed."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml


@dataclass(frozen=True)
class TextLimits:
    """Bounds on a program's text and tree. The release's largest: 24,749 characters, 568 lines, depth 17."""

    characters: int
    lines: int
    line_length: int
    depth: int
    nodes: int


@dataclass(frozen=True)
class AllowList:
    """What a program may name; the file says why of each part."""

    limits: TextLimits
    modules: dict[str, frozenset[str]]
    builtins: frozenset[str]
    decorators: frozenset[str]
    import_time_calls: frozenset[str]
    dunder_attributes: frozenset[str]
    dunder_methods: frozenset[str]
    dunder_variables: frozenset[str]
    forbidden_attributes: frozenset[str]


@functools.cache
def allow_list() -> AllowList:
    """The allow-list that ships with the package."""
    text = (resources.files(__package__) / "allowlist.yaml").read_text(encoding="utf-8")
    data: dict[str, Any] = yaml.safe_load(text)
    limits = TextLimits(**data.pop("limits"))
    modules = {name: frozenset(entry["names"]) for name, entry in data.pop("modules").items()}
    return AllowList(limits, modules, **{key: frozenset(names) for key, names in data.items()})
