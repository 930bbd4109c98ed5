"""A live module for the checks: copies of an instance, or what a class or a factory makes. In this process.

A mixer takes hidden states (batch, length, width) and returns the same shape, alone or first in a tuple. A
language model takes ids (batch, length) and returns logits. The checks give it hidden states all the same:
they are added to what its embedding returns, and the ids follow from them, so that a change of the input
changes both. Its logits are read as `width` fixed random sums over the vocabulary: a logit that
changes changes them.
"""

from __future__ import annotations

import copy
import inspect
import random
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from asi_repro.errors import AsiReproError
from asi_repro.models.fla_cpu.cache import Cache
from asi_repro.models.mixer import build_seeded
from asi_repro.verify.adapt import HEADS, LAYERS, WIDTHS
from asi_repro.verify.all_checks import Battery
from asi_repro.verify.catalogue import BY_NAME
from asi_repro.verify.results import CheckResult, not_run
from asi_repro.verify.subject import PROBE_SIZES, NotTried

Made = nn.Module | Callable[..., nn.Module]
SHORT = 8
LONGEST = ("max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length")


class LiveSource:
    """What makes modules for the checks; each is a copy, and none is the caller's own.

    Args:
        made: a module, its class, or a function that makes one.
        width: of the input; found where None.
        heads: to build with.
        arguments: of the class or function, besides width and heads.
        language_model: whether it takes ids; found where None.
        longest: tokens that it is made for; found where None, and unbounded where it does not say.

    Raises:
        AsiReproError: where it cannot be called as a mixer or language model, with what to give.
    """

    def __init__(
        self,
        made: Made,
        *,
        width: int | None = None,
        heads: int | None = None,
        arguments: Mapping[str, Any] | None = None,
        language_model: bool | None = None,
        longest: int | None = None,
    ) -> None:
        self._make = _Maker(made, dict(arguments or {}))
        self.any_width = self._make.any_width
        size = (width or PROBE_SIZES[0][0], heads or PROBE_SIZES[0][1])
        with seeds_kept():
            first = self._make(*size, 0, torch.float32, "cpu").eval()
        self.source = text_of(first)
        self.longest = longest or _stated(first, LONGEST)
        self._reads = _Reads(first, language_model)
        if self._reads.ids:
            self.any_width = False
            self.width = self._reads.width
        elif self.any_width:
            self.width = size[0]
        else:
            self.width = width or _found_width(first)
        one = size if width or heads else None
        usual = PROBE_SIZES if one is None else (one,)
        self.sizes: Sequence[tuple[int, int]] = usual if self.any_width else ((self.width, size[1]),)

    def build(
        self,
        hidden_size: int,
        num_heads: int,
        *,
        seed: int = 0,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> nn.Module:
        """A module for one probe.

        Raises:
            NotTried: for a width that it has not.
        """
        if not self.any_width and hidden_size != self.width:
            raise NotTried("the module has one width; give its class or a function to try others")
        module = self._make(hidden_size, num_heads, seed, dtype, device)
        return LiveModule(module, self._reads, self.longest)


class LiveModule(nn.Module):
    """A module with the interface of the checks."""

    def __init__(self, module: nn.Module, reads: _Reads, longest: int | None) -> None:
        super().__init__()
        self.module = module
        self._reads = reads
        self._longest = longest

    def __deepcopy__(self, memo: dict[int, Any]) -> LiveModule:
        return LiveModule(copy.deepcopy(self.module, memo), self._reads, self._longest).train(self.training)

    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        use_cache: bool = False,
        **more: Any,
    ) -> tuple[Tensor, Any, Any]:
        """(output, None, cache) for hidden states (batch, length, width)."""
        reads = self._reads
        if self._longest is not None and hidden_states.shape[1] > self._longest:
            raise NotTried(f"the model is made for {self._longest:,} tokens")
        if attention_mask is not None:
            if not reads.takes("attention_mask"):
                raise NotTried("the forward takes no attention_mask")
            more["attention_mask"] = attention_mask
        if reads.takes("use_cache"):
            more["use_cache"] = use_cache
            if isinstance(past_key_values, Held):
                more["past_key_values"] = past_key_values.inner
        output, found = reads.call(self.module, hidden_states, more)
        cache = getattr(found, "past_key_values", None) if use_cache else None
        return output, None, past_key_values if cache is None else Held(cache)


class Held(Cache):
    """A cache of another library, as what the checks hand from call to call."""

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def __iter__(self) -> Iterator[dict[str, Any] | None]:
        yield {"tensors": list(_tensors(self.inner, 6))}


class _Reads:
    """How a module is called, and what its output is taken from."""

    def __init__(self, module: nn.Module, language_model: bool | None) -> None:
        self._names, self._anything = _parameters(module.forward)
        self.ids = _takes_ids(module, self._names) if language_model is None else language_model
        self.width = self.vocabulary = 0
        if self.ids:
            self._look_at_ids(module)

    def takes(self, name: str) -> bool:
        """Whether the forward takes a keyword."""
        return name in self._names or self._anything

    def call(self, module: nn.Module, x: Tensor, keywords: dict[str, Any]) -> tuple[Tensor, Any]:
        """The output (batch, length, width) and all that the module returned."""
        if not self.ids:
            found = module(x, **keywords)
            return _first(found, ("last_hidden_state", "hidden_states", "logits")), found
        # Standard normal inputs give every id alike.
        share = torch.special.ndtr(x[..., 0].detach().double())
        ids = (share * self.vocabulary).long().clamp(0, self.vocabulary - 1)
        with Embedding(ids, x):
            found = module(ids, **keywords)
        logits = _first(found, ("logits",))
        if logits.ndim != 3:
            raise AsiReproError(
                f"the logits have the shape {tuple(logits.shape)}, not (batch, length, vocabulary)"
            )
        count = logits.shape[-1]
        generator = torch.Generator().manual_seed(11)
        weights = torch.randn(count, generator=generator, dtype=torch.float64).to(logits.dtype)
        padded = F.pad(logits * weights, (0, -count % self.width))
        return padded.reshape(*x.shape[:2], -1, self.width).sum(-2), found

    def _look_at_ids(self, module: nn.Module) -> None:
        ids = torch.arange(1, SHORT + 1)[None] % 3
        try:
            with torch.no_grad(), Embedding(ids, None) as seen:
                module(ids)
        except Exception as error:
            raise AsiReproError(
                f"the module cannot be called with ids (batch, length): {type(error).__name__}: {error}",
                hint="give language_model=False for a module that takes (batch, length, width)",
            ) from error
        if seen.weight is None:
            raise AsiReproError(
                "no embedding of the model reads its ids, so no input can be added to it",
                hint="look the ids up with nn.Embedding or torch.nn.functional.embedding",
            )
        self.vocabulary, self.width = seen.weight.shape


class Embedding(TorchFunctionMode):
    """Adds `x` to what the first look-up of `ids` in an embedding gives.

    Attributes:
        weight: of that embedding, once it was used.
    """

    def __init__(self, ids: Tensor, x: Tensor | None) -> None:
        super().__init__()
        self._ids = ids
        self._x = x
        self.weight: Tensor | None = None

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is F.embedding and self.weight is None and len(args) > 1 and self._reads(args[0]):
            self.weight = args[1]
            found = func(*args, **dict(kwargs or {}))
            return found if self._x is None else found + self._x
        return func(*args, **dict(kwargs or {}))

    def _reads(self, ids: Tensor) -> bool:
        return ids.shape == self._ids.shape and bool((ids == self._ids).all())


class LiveBattery(Battery):
    """The checks on a live module; the same as those on a program's text."""

    def __init__(self, source: LiveSource) -> None:
        super().__init__(source.source, sizes=source.sizes)
        self.program = source  # type: ignore[assignment]  # it builds modules, which is all that checks ask

    def run(self, name: str, *, elsewhere: str | None = None) -> list[CheckResult]:
        """The rows of one check; "not run", with the reason, for what needs a text that is not there."""
        check = BY_NAME[name]
        if check.needs == "text" and not self.source:
            return [not_run(row, "the text of the module's class cannot be read") for row in check.rows]
        return super().run(name, elsewhere=elsewhere)


@contextmanager
def seeds_kept() -> Iterator[None]:
    """Leave the caller's random state, number of threads and choice of gradients as they were."""
    threads, state = torch.get_num_threads(), random.getstate()
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        try:
            yield
        finally:
            torch.set_num_threads(threads)
            random.setstate(state)


def text_of(module: nn.Module) -> str:
    """The text of the classes that a module and its parts are of, torch's own left out; "" if unreadable."""
    classes = {
        type(part): None for part in module.modules() if not type(part).__module__.startswith("torch.")
    }
    texts = []
    for each in classes:
        try:
            texts.append(textwrap.dedent(inspect.getsource(each)))
        except (OSError, TypeError):  # made by a shell, or by no text at all
            return ""
    return "\n\n".join(texts)


class _Maker:
    """Makes a module of a width, number of heads, seed and dtype."""

    def __init__(self, made: Made, arguments: dict[str, Any]) -> None:
        self._made = made
        self._keywords: dict[str, str] = {}
        self._arguments = arguments
        if isinstance(made, nn.Module):
            self.any_width = False
            return
        names, anything = _parameters(made)
        for value, known in (("width", WIDTHS), ("heads", HEADS), ("layer", LAYERS)):
            name = next((each for each in known if each in names), None)
            if name is None and anything and value != "layer":
                name = known[0]
            if name is not None and name not in arguments:
                self._keywords[name] = value
        missing = [
            n for n, required in names.items() if required and n not in {**self._keywords, **arguments}
        ]
        if missing:
            called = getattr(made, "__name__", type(made).__name__)
            raise AsiReproError(
                f"{called} needs {', '.join(missing)}",
                hint=f"check({called}, arguments={{{', '.join(f'{name!r}: ...' for name in missing)}}})",
            )
        self.any_width = "width" in self._keywords.values()

    def __call__(self, width: int, heads: int, seed: int, dtype: torch.dtype, device: str) -> nn.Module:
        if isinstance(self._made, nn.Module):
            return copy.deepcopy(self._made).to(device=device, dtype=dtype)
        values = {"width": width, "heads": heads, "layer": 0}
        keywords = {name: values[value] for name, value in self._keywords.items()}
        made = self._made

        def construct() -> nn.Module:
            module = made(**keywords, **self._arguments)
            if not isinstance(module, nn.Module):
                raise AsiReproError(f"what was given made {type(module).__name__}, not an nn.Module")
            return module

        return build_seeded(construct, seed=seed, dtype=dtype, device=device)


def _parameters(function: Callable[..., Any]) -> tuple[dict[str, bool], bool]:
    """The names that a function takes, with whether each is needed, and whether it takes any keyword."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return {}, False
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    found = signature.parameters.values()
    names = {each.name: each.default is inspect.Parameter.empty for each in found if each.kind in named}
    return names, any(each.kind is inspect.Parameter.VAR_KEYWORD for each in found)


def _takes_ids(module: nn.Module, names: Mapping[str, bool]) -> bool:
    """Whether a module is a language model: by its input's name, or since it takes ids and looks them up."""
    if "input_ids" in names or "hidden_states" in names:
        return "input_ids" in names
    if not any(isinstance(part, nn.Embedding) for part in module.modules()):
        return False
    ids = torch.arange(1, SHORT + 1)[None] % 3
    try:
        with torch.no_grad(), Embedding(ids, None) as seen:
            module(ids)
    except Exception:
        return False
    return seen.weight is not None


def _found_width(module: nn.Module) -> int:
    """The width of a mixer: what it or its configuration states, or a size of a parameter that it runs at.

    Raises:
        AsiReproError: where it runs at none.
    """
    sizes = [size for parameter in module.parameters() for size in reversed(parameter.shape)]
    stated = _stated(module, WIDTHS)
    reason = "it has no parameters"
    for width in dict.fromkeys(([stated] if stated else []) + sizes[:32]):
        try:
            with torch.no_grad():
                output = _first(module(torch.zeros(1, SHORT, width)), ("last_hidden_state", "hidden_states"))
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            continue
        if output.shape == (1, SHORT, width):
            return width
        reason = f"an input of {(1, SHORT, width)} gives an output of {tuple(output.shape)}"
    raise AsiReproError(
        f"no width was found at which the module returns what it takes ({reason})",
        hint="give width=N; the input is (batch, length, width), and so is the output",
    )


def _stated(module: nn.Module, names: Sequence[str]) -> int | None:
    for holder in (module, getattr(module, "config", None)):
        for name in names:
            value = getattr(holder, name, None)
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return None


def _first(found: Any, names: Sequence[str]) -> Tensor:
    """The output in what a forward returned."""
    for name in names:
        value = found.get(name) if isinstance(found, Mapping) else getattr(found, name, None)
        if isinstance(value, Tensor):
            return value
    value = found[0] if isinstance(found, (tuple, list)) and found else found
    if not isinstance(value, Tensor):
        raise AsiReproError(
            f"the forward returned {type(found).__name__}, not a tensor or a tuple that begins with one"
        )
    return value


def _tensors(value: Any, depth: int) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif depth and isinstance(value, Mapping):
        for item in value.values():
            yield from _tensors(item, depth - 1)
    elif depth and isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item, depth - 1)
    elif depth and hasattr(value, "__dict__"):
        yield from _tensors(vars(value), depth - 1)
