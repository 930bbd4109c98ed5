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


def test_an_import_stands_in_a_function_only_where_it_spares_a_heavy_library():
    at_top: dict[str, list[str]] = defaultdict(list)
    inside: list[tuple[str, int, str]] = []
    for name in sorted(CODE):
        for statement, module, in_function in imports(name):
            if in_function:
                inside.append((name, statement.lineno, module))
            else:
                at_top[name].append(module)
    heavy = {name: heavy_at_start(name, at_top) for name in CODE}
    needless = []
    for name, line, module in inside:
        spared = heavy[module] - heavy[name] if module in CODE else {module.partition(".")[0]} & HEAVY
        if not spared:
            needless.append(f"{name}:{line} imports {module}, which can stand at the top")
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
