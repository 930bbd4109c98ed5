"""What a program's syntax tree says: reshaping, compile decorators, components used. No torch here.

Only code counts: comments, docstrings and other text are not looked at, and neither is whether a line
is ever reached.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

RESHAPES = ("view", "reshape")
EINOPS = ("rearrange", "reduce", "repeat", "einsum", "pack", "unpack")
# Other ways to change a tensor's shape that einops could have written.
OTHER_RESHAPES = ("flatten", "unflatten", "transpose", "permute", "squeeze", "unsqueeze", "expand", "view_as")


@dataclass(frozen=True)
class Component:
    """How a component is recognised.

    Attributes:
        name: what the paper's field calls it.
        words: words of identifiers (snake_case or CamelCase parts) that name it; "a_b" is two in a row.
        calls: last names of calls that are it.
    """

    name: str
    words: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


# Figure 7 of the paper counts components in designs; it does not say how they were recognised.
COMPONENTS: tuple[Component, ...] = (
    Component("gating", words=("gate", "gates", "gated", "gating", "gater", "router", "routing")),
    Component("softmax routing", calls=("softmax", "log_softmax")),
    Component("sigmoid gate", calls=("sigmoid",)),
    Component("short convolution", calls=("ShortConvolution",)),
    Component("convolution", calls=("conv1d", "Conv1d", "conv2d", "Conv2d", "ShortConvolution")),
    Component("FIR filter", words=("fir",)),
    Component("delta rule", words=("delta_rule", "deltarule")),
    Component("decay", words=("decay", "forget", "retention")),
    Component("exponential moving average", words=("ema",)),
    Component("FFT", calls=("rfft", "irfft", "fft", "ifft", "fft2", "rfft2")),
    Component("multi-scale", words=("multi_scale", "multiscale", "scales", "kernel_sizes", "ms")),
    Component("temperature", words=("temp", "temperature", "tau", "log_tau", "log_temp")),
    Component("probability floor", words=("floor", "min_prob", "eps_floor", "epsilon_floor")),
    Component("entropy regularisation", words=("entropy", "ent", "kl")),
    Component("statistics features", words=("stat", "stats", "statistics")),
    Component("residual path", words=("residual", "res", "skip", "identity")),
    Component("schedule by step", words=("step", "anneal", "schedule", "warmup", "annealed")),
    Component("dropout", calls=("Dropout", "dropout", "dropout1d", "Dropout1d")),
    Component(
        "attention by softmax of products", calls=("scaled_dot_product_attention", "MultiheadAttention")
    ),
    Component("sparse selection", calls=("topk", "kthvalue", "sparsemax", "entmax")),
    Component("normalisation", calls=("RMSNorm", "FusedRMSNormGated", "LayerNorm", "GroupNorm")),
    Component(
        "convolution along heads or channels", words=("cross_head", "head_mix", "head_mixing", "talking")
    ),
    Component("checkpointing", calls=("checkpoint",)),
)


@dataclass(frozen=True)
class StaticFacts:
    """What was found in one program.

    Attributes:
        view: calls of `view`; reshape: calls of `reshape`; each as a method or of torch.
        reshape_lines: the lines of both.
        einops: calls of einops functions by name.
        other_reshapes: calls of other shape-changing methods by name.
        compile_decorators: functions decorated with torch.compile.
        components: names of `COMPONENTS` that were recognised, with how often.
        lines: lines of source; classes, functions: definitions.
    """

    view: int
    reshape: int
    reshape_lines: tuple[int, ...]
    einops: dict[str, int]
    other_reshapes: dict[str, int]
    compile_decorators: int
    components: dict[str, int]
    lines: int
    classes: int
    functions: int


def static_facts(source: str) -> StaticFacts:
    """Read a program's facts off its syntax tree.

    Raises:
        SyntaxError: where it does not parse.
    """
    tree = ast.parse(source)
    calls = [
        (name, node) for node in ast.walk(tree) if isinstance(node, ast.Call) and (name := _called(node))
    ]
    counted = Counter(name for name, _ in calls)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    return StaticFacts(
        view=counted["view"],
        reshape=counted["reshape"],
        reshape_lines=tuple(sorted(node.lineno for name, node in calls if name in RESHAPES)),
        einops={name: counted[name] for name in EINOPS if counted[name]},
        other_reshapes={name: counted[name] for name in OTHER_RESHAPES if counted[name]},
        compile_decorators=sum(_compiled(function) for function in functions),
        components=components(tree, counted),
        lines=len(source.splitlines()),
        classes=sum(isinstance(node, ast.ClassDef) for node in ast.walk(tree)),
        functions=len(functions),
    )


def components(tree: ast.AST, called: Counter[str]) -> dict[str, int]:
    """Names of `COMPONENTS` that `tree` uses, with the number of identifiers and calls that say so."""
    names = Counter(identifiers(tree))
    words = {name: f"_{'_'.join(split_identifier(name))}_" for name in names}
    found: dict[str, int] = {}
    for component in COMPONENTS:
        hits = sum(called[call] for call in component.calls)
        for name, count in names.items():
            if any(f"_{word}_" in words[name] for word in component.words):
                hits += count
        if hits:
            found[component.name] = hits
    return found


def identifiers(tree: ast.AST) -> Iterator[str]:
    """Every name that code defines or uses: definitions, arguments, attributes, variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.arg):
            yield node.arg


def split_identifier(name: str) -> list[str]:
    """snake_case and CamelCase parts in lower case: `DepthwiseFIRConv1d` is depthwise, fir, conv1d."""
    parts = re.findall(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z0-9]+", name)
    return [part.lower() for part in parts]


def _called(node: ast.Call) -> str | None:
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else None


def _compiled(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    for decorator in function.decorator_list:
        node = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(node, ast.Attribute) and node.attr == "compile":
            return True
        if isinstance(decorator, ast.Call) and any(
            isinstance(arg, ast.Attribute) and arg.attr == "compile" for arg in decorator.args
        ):
            return True  # functools.partial(torch.compile, ...)
    return False
