"""Counting what a forward does: FLOPs, elements touched and live memory, the same numbers at every run.

torch's FLOP formulas (`torch.utils.flop_counter`) know products and convolutions and nothing else: an
elementwise operation, a cumulative sum, an FFT or a sort counts zero there. So the elements that every
operation touches are counted as well; what does quadratic work shows in one of the two.
"""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

# These read or write as many elements as they pick or put, not as many as the tensor holds.
_PICKS = frozenset({"index", "index_select", "gather", "embedding", "take", "masked_select"})
# These read the shape of a tensor, not its elements.
_MAKES = frozenset({"new_ones", "new_zeros", "new_full", "new_empty", "new_empty_strided"})
_PUTS = frozenset({"index_put", "index_put_", "_index_put_impl_", "index_add_", "index_copy_", "scatter_"})


class Meter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts every operation of what runs inside it.

    Attributes:
        flops: floating-point operations by torch's formulas (a multiply-add is two).
        elements: elements touched: for each operation the larger of what it reads and what it writes.
        peak_bytes: most bytes at one time in tensors made inside; workspaces inside kernels are not seen.
        operations: number of operations that do something (views do not).
        without_formula: elements touched by operations that torch's formulas leave at zero, by name.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = 0
        self.elements = 0
        self.operations = 0
        self.peak_bytes = 0
        self.without_formula: Counter[str] = Counter()
        self._live_bytes = 0
        self._known: dict[int, weakref.ref[Any]] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Torch would import its compiler (1.5 s) to keep it out of here; nothing compiles here."""
        return False

    def __torch_dispatch__(
        self,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        out = func(*args, **kwargs)
        if _is_view(func):
            return out
        self.operations += 1
        touched = _touched(func, args, kwargs, out)
        self.elements += touched
        formula: Callable[..., int] | None = flop_registry.get(func._overloadpacket)
        if formula is not None:
            self.flops += int(formula(*args, **kwargs, out_val=out))
        else:
            self.without_formula[func._overloadpacket.__name__] += touched
        for tensor in _tensors(out):
            self._follow(tensor)
        return out

    def ignore(self, *tensors: Tensor) -> None:
        """Do not count the storage of these (inputs, parameters)."""
        for tensor in tensors:
            storage = tensor.untyped_storage()
            self._known[storage._cdata] = weakref.ref(storage)

    def _follow(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key, size = storage._cdata, storage.nbytes()
        known = self._known.get(key)
        if known is not None and known() is not None:
            return

        def freed(_: Any) -> None:
            self._live_bytes -= size
            self._known.pop(key, None)

        self._known[key] = weakref.ref(storage, freed)
        self._live_bytes += size
        self.peak_bytes = max(self.peak_bytes, self._live_bytes)


def _is_view(func: Any) -> bool:
    """Whether the operation returns an alias of its input without writing to it."""
    if func._overloadpacket.__name__ == "_unsafe_view":  # a view, but its schema does not say so
        return True
    returns = func._schema.returns
    alias = returns[0].alias_info if returns else None
    return alias is not None and not alias.is_write


def _touched(func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], out: Any) -> int:
    name = func._overloadpacket.__name__
    written = sum(tensor.numel() for tensor in _tensors(out))
    if name in _PICKS or name in _MAKES:
        return written
    read = [tensor.numel() for tensor in _tensors((args, tuple(kwargs.values())))]
    if name in _PUTS:
        return max(read[1:], default=0)
    return max([written, *read])


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)


@cache
def _warm_up() -> None:
    """Let torch import what it imports at a mode's first use: below a program's frame it could not."""
    with Meter():
        torch.ones(2, 2) @ torch.ones(2, 2)
        torch.nn.functional.conv1d(torch.ones(1, 1, 3), torch.ones(1, 1, 2))


def measure(function: Callable[[], Any], *, ignore: tuple[Tensor, ...] = ()) -> Meter:
    """Run `function` without a graph and count what it does."""
    _warm_up()
    meter = Meter()
    meter.ignore(*ignore)
    with torch.no_grad(), meter:
        function()
    return meter
