"""The files of this package that a result depends on, derived from the imports, and one hash over them.

Coarse and right beats fine and wrong. A module depends on

- every module it imports, also inside functions and for type checkers only (an object handed over runs
  the code of its type), and the packages around it, whose `__init__` runs first;
- every module that a string names, whole (`"asi_repro.verify.tasks"`, `"asi_repro.tui.app:App"`) or up to a
  placeholder (`f"asi_repro.verify.checks.{name}"` stands for all of that package), and every target of
  `!function` in a YAML file: so are modules named that are chosen at run time;
- every file in its folder that is no module (settings, prompts, templates, programs read as text).

The table of commands is left out: it names every command, and the one that runs is where a closure starts.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from asi_repro.errors import DataError
from asi_repro.store.files import sha256_bytes, sha256_file
from asi_repro.store.json_text import dump_json

NAME = "asi_repro"
_PACKAGE = Path(__file__).resolve().parent.parent
_COMMANDS = f"{NAME}.cli"
_NAMED = re.compile(rf"({NAME}(?:\.[A-Za-z_]\w*)+)(?::[A-Za-z_]\w*)?")
_FUNCTION = re.compile(rf"!function\s+({NAME}(?:\.\w+)+)\.\w+")
_LAYOUT = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.ENDMARKER})
_STARTS = frozenset({tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING})
# Modules whose distribution is called otherwise.
_DISTRIBUTIONS = {"fla": "flash-linear-attention", "git": "gitpython", "yaml": "pyyaml"}
# A null byte is a ValueError, deep nesting one of the last two, by Python's version.
_UNPARSABLE = (SyntaxError, ValueError, tokenize.TokenError, RecursionError, MemoryError)
Made = TypeVar("Made")


class PackageCode:
    """The code of a copy of this package. What is read from a file is kept until the file changes.

    Args:
        folder: the folder of the package, `asi_repro`; the one that runs by default.
    """

    def __init__(self, folder: Path = _PACKAGE) -> None:
        self._folder = folder
        self._modules = dict(self._find_modules(folder, NAME))
        self._read: dict[tuple[str, Path], tuple[int, object]] = {}

    def __iter__(self) -> Iterator[str]:
        """Every module, by dotted name."""
        return iter(self._modules)

    def modules(self, *roots: str, without: Collection[str] = ()) -> set[str]:
        """The modules that these depend on, themselves included, by dotted name.

        Args:
            roots: names of modules; a package stands for everything in it.
            without: modules that are not gone into.

        Raises:
            KeyError: for a name that is no module.
        """
        seen: set[str] = set()
        waiting = [name for root in roots for name in self._whole(root)]
        while waiting:
            name = waiting.pop()
            if name not in seen and name not in without:
                seen.add(name)
                waiting += self._depends_on(name)
        return seen

    def imports(self, name: str) -> set[str]:
        """The modules of this package that a module imports anywhere."""
        return {each for each in self._imports(name) if each in self._modules}

    def files(self, modules: Iterable[str]) -> list[str]:
        """The files of modules and the data files beside them: sorted paths within the package."""
        files = {file for name in modules for file in (self._modules[name], *self._data(name))}
        return sorted(file.relative_to(self._folder).as_posix() for file in files)

    def sha256(self, modules: Iterable[str]) -> str:
        """One SHA-256 over `files`: over tokens without comments and docstrings, of data files over bytes."""
        listed = {path: self._file_sha256(self._folder / path) for path in self.files(modules)}
        return sha256_bytes(dump_json(listed).encode())

    def libraries(self, modules: Iterable[str]) -> list[str]:
        """The distributions of other people that modules import anywhere, sorted."""
        tops = {name.partition(".")[0] for module in modules for name in self._imports(module)}
        found = tops - sys.stdlib_module_names - {NAME, ""}
        return sorted(_DISTRIBUTIONS.get(name, name.replace("_", "-")) for name in found)

    def _file_sha256(self, file: Path) -> str:
        def read() -> str:
            return tokens_sha256(file.read_bytes()) if file.suffix == ".py" else sha256_file(file)

        return self._kept("sha256", file, read)

    def _kept(self, what: str, file: Path, read: Callable[[], Made]) -> Made:
        stamp = file.stat().st_mtime_ns
        known = self._read.get((what, file))
        if known is None or known[0] != stamp:
            try:
                known = self._read[what, file] = (stamp, read())
            except _UNPARSABLE as error:
                raise DataError(
                    f"this file of the package cannot be parsed: {error}",
                    where=str(file),
                    hint="mend it, or install the package again",
                ) from error
        return known[1]  # type: ignore[return-value]

    def _find_modules(self, folder: Path, name: str) -> Iterator[tuple[str, Path]]:
        """Modules by dotted name. A folder without `__init__` holds programs that are read as text."""
        yield name, folder / "__init__.py"
        for path in folder.iterdir():
            if path.suffix == ".py" and path.stem != "__init__":
                yield f"{name}.{path.stem}", path
            elif (path / "__init__.py").is_file():
                yield from self._find_modules(path, f"{name}.{path.name}")

    def _whole(self, name: str) -> list[str]:
        """A module, or a package with everything below it."""
        if name not in self._modules:
            raise KeyError(name)
        return [each for each in self._modules if each == name or each.startswith(f"{name}.")]

    def _depends_on(self, name: str) -> set[str]:
        """What a module needs: the packages around it, its imports, what its strings and YAML files name."""
        found = {*_parents(name), *self.imports(name)}
        texts = [] if name == _COMMANDS else self._references(name)[1]
        for file in self._data(name):
            if file.suffix in (".yaml", ".yml"):
                texts = texts + self._kept("functions", file, partial(_functions, file))
        return found.union(*map(self._named, texts))

    def _imports(self, name: str) -> list[str]:
        """Everything that a module imports, by absolute names; `a.b` of `from a import b` if a module."""
        return self._references(name)[0]

    def _references(self, name: str) -> tuple[list[str], list[str]]:
        """What a module imports, and its strings that name this package."""
        file = self._modules[name]
        package = name if file.name == "__init__.py" else name.rpartition(".")[0]

        def read() -> tuple[list[str], list[str]]:
            nodes = list(ast.walk(ast.parse(file.read_bytes())))
            return list(_imports(nodes, package, self._modules)), list(_strings(nodes))

        return self._kept("references", file, read)

    def _named(self, text: str) -> list[str]:
        """What a string names: a module, of a package all of it; nothing where it names none."""
        match = _NAMED.fullmatch(text.removesuffix("."))
        name = match[1] if match else ""
        return self._whole(name) if name in self._modules and name != _COMMANDS else []

    @cache  # noqa: B019 - one instance a process; tests make a few
    def _data(self, name: str) -> tuple[Path, ...]:
        """The files beside a module that are none: also those in folders below that are no packages."""
        folder, found = self._modules[name].parent, []
        waiting = [folder]
        while waiting:
            for path in waiting.pop().iterdir():
                if path.is_dir():
                    if path.name != "__pycache__" and not (path / "__init__.py").is_file():
                        waiting.append(path)
                elif path.suffix not in (".pyc", ".py") or path.parent != folder:
                    found.append(path)
        return tuple(found)


def _functions(file: Path) -> list[str]:
    return _FUNCTION.findall(file.read_text(encoding="utf-8"))


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _imports(nodes: Iterable[ast.AST], package: str, modules: Collection[str]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                steps = package.split(".")
                base = ".".join([*steps[: len(steps) - node.level + 1], *([base] if base else [])])
            names = (f"{base}.{alias.name}" for alias in node.names)
            yield from (name if name in modules else base for name in names)


def _strings(nodes: Iterable[ast.AST]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.JoinedStr) and node.values:
            node = node.values[0]
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME in node.value:
            yield node.value


def tokens_sha256(source: bytes) -> str:
    """SHA-256 over the tokens of Python source, without comments, and strings that stand by themselves."""
    kept: list[str] = []
    before = tokenize.ENCODING
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        alone = token.type == tokenize.STRING and before in _STARTS
        if token.type not in _LAYOUT and not alone:
            # Indentation is by its depth, not its width.
            layout = token.type in (tokenize.INDENT, tokenize.DEDENT)
            kept.append(tokenize.tok_name[token.type] if layout else token.string)
        elif token.type == tokenize.NEWLINE:
            kept.append("\n")
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            before = token.type
    return sha256_bytes("\0".join(kept).encode())


@cache
def installed_code() -> PackageCode:
    """The code that runs."""
    return PackageCode()


@cache
def code_sha256(*roots: str) -> str:
    """The hash over everything that these modules of the running package depend on; see `PackageCode`."""
    code = installed_code()
    return code.sha256(code.modules(*roots))


@cache
def library_versions(*roots: str, also: tuple[str, ...] = ()) -> dict[str, str]:
    """Versions of the installed libraries that these modules import, by distribution.

    Args:
        also: distributions that they use without an import of their own.
    """
    code, found = installed_code(), {}
    for name in sorted({*code.libraries(code.modules(*roots)), *also}):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
