"""The program under test: fresh modules of it, and calls by the interface of the release.

Some programs change a buffer at every forward, even in eval mode. A probe that reuses a module would
then see a difference between two calls that the input did not make, so every probe takes a fresh copy.
"""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol, get_args

import torch
from torch import Tensor, nn

from asi_repro.verify.program_text import reads_graph, trains_differently

# Widths to try, smallest first: a program may want its width divisible by more than a power of two of 32.
PROBE_SIZES: tuple[tuple[int, int], ...] = ((32, 2), (64, 4), (128, 4), (256, 8), (1024, 4))


# The paper's 340M model: heads of 128. Where a program does not build so, fewer heads of that width.
PAPER_SIZES: tuple[tuple[int, int], ...] = ((1024, 8), (256, 2))

COUNTER_WORDS = ("step", "count", "iter")
Extreme = Literal["up", "down", "by one", "by one, reversed", "by two", "by two, reversed"]


class ContractError(Exception):
    """The forward did not return (output, second, third) with an output of the input's shape."""


class NotTried(NotImplementedError):
    """A probe that a live module is not made for, by its own word: neither a pass nor a fault."""


class ModuleSource(Protocol):
    """What builds modules: `asi_repro.models.program.LoadedProgram`."""

    def build(
        self, hidden_size: int, num_heads: int, *, seed: int, dtype: torch.dtype, device: str
    ) -> nn.Module: ...


@dataclass(frozen=True)
class Parameters:
    """Where in parameter space a probe stands.

    Attributes:
        name: how results call it.
        move: factor on the random step away from the initial values; 0 leaves them.
        advance: added to step counters, for schedules.
        extreme: how small parameters (gates, biases, temperatures, decays) are pushed `EXTREME` away:
            "up" or "down" all of them, or in turn, one by one or two by two, so that gates which must be open
            together and on opposite sides are.
    """

    name: str
    move: float = 0.0
    advance: int = 0
    extreme: Extreme | None = None


INITIAL = Parameters("initial")
# Inside the 2,000 steps of training, so that what a schedule only uses on the way is met.
MOVED = Parameters("moved, counters + 700", move=1.0, advance=700)
# The opposite step opens a gate that the first one pushed further shut; the late counters reach what a
# schedule switches on or off at its end.
OPPOSITE = Parameters("moved opposite, counters + 100000", move=-1.0, advance=100_000)
EXTREMES: tuple[Parameters, ...] = tuple(
    Parameters(f"small parameters {extreme}", move=0.5, extreme=extreme) for extreme in get_args(Extreme)
)
# Far enough that a sigmoid is open or shut, near enough that its exponential is no infinity.
EXTREME = 8.0
SMALL = 64


class Subject:
    """One program at one width, on a CPU.

    Args:
        source: builds modules.
        hidden_size: D.
        num_heads: number of heads.
        seed: of the initial values, the steps away from them and the inputs.
    """

    def __init__(
        self, source: ModuleSource, *, hidden_size: int = 32, num_heads: int = 2, seed: int = 0
    ) -> None:
        self.source = source
        self.hidden_size = hidden_size
        self.num_heads = num_heads
        self.seed = seed
        self._templates: dict[tuple[torch.dtype, Parameters], nn.Module] = {}
        self._built: nn.Module | None = None
        self._cannot_copy = False
        self.facts: dict[Any, Any] = {}

    @property
    def text(self) -> str:
        """The program's source, empty for a module that has none."""
        return str(getattr(self.source, "source", ""))

    @property
    def trains(self) -> tuple[bool, ...]:
        """The modes to probe: eval (False) and training (True), where the text can tell them apart."""
        return (False, True) if trains_differently(self.text) else (False,)

    def at_paper_width(self) -> Subject:
        """The program at the first of `PAPER_SIZES`, whether it runs there or not."""
        hidden_size, num_heads = PAPER_SIZES[0]
        return Subject(self.source, hidden_size=hidden_size, num_heads=num_heads, seed=self.seed)

    @cached_property
    def wide(self) -> Subject | None:
        """The program at the paper's head width, or None where it runs at neither of `PAPER_SIZES`."""
        for hidden_size, num_heads in PAPER_SIZES:
            subject = Subject(self.source, hidden_size=hidden_size, num_heads=num_heads, seed=self.seed)
            subject.facts = self.facts
            try:
                subject.run(subject.inputs(1, 8))
                return subject
            except Exception:  # noqa: S112  # `runs` says how it fails
                continue
        return None

    def fresh(
        self, place: Parameters = INITIAL, *, dtype: torch.dtype = torch.float64, train: bool = False
    ) -> nn.Module:
        """A module that no forward has touched, in eval mode unless `train`."""
        key = (dtype, place)
        if key not in self._templates or self._cannot_copy:
            self._templates[key] = self._build(place, dtype)
        module = self._templates[key]
        if not self._cannot_copy:
            try:
                module = copy.deepcopy(module)
            except Exception:  # a program may hold something that does not copy; then build each time
                self._cannot_copy = True
        return module.train(train)

    def call(self, module: nn.Module, x: Tensor, mask: Tensor | None = None, **more: Any) -> Tensor:
        """The output for `x` of shape (B, L, D), shape (B, L, D), with every random generator seeded.

        Raises:
            ContractError: where the forward does not keep the interface.
        """
        return self.call_full(module, x, mask, **more)[0]

    def call_full(
        self, module: nn.Module, x: Tensor, mask: Tensor | None = None, *, seed: int = 1, **more: Any
    ) -> tuple[Tensor, Any, Any]:
        """As `call`, with the second and third value returned too."""
        seed_everything(seed)
        if mask is not None:
            more["attention_mask"] = mask
        return checked_contract(module(x, **more), x)

    def run(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        *,
        place: Parameters = INITIAL,
        train: bool = False,
        seed: int = 1,
        **more: Any,
    ) -> Tensor:
        """The output of a fresh module for `x`; in training mode with a graph, where the text can tell."""
        with torch.set_grad_enabled(train and reads_graph(self.text)):
            module = self.fresh(place, dtype=x.dtype, train=train)
            return self.call_full(module, x, mask, seed=seed, **more)[0].detach()

    def inputs(
        self,
        batch: int,
        length: int,
        *,
        seed: int = 0,
        dtype: torch.dtype = torch.float64,
        scale: float = 1.0,
    ) -> Tensor:
        """Standard normal inputs of shape (batch, length, D)."""
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + seed * 101 + length)
        x = torch.randn(batch, length, self.hidden_size, generator=generator, dtype=torch.float64)
        return (x * scale).to(dtype)

    def _build(self, place: Parameters, dtype: torch.dtype) -> nn.Module:
        module = self._at_start(dtype)
        if place.move:
            move_parameters(module, place.move, seed=self.seed + 7)
        if place.extreme:
            push_small_parameters(module, place.extreme)
        if place.advance:
            advance_counters(module, place.advance)
        return module

    def _at_start(self, dtype: torch.dtype) -> nn.Module:
        """A module with its initial values, which are drawn once, in fp32: drawing many is slow."""
        if self._built is None or self._cannot_copy:
            self._built = self.source.build(
                self.hidden_size, self.num_heads, seed=self.seed, dtype=torch.float32, device="cpu"
            )
        try:
            return copy.deepcopy(self._built).to(dtype=dtype)
        except Exception:
            self._cannot_copy = True
            built, self._built = self._built, None
            return built.to(dtype=dtype)


def checked_contract(result: Any, x: Tensor) -> tuple[Tensor, Any, Any]:
    """`result` if it is (output, second, third) with an output of the shape and dtype of `x`.

    Raises:
        ContractError: saying what came instead.
    """
    if not isinstance(result, tuple) or len(result) != 3:
        raise ContractError(f"forward returned {type(result).__name__}, not a tuple of three")
    output = result[0]
    if not isinstance(output, Tensor):
        raise ContractError(f"the first value returned is {type(output).__name__}, not a tensor")
    if output.shape != x.shape:
        raise ContractError(f"output of shape {tuple(output.shape)} for input of shape {tuple(x.shape)}")
    if output.dtype != x.dtype:
        raise ContractError(f"output in {output.dtype} for input in {x.dtype}")
    return output, result[1], result[2]


def move_parameters(module: nn.Module, factor: float, *, seed: int) -> None:
    """Add `factor` times a random step to every parameter, large enough to open closed gates.

    The step's size is half the parameter's root mean square, and no less than what a layer of that
    fan-in starts with, so that parameters that start at zero move as well.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            fan_in = parameter.shape[-1] if parameter.ndim > 1 else 4
            rms = float(parameter.double().square().mean().sqrt()) if parameter.numel() else 0.0
            size = 0.5 * max(rms, 1.0 / math.sqrt(max(fan_in, 1)))
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_((factor * size * noise).to(parameter.dtype))


def push_small_parameters(module: nn.Module, extreme: Extreme) -> None:
    """Move every vector, scalar and other parameter of at most `SMALL` elements by `EXTREME` up or down."""
    small = [p for p in module.parameters() if p.ndim <= 1 or p.numel() <= SMALL]
    every = 2 if extreme.startswith("by two") else 1
    with torch.no_grad():
        for number, parameter in enumerate(small):
            down = extreme == "down" or (extreme != "up" and number // every % 2 == 1)
            parameter.add_(EXTREME * (-1 if down != extreme.endswith("reversed") else 1))


def advance_counters(module: nn.Module, steps: int) -> None:
    """Add `steps` to the step counters of schedules: one-element buffers, integer or not, named like one."""
    for name, buffer in module.named_buffers():
        counts = any(word in name.rpartition(".")[2].lower() for word in COUNTER_WORDS)
        if counts and buffer.numel() == 1 and buffer.dtype != torch.bool:
            buffer.add_(steps)


def seed_everything(seed: int) -> None:
    """Seed torch's and Python's generators, so that dropout masks repeat between two calls."""
    torch.manual_seed(seed)
    random.seed(seed)


def probe_subject(source: ModuleSource, *, sizes: Sequence[tuple[int, int]] = PROBE_SIZES) -> Subject:
    """The subject at the first of `sizes` (hidden size, heads) at which the program builds and runs.

    Raises:
        Exception: the program's own error at the largest size, where it runs at none.
    """
    error: Exception | None = None
    for hidden_size, num_heads in sizes:
        subject = Subject(source, hidden_size=hidden_size, num_heads=num_heads)
        try:
            subject.run(subject.inputs(2, 64))
            return subject
        except Exception as caught:
            error = caught
    assert error is not None
    raise error
