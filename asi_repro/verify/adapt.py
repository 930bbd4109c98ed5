"""One's own class as the mixer that the checks and trainings take: by a few lines added to its file.

The checks build `Mixer(hidden_size, num_heads, layer_idx)` and call it with hidden states (batch, length,
width) and keywords. A class that names its arguments otherwise, needs more of them or returns the output
alone is put into a generated class, whose text is appended: the lines of the file keep their numbers, and
what is checked, trained and kept is one text. Only the text is read here; nothing of it is run.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from asi_repro.errors import DataError
from asi_repro.sandbox.static_check import check_program

# What constructors call the width, the heads and the layer's place.
WIDTHS = (
    "hidden_size", "d_model", "dim", "embed_dim", "n_embd", "n_embed", "hidden_dim", "model_dim", "width",
    "channels", "embedding_dim", "in_features", "features", "d", "size",
)  # fmt: skip
HEADS = ("num_heads", "n_heads", "n_head", "nhead", "heads", "num_attention_heads", "h")
LAYERS = ("layer_idx", "layer_id", "layer_index")
CALLED_WITH = ("attention_mask", "past_key_values", "use_cache", "cu_seqlens")
ADAPTER = "AsiReproMixer"
# The class that the loader takes where a file has several.
PREFERRED = "DeltaNet"


@dataclass(frozen=True)
class Choice:
    """What a person says of a file's mixer.

    Attributes:
        class_name: the class; None finds it.
        arguments: of its constructor, besides width, heads and layer.
        sizes: (width, heads) to probe at; None takes the first of the usual ones at which it runs.
        parameters: that the whole model is stated to have at the paper's larger scale.
    """

    class_name: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    sizes: tuple[int, int] | None = None
    parameters: int | None = None


@dataclass(frozen=True)
class OwnMixer:
    """A file's mixer.

    Attributes:
        text: of the file.
        source: the program to check and train: the text, and what was added to it.
        class_name: of the mixer.
        line: of that class.
    """

    text: str = field(repr=False)
    source: str = field(repr=False)
    class_name: str
    line: int


def own_mixer(text: str, where: str, choice: Choice | None = None) -> OwnMixer:
    """The mixer of a file.

    Args:
        text: of the file.
        where: the file's name, for errors.
        choice: the class and its arguments.

    Raises:
        DataError: where the text does not parse or is refused by the static check, has no such class, or the
            class needs an argument that was not given; names the line.
    """
    choice = choice or Choice()
    if refusals := check_program(text):
        first = refusals[0]
        more = f" (and {len(refusals) - 1} more)" if len(refusals) > 1 else ""
        what = "" if first.rule == "syntax" else "is refused before it runs: "
        raise DataError(
            f"the program {what}{first.reason}{more}",
            where=f"{where}, line {first.line}" if first.line else where,
            hint=None if first.rule == "syntax" else "docs/explanation/sandbox.md says what is allowed",
        )
    classes = _Classes(ast.parse(text), where)
    chosen = classes.main(choice.class_name)
    call = _constructor(classes, chosen, choice.arguments)
    forward = _forward(classes, chosen)
    source = text
    if not (forward.usual and call is None and classes.loaded() is chosen):
        source = _with_adapter(text, chosen.name, call or _USUAL, forward, classes)
        if refusals := check_program(source):
            raise DataError(
                f"the arguments of the class are refused: {refusals[0].reason}", where=where, hint="--set"
            )
    return OwnMixer(text=text, source=source, class_name=chosen.name, line=chosen.lineno)


_USUAL = "hidden_size=hidden_size, num_heads=num_heads, layer_idx=layer_idx"


@dataclass(frozen=True)
class _Forward:
    """A forward: the keywords that it takes, or all; whether it is as the checks want it already."""

    takes: tuple[str, ...]
    anything: bool
    usual: bool


class _Classes:
    """The module classes at the top of a file."""

    def __init__(self, tree: ast.Module, where: str) -> None:
        self.where = where
        self.all = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self.modules = {name: node for name, node in self.all.items() if self._is_module(node, 0)}
        used = {
            inner.id
            for name, node in self.modules.items()
            for inner in ast.walk(node)
            if isinstance(inner, ast.Name) and inner.id != name
        }
        self.roots = [node for name, node in self.modules.items() if name not in used]

    def main(self, class_name: str | None) -> ast.ClassDef:
        """The mixer's class.

        Raises:
            DataError: where there is none, none of that name, or one of several.
        """
        if class_name is not None:
            if class_name not in self.all:
                hint = f"its classes: {', '.join(self.all)}" if self.all else None
                raise DataError(f"the program has no class {class_name!r}", where=self.where, hint=hint)
            return self.all[class_name]
        if not self.modules:
            raise DataError(
                "the program has no nn.Module class", where=self.where, hint="name the class with --class"
            )
        found = self.loaded()
        if found is not None:
            return found
        if len(self.roots) != 1:
            names = ", ".join(
                f"{node.name} (line {node.lineno})" for node in self.roots or self.modules.values()
            )
            raise DataError(
                f"several classes of the program could be the mixer: {names}",
                where=self.where,
                hint="choose one with --class NAME",
            )
        return self.roots[0]

    def loaded(self) -> ast.ClassDef | None:
        """The class that the loader takes as the main one, by the same rule."""
        if PREFERRED in self.modules:
            return self.modules[PREFERRED]
        mixers = [node for node in self.modules.values() if "hidden_states" in self._named(node, "forward")]
        return mixers[-1] if mixers else None

    def method(self, node: ast.ClassDef, name: str, depth: int = 0) -> ast.FunctionDef | None:
        """A method of a class, or of those of its bases that stand in the file."""
        for each in node.body:
            if isinstance(each, ast.FunctionDef) and each.name == name:
                return each
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id in self.all and depth < 20:
                found = self.method(self.all[base.id], name, depth + 1)
                if found is not None:
                    return found
        return None

    def _named(self, node: ast.ClassDef, method: str) -> list[str]:
        found = self.method(node, method)
        return [] if found is None else [argument.arg for argument in _arguments(found)]

    def _is_module(self, node: ast.ClassDef, depth: int) -> bool:
        for base in node.bases:
            if isinstance(base, ast.Attribute) and base.attr == "Module":
                return True
            if isinstance(base, ast.Name):
                if base.id == "Module":
                    return True
                if depth < 20 and base.id in self.all and self._is_module(self.all[base.id], depth + 1):
                    return True
        return False


def _constructor(classes: _Classes, chosen: ast.ClassDef, given: Mapping[str, Any]) -> str | None:
    """The arguments that build the class, as text; None where they are the usual ones.

    Raises:
        DataError: where it needs another argument, or takes no such one.
    """
    method = classes.method(chosen, "__init__")
    where = f"{classes.where}, line {(method or chosen).lineno}"
    if method is None:
        names, needed, anything = [], [], False
    else:
        names = [argument.arg for argument in _arguments(method)][1:]
        needed = list(_needed(method))[1:] if method.args.args else list(_needed(method))
        anything = method.args.kwarg is not None
    parts = {}
    for value, known in (("hidden_size", WIDTHS), ("num_heads", HEADS), ("layer_idx", LAYERS)):
        name = next((each for each in known if each in names), value if anything else None)
        if name is not None and name not in given:
            parts[name] = value
    for name, value in given.items():
        if name not in names and not anything:
            takes = f"it takes {', '.join(names)}" if names else "it takes none"
            raise DataError(
                f"the constructor of {chosen.name} takes no argument {name!r}", where=where, hint=takes
            )
        parts[name] = literal(value)
    if missing := [name for name in needed if name not in parts]:
        raise DataError(
            f"the constructor of {chosen.name} needs {', '.join(missing)}",
            where=where,
            hint=" ".join(f"--set {name}=VALUE" for name in missing),
        )
    text = ", ".join(f"{name}={value}" for name, value in parts.items())
    return None if text == _USUAL else text


def _forward(classes: _Classes, chosen: ast.ClassDef) -> _Forward:
    """What the class's forward takes.

    Raises:
        DataError: where it has none, or needs more than the input.
    """
    method = classes.method(chosen, "forward")
    where = f"{classes.where}, line {(method or chosen).lineno}"
    if method is None:
        raise DataError(f"{chosen.name} has no forward", where=where, hint="choose another with --class NAME")
    names = [argument.arg for argument in _arguments(method)][1:]
    needed = list(_needed(method))[1:]
    if not names:
        raise DataError(f"the forward of {chosen.name} takes no input", where=where)
    if more := [name for name in needed if name != names[0]]:
        raise DataError(
            f"the forward of {chosen.name} needs {', '.join(more)} besides its input {names[0]}",
            where=where,
            hint="give them a default, or check a class that calls it: the input is (batch, length, width)",
        )
    anything = method.args.kwarg is not None
    returned = list(_returned(method))
    usual = (
        anything
        and names[0] == "hidden_states"
        and bool(returned)
        and all(isinstance(value, ast.Tuple) and len(value.elts) == 3 for value in returned)
    )
    return _Forward(tuple(name for name in CALLED_WITH if name in names), anything, usual)


def _with_adapter(text: str, name: str, call: str, forward: _Forward, classes: _Classes) -> str:
    """The text and a class that has the interface of the checks."""
    # Where the loader would take another class, the adapter has to bear the name that it prefers.
    adapter = PREFERRED if PREFERRED in classes.modules else ADAPTER
    passed = "".join(f", {each}={each}" for each in forward.takes)
    more = ", **kwargs" if forward.anything else ""
    masked = forward.anything or "attention_mask" in forward.takes
    named = forward.takes if masked else (*forward.takes, "attention_mask")
    taken = "".join(f", {each}=None" for each in named)
    lines = [
        f"# Not of the file: {name} with the interface of the checks and of training.",
        "from torch.nn import Module as AsiReproModule",
        "",
        "",
        f"class {adapter}(AsiReproModule):",
        "    def __init__(self, hidden_size, num_heads=4, layer_idx=0, **kwargs):",
        "        super().__init__()",
        f"        self.mixer = {name}({call})",
        "",
        f"    def forward(self, hidden_states{taken}, **kwargs):",
    ]
    if not masked:
        lines += [
            "        if attention_mask is not None:",
            '            raise NotImplementedError("the forward takes no attention_mask")',
        ]
    lines += [
        f"        found = self.mixer(hidden_states{passed}{more})",
        "        if not isinstance(found, tuple):",
        "            return found, None, None",
        "        return (*found, None, None)[:3]",
    ]
    return text.rstrip("\n") + "\n\n\n" + "\n".join(lines) + "\n"


def literal(value: Any) -> str:
    """A value as Python text.

    Raises:
        DataError: for what is no literal.
    """
    try:
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError
        text = repr(value)
        ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        raise DataError(f"{value!r} is no literal", hint="numbers, strings, lists and the like") from None
    return text


def _arguments(method: ast.FunctionDef) -> list[ast.arg]:
    return [*method.args.posonlyargs, *method.args.args, *method.args.kwonlyargs]


def _needed(method: ast.FunctionDef) -> Iterator[str]:
    """The arguments without a default, the first (self) included."""
    positional = [*method.args.posonlyargs, *method.args.args]
    yield from (each.arg for each in positional[: len(positional) - len(method.args.defaults)])
    for each, default in zip(method.args.kwonlyargs, method.args.kw_defaults, strict=True):
        if default is None:
            yield each.arg


def _returned(method: ast.FunctionDef) -> Iterator[ast.expr | None]:
    """What a method returns; functions inside it are not looked into."""
    waiting: list[ast.AST] = list(method.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Return):
            yield node.value
        waiting += ast.iter_child_nodes(node)
