"""What a program's import statements get: facades in its own builtins, nothing in `sys.modules`."""

from __future__ import annotations

import builtins
import importlib
import os
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any, Literal

import torch
import typing_extensions

from asi_repro.errors import AsiReproError
from asi_repro.models import fla_cpu
from asi_repro.models.importable import importable, refusal
from asi_repro.sandbox.allowlist import allow_list

Backend = Literal["auto", "cpu", "fla"]
# Packages of which a program gets copies that hold the allowed names and nothing else.
_FACADES = ("fla", "transformers")
BACKENDS: tuple[Backend, ...] = ("auto", "cpu", "fla")

# What statements need besides the names that a text may use.
_MACHINERY = ("__build_class__", "__debug__", "getattr", "hasattr", "setattr")


class RefusedImportError(ImportError):
    """An import that the allow-list does not have."""


def resolve_backend(backend: str) -> Literal["cpu", "fla"]:
    """Choose "fla" (its own kernels) or "cpu" (our torch versions); "auto" takes fla's where they can run.

    Raises:
        AsiReproError: for another word, or for "fla" on a machine without CUDA or without triton.
    """
    if backend not in BACKENDS:
        raise AsiReproError(f"unknown backend {backend!r}", hint=f"use one of: {', '.join(BACKENDS)}")
    if backend == "cpu":
        return "cpu"
    missing = _fla_missing()
    if missing and backend == "fla":
        raise AsiReproError(f"fla's kernels cannot run here: {missing}", hint="use backend 'cpu' or 'auto'")
    return "cpu" if missing else "fla"


def _fla_missing() -> str | None:
    if os.environ.get("ASI_REPRO_NO_TRITON"):
        return "Triton's compiler is a process, and a sandboxed program may start none"
    if not torch.cuda.is_available():
        return "no CUDA device"
    for name in ("triton", "fla"):
        try:
            importlib.import_module(name)
        except ImportError as error:
            return f"{name} cannot be imported ({error})"
    return None


def program_builtins(backend: Literal["cpu", "fla"]) -> dict[str, Any]:
    """Builtins for one program: no file access, no eval, and an `__import__` that follows the allow-list."""
    allowed = {*allow_list().builtins, *_MACHINERY}
    names = {name: value for name, value in vars(builtins).items() if name in allowed}
    names["__import__"] = GuardedImport(backend)
    return names


class GuardedImport:
    """An `__import__` that resolves only what the allow-list names."""

    def __init__(self, backend: Literal["cpu", "fla"]) -> None:
        self._backend = backend
        self._inert = _inert_torch() if backend == "cpu" else {}

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """What the import statement's bytecode asks for.

        Raises:
            RefusedImportError: for what the allow-list does not name.
        """
        if _from_c(name, fromlist):
            return importlib.import_module(name)
        if level:
            raise RefusedImportError("a program is not part of a package, so relative imports are refused")
        for wanted in fromlist or (None,):
            if reason := refusal(name, wanted):
                raise RefusedImportError(reason)
        return self._from(name, fromlist) if fromlist else self._plain(name)

    def _from(self, name: str, wanted: Sequence[str]) -> ModuleType:
        module = self._load(name)
        for child in wanted:
            if f"{name}.{child}" in importable() and not hasattr(module, child):
                setattr(module, child, self._load(f"{name}.{child}"))
        return module

    def _plain(self, name: str) -> ModuleType:
        """`import a.b.c` binds `a`, of which b and c must then be attributes."""
        parts = name.split(".")
        modules = [self._load(".".join(parts[: depth + 1])) for depth in range(len(parts))]
        if parts[0] in _FACADES:
            for parent, child, module in zip(modules, parts[1:], modules[1:], strict=False):
                setattr(parent, child, module)
        return modules[0]

    def _load(self, module: str) -> ModuleType:
        if module in self._inert:
            return self._inert[module]
        if module.partition(".")[0] not in _FACADES:
            return importlib.import_module(module)
        facade = ModuleType(module)
        vars(facade).update(_values(module, importable().get(module, frozenset()), self._backend))
        return facade


def _from_c(name: str, fromlist: Sequence[str] | None) -> bool:
    """Whether torch's compiled code asks, below a program's frame and so with its builtins.

    CPython's PyImport_Import passes an empty list; a statement passes None or a tuple. A text that calls
    `__import__` itself is refused by the static check.
    """
    return isinstance(fromlist, list) and not fromlist and name.partition(".")[0] in ("torch", "numpy")


def fla_cache(backend: Literal["cpu", "fla"]) -> type[Any]:
    """The `Cache` class that programs of this backend get."""
    return _values("fla.models.utils", frozenset({"Cache"}), backend)["Cache"]  # type: ignore[no-any-return]


def _values(module: str, names: frozenset[str], backend: Literal["cpu", "fla"]) -> dict[str, Any]:
    """The named values of a module of which only some names are allowed."""
    if module.startswith("fla.") and backend == "cpu":
        return {name: getattr(fla_cpu, name) for name in names}
    if module == "transformers.processing_utils":
        return {"Unpack": typing_extensions.Unpack}
    real = importlib.import_module(module)
    return {name: getattr(real, name) for name in names}


def _inert_torch() -> dict[str, ModuleType]:
    """The module torch with an inert compiler: compiling on a CPU takes a minute and gains nothing."""
    compiler = _Delegate(torch.compiler, {"compile": _identity, "disable": _identity})
    return {"torch": _Delegate(torch, {"compile": _identity, "compiler": compiler})}


class _Delegate(ModuleType):
    """A module that answers some names itself and leaves the rest to another module."""

    def __init__(self, real: ModuleType, own: Mapping[str, Any]) -> None:
        super().__init__(real.__name__, real.__doc__)
        public = {name: value for name, value in vars(real).items() if not name.startswith("__")}
        vars(self).update(public)
        vars(self).update(own)
        vars(self)["_delegate_of"] = real

    def __getattr__(self, name: str) -> Any:
        return getattr(vars(self)["_delegate_of"], name)


def _identity(function: Any = None, *args: Any, **kwargs: Any) -> Any:
    """`@compile`, `@compile()` and `compile(f, mode=...)`, all leaving the function alone."""
    if function is None:
        return lambda inner: inner
    return function
