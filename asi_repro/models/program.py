"""Executing a program's source in a namespace of its own, and building its main class.

Nothing here decides whether a program is fit to run: the static check refuses before, the sandbox holds it
while. Call this only inside the sandbox, or on source that you wrote.
"""

from __future__ import annotations

import ast
import inspect
import linecache
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn

from asi_repro.errors import AsiReproError, DataError
from asi_repro.models import namespace_module
from asi_repro.models.dtypes import POLICIES, CastLog, DtypePolicy, narrow_casts, working_context
from asi_repro.models.imports import fla_cache, program_builtins, resolve_backend
from asi_repro.models.mixer import MixerOutput, build_seeded, mixer_output
from asi_repro.models.row_inverse import NAME, finish_rows, with_rows
from asi_repro.store.files import sha256_bytes

__all__ = ["LoadedProgram", "MixerOutput", "ProgramError", "ProgramModule", "load_program", "mixer_output"]

DEFAULT_CLASS = "DeltaNet"


class ProgramError(DataError):
    """A program that does not parse, load, build or hold to the mixer's contract.

    Attributes:
        line: the program's line, or None where no line of it is to blame.
    """

    def __init__(self, what: str, *, line: int | None = None, where: str | None = None) -> None:
        place = where if line is None else f"line {line} of {where or 'the program'}"
        super().__init__(what, where=place)
        self.line = line


class ProgramModule(nn.Module):
    """Mixed into a built main class: its forward runs under the load's dtype policy.

    Attributes:
        casts: what was mapped so far, shared by copies of the module.
        program: the program it came from.
    """

    casts: CastLog
    program: LoadedProgram

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with self.program.dtype_context(self, self.casts):
            return super().__call__(*args, **kwargs)


@dataclass(frozen=True)
class LoadedProgram:
    """A program that has been executed.

    Attributes:
        source: its text.
        source_sha256: SHA-256 of the text's UTF-8 bytes.
        main_class: the token mixer's class.
        backend: whose fla modules it got, "cpu" (this project's) or "fla".
        dtype_policy: "map" or "as_written".
        filename: the name that its code objects and tracebacks carry.
    """

    source: str = field(repr=False)
    source_sha256: str
    main_class: type[nn.Module]
    backend: Literal["cpu", "fla"]
    dtype_policy: DtypePolicy
    filename: str
    casts_named: frozenset[str] = field(repr=False)

    def build(
        self,
        hidden_size: int,
        num_heads: int,
        *,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = "cpu",
        layer_idx: int = 0,
        **overrides: Any,
    ) -> nn.Module:
        """One mixer, in train mode. Initialised in float32 from `seed`, then cast: all dtypes start alike.

        Args:
            hidden_size: width of the input and output.
            num_heads: heads; the release's programs default to 4.
            seed: of the initial parameters.
            dtype: bfloat16, float32 or float64.
            device: "meta" gives shapes without numbers.
            layer_idx: the layer's place in a cache.
            **overrides: further arguments of the main class's constructor.

        Raises:
            ProgramError: where the constructor fails, with the program's line.
            AsiReproError: for a dtype other than bfloat16, float32, float64.
        """
        return build_seeded(
            lambda: self.construct(hidden_size, num_heads, layer_idx=layer_idx, **overrides),
            seed=seed,
            dtype=dtype,
            device=device,
        )

    @property
    def name(self) -> str:
        """The main class's name."""
        return self.main_class.__name__

    def construct(
        self, hidden_size: int, num_heads: int, *, layer_idx: int = 0, **overrides: Any
    ) -> nn.Module:
        """One mixer on the current default device, from the current random state, in float32.

        Raises:
            ProgramError: where the constructor fails, with the program's line.
        """
        own = {"casts": CastLog(), "program": self, "__module__": self.main_class.__module__}
        built = type(self.name, (ProgramModule, self.main_class), own)
        try:
            module = built(hidden_size=hidden_size, num_heads=num_heads, layer_idx=layer_idx, **overrides)
        except Exception as error:
            raise self.error(f"cannot build {self.name}", error) from error
        assert isinstance(module, nn.Module)
        return module

    def new_cache(self) -> Any:
        """An empty cache of the kind that the program's fla modules know."""
        return fla_cache(self.backend)()

    def dtype_context(self, module: nn.Module, log: CastLog) -> AbstractContextManager[Any]:
        """The context that `module`'s forward runs in under this program's dtype policy."""
        working = None if self.dtype_policy == "as_written" else _weights_dtype(module)
        return working_context(working, self.filename, log, casts=self.casts_named)

    def line_of(self, error: BaseException) -> int | None:
        """The innermost line of the program that `error` passed through."""
        line = error.lineno if isinstance(error, SyntaxError) and error.filename == self.filename else None
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.filename:
                line = trace.tb_lineno
            trace = trace.tb_next
        return line

    def error(self, what: str, error: BaseException) -> ProgramError:
        """`error`, which came up while the program did `what`, as one that names the program's line."""
        return _program_error(what, error, self.line_of(error), self.filename)


def load_program(
    source: str,
    *,
    dtype_policy: DtypePolicy = "map",
    backend: str = "auto",
    class_name: str | None = None,
    rewrite: bool = False,
) -> LoadedProgram:
    """Execute a program's source and find its main class.

    Args:
        source: the text, run as it is.
        dtype_policy: "map" turns casts to a dtype narrower than the weights' into casts to the weights' dtype
            (float32 and float64 only) and records them; "as_written" leaves every cast.
        backend: "auto", "cpu" or "fla": whose fla modules the program gets.
        class_name: the main class; without it `DeltaNet`, or else the last nn.Module class whose forward
            takes `hidden_states`.
        rewrite: run the loops that `rows` knows as one operation, with the same numbers; only on the backend
            "cpu". Checks on programs take the text as it is.

    Raises:
        ProgramError: where it does not parse, raises while loading, imports what it may not, or has no main
            class; names the line.
        AsiReproError: for an unknown policy or a backend that cannot run here.
    """
    if dtype_policy not in POLICIES:
        raise AsiReproError(
            f"unknown dtype policy {dtype_policy!r}", hint=f"use one of: {', '.join(POLICIES)}"
        )
    resolved = resolve_backend(backend)
    digest = sha256_bytes(source.encode("utf-8", "surrogatepass"))
    filename = f"<program {digest[:12]}>"
    namespace = _execute(source, filename, resolved, rewrite=rewrite and resolved == "cpu")
    return LoadedProgram(
        source=source,
        source_sha256=digest,
        main_class=_main_class(namespace, class_name, filename),
        backend=resolved,
        dtype_policy=dtype_policy,
        filename=filename,
        casts_named=narrow_casts(ast.parse(source)),
    )


def _execute(source: str, filename: str, backend: Literal["cpu", "fla"], *, rewrite: bool) -> dict[str, Any]:
    namespace: dict[str, Any] = {
        "__name__": namespace_module.__name__,
        "__builtins__": program_builtins(backend),
        **({NAME: finish_rows} if rewrite else {}),
    }
    try:
        tree = ast.parse(source, filename)
        code = compile(with_rows(tree) if rewrite else tree, filename, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise _program_error(
            "the program does not parse", error, getattr(error, "lineno", None), filename
        ) from error
    # Tracebacks read source lines from here; the key is unique to the text.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    try:
        exec(code, namespace)  # noqa: S102  # executing the program is this function's purpose
    except Exception as error:
        line = _innermost_line(error, filename)
        raise _program_error("the program cannot be loaded", error, line, filename) from error
    return namespace


def _main_class(namespace: dict[str, Any], class_name: str | None, filename: str) -> type[nn.Module]:
    modules = [
        value
        for value in namespace.values()
        if isinstance(value, type)
        and issubclass(value, nn.Module)
        and value.__module__ == namespace["__name__"]
    ]
    mixers = [value for value in modules if "hidden_states" in _forward_parameters(value)]
    wanted = class_name or DEFAULT_CLASS
    named = namespace.get(wanted)
    if named is not None and named in modules:
        return named  # type: ignore[no-any-return]  # one of `modules`
    if class_name is not None:
        raise ProgramError(f"the program defines no nn.Module class {class_name!r}", where=filename)
    if not mixers:
        raise ProgramError(
            "the program defines no nn.Module class whose forward takes hidden_states", where=filename
        )
    return mixers[-1]


def _forward_parameters(cls: type[nn.Module]) -> tuple[str, ...]:
    try:
        return tuple(inspect.signature(cls.forward).parameters)
    except (TypeError, ValueError):
        return ()


def _weights_dtype(module: nn.Module) -> torch.dtype | None:
    """The narrowest floating dtype of the parameters: one bfloat16 weight and the run is a bfloat16 one."""
    dtypes = {parameter.dtype for parameter in module.parameters() if parameter.is_floating_point()}
    return min(dtypes, key=lambda dtype: torch.finfo(dtype).bits, default=None)


def _innermost_line(error: BaseException, filename: str) -> int | None:
    line, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _program_error(what: str, error: BaseException, line: int | None, filename: str) -> ProgramError:
    message = error.msg if isinstance(error, SyntaxError) else str(error) or "no message"
    return ProgramError(f"{what}: {type(error).__name__}: {message}", line=line, where=filename)
