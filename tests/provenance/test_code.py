"""The hash of code in the keys of results, and what it is taken over."""

from __future__ import annotations

import graphlib
import re
import shutil
from pathlib import Path

import pytest

from asi_repro.errors import DataError
from asi_repro.provenance.code import PackageCode, code_sha256, tokens_sha256
from asi_repro.verify import keys
from asi_repro.verify.catalogue import BY_NAME
from scripts.make_stages import ROOT

CODE = b'''"""Says what it is."""

def double(x):
    """Twice."""
    return 2 * x  # fast
'''
PACKAGE = ROOT / "asi_repro"
# What makes a result that is kept under a key, and what it must depend on though nothing imports it by name:
# tasks of the sandbox, targets of `!function`, and the types of what is handed over.
MAKERS = {
    "asi_repro.train.run": ["train/loop.py", "train/sharded.py", "config/train.py", "models/program.py"],
    "asi_repro.evaluate.trained": [
        "evaluate/hooks.py",
        "evaluate/tasks/hellaswag.yaml",
        "models/lm/model.py",
    ],
    "asi_repro.verify.examiner": [
        "verify/operation_counts.py",
        "verify/checks/causality.py",
        "sandbox/allowlist.yaml",
    ],
    "asi_repro.discover": ["train/loop.py", "evaluate/hooks.py", "discover/operators/blocks/main.py"],
}
NAMED_BY_THEIR_FILE = {
    "asi_repro.train.run": ["blocks.py"],
    "asi_repro.evaluate.trained": ["tokenizer.py", "blocks.py"],
}


@pytest.mark.parametrize(
    "same",
    [
        CODE.replace(b"Twice.", b"Two times."),
        CODE.replace(b"  # fast", b""),
        CODE.replace(b"    ", b"  "),
        CODE + b"\n\n# the end\n",
        CODE.replace(b"return", b"# why\n    return"),
    ],
)
def test_words_and_layout_do_not_count(same):
    assert tokens_sha256(same) == tokens_sha256(CODE)


@pytest.mark.parametrize(
    "other",
    [
        CODE.replace(b"2 * x", b"2 + x"),
        CODE.replace(b"2 * x", b'"a" * x'),
        CODE.replace(b"    return 2 * x", b"    pass\nreturn_ = 2"),
        CODE.replace(b"double", b"twice"),
    ],
)
def test_every_change_of_code_counts(other):
    assert tokens_sha256(other) != tokens_sha256(CODE)


def test_strings_that_are_values_count():
    assert tokens_sha256(b'x = "a"\n') != tokens_sha256(b'x = "b"\n')
    assert tokens_sha256(b'f(\n    "a",\n)\n') != tokens_sha256(b'f(\n    "b",\n)\n')


@pytest.mark.parametrize("maker", MAKERS)
def test_what_no_import_statement_names_is_found(maker):
    code = PackageCode()
    files = code.files(code.modules(maker))
    assert set(MAKERS[maker]) <= set(files)
    for name in NAMED_BY_THEIR_FILE.get(maker, []):
        assert any(file.endswith(f"/{name}") for file in files), name


def small_package(folder: Path) -> PackageCode:
    texts = {
        "asi_repro/__init__.py": "",
        "asi_repro/cli/__init__.py": 'TABLE = "asi_repro.c.alone:f"\n',
        "asi_repro/a/__init__.py": "from .second import x\n",
        "asi_repro/a/first.py": "def f():\n    from asi_repro.b import lazy\n",
        "asi_repro/a/second.py": "x = 1\n",
        "asi_repro/b/__init__.py": "",
        "asi_repro/b/lazy.py": 'import torch\nTASKS = "asi_repro.c.tasks"\n',
        "asi_repro/c/__init__.py": "",
        "asi_repro/c/alone.py": "y = 1\n",
        "asi_repro/c/tasks.py": 'import yaml\ndef g(n):\n    return h(f"asi_repro.d.{n}")\n',
        "asi_repro/d/__init__.py": "",
        "asi_repro/d/one.py": "from __future__ import annotations\nz = 1\n",
        "asi_repro/d/task.yaml": "docs: !function asi_repro.e.clean\n",
        "asi_repro/d/prompts/text.md": "words\n",
        "asi_repro/e.py": "import asi_repro.f\n",
        "asi_repro/f.py": "if TYPE_CHECKING:\n    from asi_repro.g import T\n",
        "asi_repro/g.py": "class T: pass\n",
    }
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return PackageCode(folder / "asi_repro")


def test_every_way_to_reach_a_module_is_followed(tmp_path):
    code = small_package(tmp_path)
    modules = code.modules("asi_repro.a.first")
    assert set(code) - modules == {"asi_repro.cli", "asi_repro.c.alone"}
    assert {"d/task.yaml", "d/prompts/text.md"} <= set(code.files(modules))
    assert code.libraries(modules) == ["pyyaml", "torch"]
    assert code.modules("asi_repro.a.second") == {"asi_repro", "asi_repro.a", "asi_repro.a.second"}
    without = code.modules("asi_repro.a.first", without={"asi_repro.c.tasks"})
    assert "asi_repro.d.one" not in without
    # The table of commands names every command, and nothing depends on what it only names.
    assert "asi_repro.c.alone" not in code.modules("asi_repro.cli")
    with pytest.raises(KeyError):
        code.modules("asi_repro.no")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("d/one.py", b"def ("),
        ("d/one.py", b"x = '\xff'"),
        ("d/one.py", b"# \x00\n"),
        ("d/one.py", b"(" * 10_000 + b")" * 10_000),
        ("d/one.py", b"x = (\n"),
        ("d/task.yaml", b"\xff"),
    ],
)
def test_a_file_of_the_package_that_cannot_be_parsed_is_named(tmp_path, file, content):
    code = small_package(tmp_path)
    broken = tmp_path / "asi_repro" / file
    broken.write_bytes(content)
    with pytest.raises(DataError, match="cannot be parsed") as error:
        code.modules("asi_repro.a.first")
    assert str(broken) in (error.value.where or "")


def test_a_file_that_breaks_after_its_imports_were_read_is_named_too(tmp_path):
    code = small_package(tmp_path)
    modules = code.modules("asi_repro.a.first")
    (tmp_path / "asi_repro/d/one.py").write_bytes(b"x = (\n")
    with pytest.raises(DataError, match="cannot be parsed"):
        code.sha256(modules)


@pytest.fixture(scope="module")
def copied(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("copy") / "asi_repro"
    shutil.copytree(PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize("step", [29, pytest.param(1, marks=pytest.mark.slow)])
def test_results_go_stale_with_everything_in_their_closure_and_nothing_else(copied, step):
    """Modules of the package in turn: a constant more in one changes exactly the keys that depend on it."""
    code = PackageCode(copied)
    roots = {
        *MAKERS,
        *(f"asi_repro.cli.{verb}" for verb in ("archive", "history", "corpus", "claims", "report")),
    }
    closures = {root: code.modules(root) for root in roots}
    before = {root: code.sha256(modules) for root, modules in closures.items()}
    for module in list(code)[::step]:
        file = copied.parent / (module.replace(".", "/") + ".py")
        file = file if file.is_file() else file.with_suffix("") / "__init__.py"
        text = file.read_bytes()
        file.write_bytes(text + b"\nCHANGED = 1\n")
        inside = [root for root in roots if module in closures[root]]
        outside = [root for root in roots if module not in closures[root]]
        for root in inside:
            assert code.sha256(closures[root]) != before[root], (module, root)
        for root in outside:
            assert code.sha256(closures[root]) == before[root], (module, root)
        file.write_bytes(text)


@pytest.mark.parametrize(
    ("edited", "stale", "fresh"),
    [
        ("evaluate/hooks.py", "asi_repro.evaluate.trained", "asi_repro.train.run"),
        ("evaluate/tasks/piqa.yaml", "asi_repro.evaluate.trained", "asi_repro.train.run"),
        ("config/train.py", "asi_repro.train.run", "asi_repro.verify.examiner"),
        ("train/loop.py", "asi_repro.train.run", "asi_repro.verify.examiner"),
        ("verify/checks/batch.py", "asi_repro.verify.examiner", "asi_repro.train.run"),
    ],
)
def test_an_edit_makes_the_right_results_stale(copied, edited, stale, fresh):
    code, file = PackageCode(copied), copied / edited
    before = {root: code.sha256(code.modules(root)) for root in (stale, fresh)}
    text = file.read_text()
    file.write_text(re.sub(r"\d", lambda match: str((int(match[0]) + 1) % 10), text, count=1) + "\n")
    try:
        if file.suffix == ".py":
            file.write_text(text + "\nCHANGED = 1\n")
        assert code.sha256(code.modules(stale)) != before[stale]
        assert code.sha256(code.modules(fresh)) == before[fresh]
    finally:
        file.write_text(text)


def test_one_check_alone_goes_stale_with_its_file(copied, monkeypatch):
    code = PackageCode(copied)
    monkeypatch.setattr(keys, "installed_code", lambda: code)
    hashed = keys.code_hash.__wrapped__
    before = {name: hashed(check) for name, check in BY_NAME.items()}
    for file, stale in [("verify/checks/masking.py", {"masking"}), ("verify/results.py", set(BY_NAME))]:
        text = (copied / file).read_text()
        (copied / file).write_text(text + "\nCHANGED = 1\n")
        assert {name for name, check in BY_NAME.items() if hashed(check) != before[name]} == stale
        (copied / file).write_text(text)


def test_the_running_code_has_a_hash():
    assert code_sha256("asi_repro.train.run") == code_sha256("asi_repro.train.run")
    assert code_sha256("asi_repro.train.run") != code_sha256("asi_repro.evaluate.trained")


def test_no_module_imports_itself_by_a_detour():
    """Imports in functions and for type checkers are counted."""
    code = PackageCode()
    graph = {module: code.imports(module) - {module} for module in code}
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
