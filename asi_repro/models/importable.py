"""What an import statement of a program may name: the sandbox's allow-list, asked at run time. No torch here.

The static check reads a program's text by the same list before it runs. This is the second reader: it also
sees imports that no text shows.
"""

from __future__ import annotations

from asi_repro.sandbox.allowlist import allow_list


def importable() -> dict[str, frozenset[str]]:
    """Module names, and of each the names that a program may use."""
    return allow_list().modules


def refusal(module: str, name: str | None = None) -> str | None:
    """Why `import module` or `from module import name` is refused, or None where it is allowed.

    A parent package of an allowed module may be imported by itself (`import torch.nn` binds `torch`).
    """
    modules = importable()
    if name is not None and f"{module}.{name}" in modules:
        return None
    if module not in modules:
        return f"a program may not import {module!r}"
    if name == "*":
        return f"a program may not import every name of {module!r}"
    if name is not None and name not in modules[module]:
        return f"a program may not import {name!r} from {module!r}"
    return None
