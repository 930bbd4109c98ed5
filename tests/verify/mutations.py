"""Faults planted in programs by rule, and whether they are found.

A planter rewrites the syntax tree: some change a line of the program (a causal mask is dropped or moved by one,
a pad is widened to the other side), some wrap the forward of the main class. Whether the mutant has its fault is
decided by `has_fault`, which shares no code with the checks: it runs the mutant and compares outputs directly.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from asi_repro.models.fla_cpu.cache import Cache
from asi_repro.models.program import load_program
from asi_repro.verify.all_checks import Battery
from asi_repro.verify.catalogue import CHECKS
from tests.verify.corpus import BATCH, CAUSAL, COST, FINITE, MASK, STATE

WIDTH, HEADS = 64, 2
FUTURE, PADDING, NEIGHBOURS, CUT = "future", "padding", "neighbours", "cut"


@dataclass(frozen=True)
class Kind:
    """One kind of fault.

    Attributes:
        rows: of which one must fail.
        shows: which direct experiment shows it.
        before, after: lines put before and after the forward of the main class: `x` is its input, `mask` the
            attention mask, `n` the length, `y` the output.
        init: a line at the end of the constructor.
        length: where it shows, if not at any.
    """

    rows: frozenset[str]
    shows: str
    before: str = "pass"
    after: str = "pass"
    init: str = "pass"
    length: int = 48


WRAPPED: dict[str, Kind] = {
    "shifted by one": Kind(CAUSAL, FUTURE, after="y = torch.cat([y[:, 1:], y[:, -1:]], 1)"),
    "future block summary": Kind(
        CAUSAL, FUTURE,
        after="p = torch.nn.functional.pad(y, (0, 0, 0, -n % 16))\n"
        "y = y + 0.1 * p.unflatten(1, (-1, 16)).mean(2, True).expand(-1, -1, 16, -1).flatten(1, 2)[:, :n]",
    ),
    "normalised over the length": Kind(CAUSAL, FUTURE, after="y = y / (1 + y.square().mean(1, True))"),
    "leak in training": Kind(CAUSAL, FUTURE, after="if self.training:\n    y = y + 0.1 * y.flip(1)"),
    "leak above a length": Kind(CAUSAL, FUTURE, after="if n > 1400:\n    y = y + 0.1 * y.flip(1)", length=1450),
    "leak behind a gate": Kind(
        CAUSAL, FUTURE, init="self.planted = torch.nn.Parameter(torch.tensor(-1.0))",
        after="y = y + torch.relu(self.planted) * y.mean(1, True)",
    ),
    "mask dropped": Kind(MASK, PADDING, before="mask = None"),
    "mask moved by one": Kind(MASK, PADDING, before="mask = mask if mask is None else mask.roll(1, 1)"),
    "batch mixed": Kind(BATCH, NEIGHBOURS, after="y = y + 0.1 * y.mean(0, True)"),
    "batch mixed in training": Kind(BATCH, NEIGHBOURS, after="if self.training:\n    y = y + 0.1 * y.mean(0, True)"),
    "divided by the length": Kind(frozenset({"prefix_consistency"}), CUT, after="y = y / n**0.5"),
    "state kept across calls": Kind(
        STATE, "calls", init="self.planted = 0", after="self.planted = self.planted + 1\ny = y * (1 + 0.01 * self.planted)",
    ),
    "counter not saved": Kind(
        frozenset({"checkpoint"}), "reload", init="self.register_buffer('planted', torch.zeros(()), persistent=False)",
        after="if self.training:\n    self.planted += 1\ny = y / (1 + 0.01 * self.planted)",
    ),
    "random in evaluation": Kind(frozenset({"determinism"}), "seed", after="y = y + 0.01 * torch.randn_like(y)"),
    "not finite late": Kind(
        frozenset(FINITE), "finite", after="c = torch.arange(n, device=y.device).to(y.dtype)[:, None]\ny = y * torch.exp(c) * torch.exp(-c)",
        length=2048,
    ),
    "parameter detached": Kind(
        frozenset({"dead_parameters"}), "gradient", init="self.planted = torch.nn.Parameter(torch.ones(3))",
        after="y = y * self.planted.detach().mean()",
    ),
    "quadratic": Kind(
        COST, "operations", after="y = y + 1e-9 * (torch.tril(y.new_ones(n, n)) @ y)",
    ),
    "cache broken": Kind(
        frozenset({"cache_decoding", "cache_continuation"}), "decoding",
        before="past = kwargs.get('past_key_values')\nx = 1.1 * x if past is not None and len(past) else x",
    ),
}  # fmt: skip
# Faults of a line of the program itself; all of them let the future in, if anything.
IN_THE_TEXT = ("causal mask dropped", "causal mask moved by one", "pad widened")


@dataclass(frozen=True)
class Mutant:
    """A program with a planted fault."""

    kind: str
    source: str
    place: int = 0

    @property
    def rows(self) -> frozenset[str]:
        """The rows of which one must fail."""
        return CAUSAL if self.kind in IN_THE_TEXT else WRAPPED[self.kind].rows


def mutants(source: str, class_name: str = "DeltaNet", *, at_most: int = 2) -> Iterator[Mutant]:
    """Every mutant of a program; of each kind of fault in the text, the first few places."""
    for kind in IN_THE_TEXT:
        for place in range(at_most):
            tree = ast.parse(source)
            planter = _InTheText(kind, place)
            changed = planter.visit(tree)
            if planter.done:
                yield Mutant(kind, ast.unparse(ast.fix_missing_locations(changed)), place)
    for name, kind in WRAPPED.items():
        yield Mutant(name, wrapped(source, kind, class_name))


def wrapped(source: str, kind: Kind, class_name: str = "DeltaNet") -> str:
    """The program with lines around the forward of its main class."""
    tree = ast.parse(source)
    (main,) = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == class_name]
    for node in main.body:
        if isinstance(node, ast.FunctionDef) and node.name == "forward":
            node.name = "unplanted_forward"
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            node.body += ast.parse(kind.init).body
    text = (
        "def forward(self, hidden_states, attention_mask=None, **kwargs):\n"
        "    x, mask, n = hidden_states, attention_mask, hidden_states.shape[1]\n"
        "    #before\n"
        "    result = self.unplanted_forward(x, attention_mask=mask, **kwargs)\n"
        "    y = result[0]\n"
        "    #after\n"
        "    return (y, *result[1:])\n"
    )
    for mark, lines in (("#before", kind.before), ("#after", kind.after)):
        text = text.replace(mark, lines.replace("\n", "\n    "))
    main.body += ast.parse(text).body
    names = "" if "import torch\n" in source else "import torch\n"
    return names + ast.unparse(ast.fix_missing_locations(tree))


class _InTheText(ast.NodeTransformer):
    """Plants one fault at the place-th call that can have it."""

    def __init__(self, kind: str, place: int) -> None:
        self.kind, self.left, self.done = kind, place, False

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        new = None if self.done else self._planted(node)
        if new is None:
            return node
        self.left -= 1
        if self.left >= 0:
            return node
        self.done = True
        return new

    def _planted(self, node: ast.Call) -> ast.expr | None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        method = isinstance(node.func, ast.Attribute) and not (
            isinstance(node.func.value, ast.Name) and node.func.value.id in ("torch", "F")
        )
        subject = (
            node.func.value if method and isinstance(node.func, ast.Attribute) else (node.args or [None])[0]
        )
        if self.kind == "causal mask dropped" and name in ("tril", "masked_fill", "masked_fill_"):
            return subject
        if self.kind == "causal mask moved by one" and name in ("tril", "triu"):
            new = copy.deepcopy(node)
            for keyword in new.keywords:
                if keyword.arg == "diagonal":
                    keyword.value = ast.BinOp(keyword.value, ast.Add(), ast.Constant(1))
                    return new
            at = 0 if method else 1
            if len(new.args) > at:
                new.args[at] = ast.BinOp(new.args[at], ast.Add(), ast.Constant(1))
            else:
                new.keywords.append(ast.keyword("diagonal", ast.Constant(1)))
            return new
        if self.kind == "pad widened" and name == "pad" and len(node.args) > 1:
            pad = node.args[1]
            if isinstance(pad, ast.Tuple) and len(pad.elts) >= 2 and _is_zero(pad.elts[-1]):
                new = copy.deepcopy(node)
                assert isinstance(new.args[1], ast.Tuple)
                new.args[1].elts[-2] = ast.BinOp(new.args[1].elts[-2], ast.Sub(), ast.Constant(1))
                new.args[1].elts[-1] = ast.Constant(1)
                return new
        return None


def _is_zero(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0


# Whether a mutant has its fault: experiments on the program, in fp64, with none of the checks' code.


def built(source: str, dtype: torch.dtype = torch.float64, *, gates: float = 0.0) -> nn.Module:
    """A module off its initial values, the same every time; `gates` is added to vectors and scalars."""
    module = load_program(source, backend="cpu").build(WIDTH, HEADS, seed=3, dtype=torch.float64)
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            if parameter.ndim < 2:
                parameter += gates
    return module.to(dtype)


def output(module: nn.Module, x: Tensor, seed: int = 0, **more: object) -> Tensor:
    """The output of a copy for x (B, L, D), without a graph."""
    torch.manual_seed(seed)
    with torch.no_grad():
        return copy.deepcopy(module)(x, **more)[0]


def differ(a: Tensor, b: Tensor) -> bool:
    """Whether two outputs differ by more than rounding."""
    return not bool(((a - b).abs().max() <= 1e-9 * b.abs().max().clamp_min(1e-30)).all())


def has_fault(mutant: Mutant) -> bool:
    """Whether the planted fault shows in any of the experiments that would show it.

    Raises:
        Exception: whatever the program raises where it does not run at all.
    """
    kind = WRAPPED.get(mutant.kind) or Kind(CAUSAL, FUTURE)
    shown = EXPERIMENTS[kind.shows]
    if kind.shows in ("decoding", "gradient", "reload", "calls", "operations", "seed"):
        return shown(built(mutant.source), kind.length)
    places = [built(mutant.source, gates=gates) for gates in (0.0, 2.0)]
    return any(shown(place.train(mode), kind.length) for place in places for mode in (False, True))


def _inputs(batch: int, length: int, seed: int = 5) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(batch, length, WIDTH, generator=generator, dtype=torch.float64)


def _future(module: nn.Module, length: int) -> bool:
    """Every position at a short length, one at a time; a few at a long one."""
    x, other = _inputs(1, length), _inputs(1, length, seed=6)
    before = output(module, x)
    for t in range(length - 1) if length < 100 else (3, length // 3, length - 9):
        changed = torch.cat([x[:, : t + 1], other[:, t + 1 :]], 1)
        if differ(output(module, changed)[:, : t + 1], before[:, : t + 1]):
            return True
    return False


def _padding(module: nn.Module, length: int) -> bool:
    x = _inputs(1, length)
    for kept in (slice(11, length), slice(0, length - 11)):
        mask = torch.zeros(1, length, dtype=torch.long)
        mask[:, kept] = 1
        changed = torch.where(mask[..., None].bool(), x, _inputs(1, length, seed=6))
        one, two = (output(module, value, attention_mask=mask)[:, kept] for value in (x, changed))
        if differ(one, two) or differ(one, output(module, x[:, kept])):
            return True
    return False


def _neighbours(module: nn.Module, length: int) -> bool:
    x = _inputs(3, length)
    return differ(output(module, x)[:1], output(module, torch.cat([x[:1], _inputs(2, length, seed=6)]))[:1])


def _cut(module: nn.Module, length: int) -> bool:
    x = _inputs(1, length)
    whole = output(module, x)
    return any(differ(output(module, x[:, :cut]), whole[:, :cut]) for cut in range(1, length, 5))


def _calls(module: nn.Module, length: int) -> bool:
    module.eval()
    x = _inputs(1, length)
    with torch.no_grad():
        return differ(module(x)[0], module(x)[0])


def _reload(module: nn.Module, length: int) -> bool:
    used, x = copy.deepcopy(module).train(), _inputs(1, length)
    with torch.no_grad():
        for _ in range(3):
            used(x)
    loaded = copy.deepcopy(module)
    loaded.load_state_dict(used.state_dict())
    return differ(output(loaded.eval(), x), output(used.eval(), x))


def _seed(module: nn.Module, length: int) -> bool:
    x = _inputs(1, length)
    return differ(output(module.eval(), x, 1), output(module.eval(), x, 2))


def _not_finite(module: nn.Module, length: int) -> bool:
    narrow = copy.deepcopy(module).float()
    return not bool(torch.isfinite(output(narrow, _inputs(1, length).float())).all())


def _no_gradient(module: nn.Module, length: int) -> bool:
    module(_inputs(1, length))[0].square().sum().backward()
    found = dict(module.named_parameters())["planted"]
    return found.grad is None or not bool(found.grad.abs().sum() > 0)


def _quadratic(module: nn.Module, length: int) -> bool:
    """Whether the largest tensor that the forward makes grows sixteenfold from a length to its fourfold."""
    sizes = []
    for tokens in (512, 2048):
        with _Largest() as largest, torch.no_grad():  # type: ignore[no-untyped-call]
            module.eval()(_inputs(1, tokens))
        sizes.append(largest.elements)
    return sizes[1] >= 15 * sizes[0]


class _Largest(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Notes the elements of the largest tensor made."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for tensor in out if isinstance(out, list | tuple) else (out,):
            if isinstance(tensor, Tensor):
                self.elements = max(self.elements, tensor.numel())
        return out


def _decoding(module: nn.Module, length: int) -> bool:
    module.eval()
    x, cache = _inputs(1, 23), Cache()
    whole = output(module, x)
    with torch.no_grad():
        module(x[:, :20], past_key_values=cache, use_cache=True)
        return bool(len(cache)) and any(
            differ(module(x[:, t : t + 1], past_key_values=cache, use_cache=True)[0], whole[:, t : t + 1])
            for t in range(20, 23)
        )


EXPERIMENTS: dict[str, Callable[[nn.Module, int], bool]] = {
    FUTURE: _future, PADDING: _padding, NEIGHBOURS: _neighbours, CUT: _cut, "calls": _calls, "reload": _reload,
    "seed": _seed, "finite": _not_finite, "gradient": _no_gradient, "operations": _quadratic, "decoding": _decoding,
}  # fmt: skip


@dataclass(frozen=True)
class Tried:
    """What came of one mutant: the verdict of the checks, and whether the experiments show the fault."""

    program: str
    kind: str
    place: int
    faulty: bool
    found: bool
    rows: tuple[str, ...]


def try_mutant(name: str, mutant: Mutant, failing: frozenset[str], clean: str) -> Tried | None:
    """Run the checks that ought to find it, until one does.

    Args:
        name: of the program.
        mutant: of it.
        failing: rows that the program fails without the fault.
        clean: the program's text.

    Returns:
        None where the fault cannot be told from what the program does anyway: it fails all the rows itself, the
        same experiment shows the fault without it, or the mutant does not run.
    """
    wanted = mutant.rows - failing
    try:
        if not wanted or has_fault(replace(mutant, source=with_parameter(clean))):
            return None
        faulty = has_fault(mutant)
    except Exception:
        return None
    battery = Battery(mutant.source)
    failed: set[str] = set()
    for check in CHECKS:
        if wanted & set(check.rows) and not failed & wanted:
            failed |= {row.check for row in battery.run(check.name) if row.verdict == "fail"}
    return Tried(
        name, mutant.kind, mutant.place, faulty, bool(failed & wanted), tuple(sorted(failed & wanted))
    )


def with_parameter(source: str) -> str:
    """The program with the parameter that experiments on gradients look for, in use; no fault."""
    init = "self.planted = torch.nn.Parameter(torch.ones(3))"
    return wrapped(source, Kind(frozenset(), "", init=init, after="y = y * self.planted.mean()"))
