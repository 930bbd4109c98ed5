"""The rules of the house: where things are, what may be imported where, how long a module may be."""

from __future__ import annotations

import ast
import keyword
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from asi_repro.cli import COMMANDS
from asi_repro.provenance.code import PackageCode

ROOT = Path(__file__).resolve().parent.parent
MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in (ROOT / "asi_repro").rglob("*.py")
}
CODE = set(PackageCode())
# Libraries that take so long to import that a command which does not need them should not wait for them.
HEAVY = {
    *(
        "accelerate",
        "aiohttp",
        "anthropic",
        "click",
        "datasets",
        "dvc",
        "einops",
        "fla",
        "git",
        "google",
        "httpx2",
    ),
    *(
        "jinja2",
        "jsonschema",
        "lm_eval",
        "matplotlib",
        "numpy",
        "opentelemetry",
        "pandas",
        "pathspec",
        "pyarrow",
    ),
    *(
        "pydantic",
        "ray",
        "resvg_py",
        "rich",
        "safetensors",
        "scipy",
        "textual",
        "textual_image",
        "textual_serve",
    ),
    *("tokenizers", "torch", "transformers", "typer", "yaml"),
}
# Their text is part of the keys of trainings and scores, and the terminal interface loads while it is shown.
LEFT_AS_THEY_ARE = ("asi_repro.train.", "asi_repro.data.", "asi_repro.evaluate.", "asi_repro.tui.")
LONGEST = 450


def imports(name: str) -> Iterator[tuple[ast.stmt, str, bool]]:
    """Each import that runs: its statement, the module, whether it stands in a function."""

    def below(node: ast.AST, inside: bool) -> Iterator[tuple[ast.stmt, str, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
                continue
            if isinstance(child, ast.Import):
                yield from ((child, alias.name, inside) for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                for alias in child.names:
                    full = f"{child.module}.{alias.name}"
                    yield child, full if full in CODE else str(child.module), inside
            deeper = inside or isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from below(child, deeper)

    yield from below(ast.parse(MODULES[name].read_text(encoding="utf-8")), False)


def heavy_at_start(name: str, known: dict[str, list[str]]) -> set[str]:
    """The heavy libraries that importing a module imports."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        waiting += known.get(module, [])
        if module in CODE and "." in module:
            waiting.append(module.rpartition(".")[0])
    return {module.partition(".")[0] for module in seen} & HEAVY


def all_imports() -> tuple[dict[str, list[str]], list[tuple[str, int, str]]]:
    """What each module imports at its top, and the imports in functions: module, line, what."""
    at_top: dict[str, list[str]] = defaultdict(list)
    inside: list[tuple[str, int, str]] = []
    for name in sorted(CODE):
        for statement, module, in_function in imports(name):
            if in_function:
                inside.append((name, statement.lineno, module))
            else:
                at_top[name].append(module)
    return at_top, inside


def loaders(name: str, importers: dict[str, set[str]]) -> set[str]:
    """A module and every module whose import imports it."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        if (module := waiting.pop()) not in seen:
            seen.add(module)
            waiting += importers[module]
    return seen


def test_an_import_stands_in_a_function_only_where_it_spares_a_heavy_library():
    at_top, inside = all_imports()
    heavy = {name: heavy_at_start(name, at_top) for name in CODE}
    importers: dict[str, set[str]] = defaultdict(set)
    for name, modules in at_top.items():
        for module in modules:
            importers[module].add(name)
            importers[module.rpartition(".")[0]].add(name)
    late = {module for _, _, module in inside}
    needless = []
    for name, line, module in inside:
        library = heavy[module] if module in CODE else {module.partition(".")[0]} & HEAVY
        if not library or (module in CODE and not library - heavy[name]):
            needless.append(f"{name}:{line} imports {module}, which can stand at the top")
        # Where a process starts, or goes on with a module that was not there before.
        starts = {one for one in loaders(name, importers) if not importers[one] or one in late}
        starts |= {one for one in loaders(name, importers) if one.startswith("asi_repro.cli.")}
        there = not any(library - heavy[one] for one in starts)
        if there and library - heavy[name] and not name.startswith(LEFT_AS_THEY_ARE):
            needless.append(f"{name}:{line} imports {module}, which is there whenever {name} is loaded")
    assert not needless, "\n".join(needless)


def test_a_verb_s_file_bears_the_verb_s_name():
    for panel in COMMANDS.values():
        for verb, command in panel.items():
            module = f"{verb}_" if keyword.iskeyword(verb) else verb
            assert command.target.partition(":")[0] == f"asi_repro.cli.{module}"


def test_no_module_is_too_long_to_hold_in_mind():
    lengths = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


def test_json_has_one_alias_and_test_helpers_live_with_the_tests():
    texts = {name: path.read_text(encoding="utf-8") for name, path in MODULES.items()}
    assert sum(bool(re.search(r"^JsonDict\b.*=", text, re.M)) for text in texts.values()) == 1
    helpers = [name for name in MODULES if re.search(r"synthetic|testing|fake", name)]
    assert helpers == []
