"""Running a program in a wider dtype than it casts to, and recording what that took.

39 of the released programs cast to bfloat16 and multiply with what may be float32: they run with bfloat16
weights or under bfloat16 autocast, and nowhere else. To run them in float32 or float64, casts to a floating
dtype narrower than the working one become casts to the working dtype. Each such cast is counted with its
line, so that a result can say what was done to get it.
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch.overrides import TorchFunctionMode

DtypePolicy = Literal["map", "as_written"]
POLICIES: tuple[DtypePolicy, ...] = ("map", "as_written")

_CASTS: dict[Callable[..., Any], torch.dtype] = {
    torch.Tensor.bfloat16: torch.bfloat16,
    torch.Tensor.half: torch.float16,
    torch.Tensor.float: torch.float32,
}
_TO = (torch.Tensor.to, torch.Tensor.type)
_NARROW_NAMES = frozenset({"bfloat16", "half", "float16", "BFloat16", "Half", "chalf"})
_SINGLE_NAMES = frozenset({"float", "float32", "Float", "cfloat"})


@dataclass(frozen=True, order=True)
class MappedCast:
    """One kind of cast at one line of a program.

    Attributes:
        line: the line of the program's source, 0 where the cast was made outside it.
        op: the torch function, such as "to".
        source: dtype of the tensor that was cast, "" where the call had none (a constructor).
        asked: dtype that the program asked for.
        used: dtype that it got.
    """

    line: int
    op: str
    source: str
    asked: str
    used: str


class CastLog:
    """Counts of mapped casts, in the order of the program's lines."""

    def __init__(self) -> None:
        self._counts: Counter[MappedCast] = Counter()

    def add(self, cast: MappedCast) -> None:
        """Count one cast."""
        self._counts[cast] += 1

    def clear(self) -> None:
        """Forget all counts."""
        self._counts.clear()

    def __len__(self) -> int:
        return len(self._counts)

    def records(self) -> list[dict[str, Any]]:
        """Rows with line, op, source, asked, used and count: what a result shows."""
        return [{**asdict(cast), "count": self._counts[cast]} for cast in sorted(self._counts)]


class WorkingDtype(TorchFunctionMode):
    """While active, casts to a floating dtype narrower than `working` go to `working`; each is logged."""

    def __init__(self, working: torch.dtype, filename: str, log: CastLog) -> None:
        super().__init__()
        self.working, self.filename, self.log = working, filename, log

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _CASTS and self._narrower(_CASTS[func]):
            self._record(func, args, _CASTS[func])
            return torch.Tensor.to(args[0], self.working)
        if func in _TO:
            args = (args[0], *(self._mapped(func, args, arg) for arg in args[1:]))
        if "dtype" in kwargs:
            kwargs = {**kwargs, "dtype": self._mapped(func, args, kwargs["dtype"])}
        return func(*args, **kwargs)

    def _narrower(self, dtype: Any) -> bool:
        if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
            return False
        return torch.finfo(dtype).bits < torch.finfo(self.working).bits

    def _mapped(self, func: Callable[..., Any], args: tuple[Any, ...], asked: Any) -> Any:
        if not self._narrower(asked):
            return asked
        self._record(func, args, asked)
        return self.working

    def _record(self, func: Callable[..., Any], args: tuple[Any, ...], asked: torch.dtype) -> None:
        tensor = args[0] if args and isinstance(args[0], torch.Tensor) else None
        self.log.add(
            MappedCast(
                line=_line_of(self.filename),
                op=getattr(func, "__name__", str(func)),
                source="" if tensor is None else _name(tensor.dtype),
                asked=_name(asked),
                used=_name(self.working),
            )
        )


def working_context(
    working: torch.dtype | None, filename: str, log: CastLog, *, casts: frozenset[str]
) -> AbstractContextManager[Any]:
    """The mode for one forward pass, or nothing where the program runs as it is written.

    Args:
        working: dtype of the weights; None turns mapping off.
        filename: the name of the program's code objects, to find its line in the stack.
        log: where mapped casts are counted.
        casts: what `narrow_casts` found in the program.
    """
    if working not in (torch.float32, torch.float64) or not casts or _autocast():
        return nullcontext()
    if working is torch.float32 and casts == {"single"}:
        return nullcontext()
    return WorkingDtype(working, filename, log)


def narrow_casts(tree: ast.AST) -> frozenset[str]:
    """Which floating dtypes a program names: "narrow" (16 bit), "single" (float32).

    The mode costs a Python call for each torch call, so it is only used where the text can need it. A name
    built at run time (`getattr` of something that is not a literal) counts as both.
    """
    found: set[str] = set()
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Attribute):
            names = [node.attr]
        elif isinstance(node, ast.alias):
            names = [node.name]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 40:
            names = node.value.replace("Tensor", "").split(".")
        elif _computed_getattr(node):
            names = ["half", "float"]
        found.update("narrow" for name in names if name in _NARROW_NAMES)
        found.update("single" for name in names if name in _SINGLE_NAMES)
    return frozenset(found)


def _computed_getattr(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id != "getattr":
        return False
    return len(node.args) > 1 and not isinstance(node.args[1], ast.Constant)


def _autocast() -> bool:
    devices = ("cuda", "cpu") if torch.cuda.is_available() else ("cpu",)
    return any(torch.is_autocast_enabled(device) for device in devices)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _line_of(filename: str) -> int:
    frame = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename == filename:
            return frame.f_lineno
        if frame.f_back is None:
            break
        frame = frame.f_back
    return 0
