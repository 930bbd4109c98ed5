"""What a program's import statements get: facades in its own builtins, nothing in `sys.modules`."""

from __future__ import annotations

import builtins
import importlib
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Literal

import torch
import typing_extensions

from asi_repro.errors import AsiReproError
from asi_repro.models import fla_cpu
from asi_repro.models.importable import IMPORTABLE, refusal

Backend = Literal["auto", "cpu", "fla"]
BACKENDS: tuple[Backend, ...] = ("auto", "cpu", "fla")

# The sandbox is what holds a program; without these most mistakes are caught before it has to.
_WITHHELD = ("open", "eval", "exec", "compile", "input", "breakpoint", "help", "exit", "quit", "memoryview")


class RefusedImportError(ImportError):
    """An import that the allow-list does not have."""


def resolve_backend(backend: str) -> Literal["cpu", "fla"]:
    """Choose "fla" (its own kernels) or "cpu" (our torch versions); "auto" takes fla's where they can run.

    Raises:
        AsiReproError: for another word, or for "fla" on a machine without CUDA or without triton.
    """
    if backend not in BACKENDS:
        raise AsiReproError(f"no backend {backend!r}", hint=f"one of {', '.join(BACKENDS)}")
    if backend == "cpu":
        return "cpu"
    missing = _fla_missing()
    if missing and backend == "fla":
        raise AsiReproError(f"fla's kernels cannot run here: {missing}", hint="use backend 'cpu' or 'auto'")
    return "cpu" if missing else "fla"


def _fla_missing() -> str | None:
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
    names = {name: value for name, value in vars(builtins).items() if name not in _WITHHELD}
    names["__import__"] = guarded_import(backend)
    return names


def guarded_import(backend: Literal["cpu", "fla"]) -> Callable[..., ModuleType]:
    """An `__import__` that resolves only names of `IMPORTABLE`."""
    inert = _inert_torch() if backend == "cpu" else {}

    def load(module: str) -> ModuleType:
        if module in inert:
            return inert[module]
        names = IMPORTABLE.get(module)
        if names is None:
            return importlib.import_module(module)
        return _facade(module, _values(module, names, backend))

    def __import__(  # noqa: N807  # it takes that builtin's place
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        if level:
            raise RefusedImportError("a program has no package: relative imports are refused")
        for wanted in fromlist or (None,):
            if reason := refusal(name, wanted):
                raise RefusedImportError(reason)
        if fromlist:
            return load(name)
        top = name.partition(".")[0]
        if top in ("fla", "transformers"):
            return _tree(top, name, load)
        if name != top:
            load(name)
        return load(top)

    return __import__


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


def _facade(name: str, values: Mapping[str, Any]) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(values)
    return module


def _tree(top: str, name: str, load: Callable[[str], ModuleType]) -> ModuleType:
    """`import fla.modules.l2norm` binds `fla`: facades down to the allowed module."""
    parts = name.split(".")
    module = load(name) if name in IMPORTABLE else ModuleType(name)
    for depth in range(len(parts) - 1, 0, -1):
        parent_name = ".".join(parts[:depth])
        parent = load(parent_name) if parent_name in IMPORTABLE else ModuleType(parent_name)
        setattr(parent, parts[depth], module)
        module = parent
    return module


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
