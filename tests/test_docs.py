"""The documentation says what the code does, and its links lead somewhere."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from functools import reduce
from operator import getitem
from pathlib import Path

import pytest
import yaml

from asi_repro.claims.ledger import read_ledger
from asi_repro.config.params import Params

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def test_the_generated_reference_is_current() -> None:
    run = subprocess.run(
        [sys.executable, "scripts/make_reference.py", "--check"], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr


def links(page: Path) -> list[tuple[Path, str]]:
    """The files and anchors that a page links to; links to other sites are left out."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    found = re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", text)
    return [
        ((page.parent / to).resolve() if to else page, at) for to, at in found if not re.match(r"[a-z]+:", to)
    ]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target, anchor in links(page):
        assert target.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(target), f"{page.name} links to {target.name}#{anchor}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, new = set(), {ROOT / "README.md"}
    while new:
        reached |= new
        new = {to for page in new for to, _ in links(page) if to.suffix == ".md"} - reached
    assert sorted(page.relative_to(ROOT).as_posix() for page in {*PAGES} - reached) == []


def test_every_command_named_in_the_docs_exists() -> None:
    from asi_repro.cli import COMMANDS

    known = {name for panel in COMMANDS.values() for name in panel}
    for page in PAGES:
        for name in re.findall(r"asi-repro ([a-z]+)\b", page.read_text(encoding="utf-8")):
            assert name in known, f"{page.name} names `asi-repro {name}`"


def test_every_option_named_in_the_docs_exists() -> None:
    sections = re.split(r"^### ", (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8"), flags=re.M)
    known = {
        part.split("`")[1].removeprefix("asi-repro "): {*re.findall(r"--[a-z-]+", part)}
        for part in sections[1:]
    }
    checked = 0
    for page in (page for page in PAGES if page.name not in ("cli.md", "CHANGELOG.md")):
        for verb, rest in re.findall(r"asi-repro ([a-z]+)([^`\n#|;&]*)", page.read_text(encoding="utf-8")):
            # These two hand their options to another program.
            if (
                options := {*re.findall(r"(?<= )--[a-z-]+", rest)}
                if verb not in ("harness", "dvc")
                else set()
            ):
                there = set().union(*(found for name, found in known.items() if name.split()[0] == verb))
                assert options <= there, f"{page.name}: asi-repro {verb} has no {options - there}"
                checked += 1
    assert checked > 50


def test_every_setting_named_in_the_docs_exists() -> None:
    params = Params.model_validate(yaml.safe_load((ROOT / "params.yaml").read_text())).model_dump()
    for page in (page for page in PAGES if page.name != "CHANGELOG.md"):
        text = page.read_text(encoding="utf-8")
        for name in re.findall(rf"`((?:{'|'.join(params)})\.[a-z0-9_.]+)`", text):
            if not re.search(r"\.(jsonl?|csv|md|ya?ml|py)$", name):
                reduce(getitem, name.split("."), params)  # a KeyError names what is not there
        for block in re.findall(r"^```yaml\n(.*?)^```", text, flags=re.M | re.S):
            said = yaml.safe_load(block)
            if isinstance(said, dict) and {*said} <= {*params}:
                Params.model_validate({**params, **said})


def test_every_file_named_in_the_docs_exists() -> None:
    named = {
        (page.relative_to(ROOT).as_posix(), name)
        for page in PAGES
        for name in re.findall(
            r"`((?:asi_repro|tests|scripts|benchmarks|deploy|docs)/[\w/.-]+)`",
            page.read_text(encoding="utf-8"),
        )
        if not re.search(r"/[A-Z]{2,}\b", name) and page.name != "CHANGELOG.md"  # NAME, ID: any
    }
    assert len(named) > 100
    assert sorted((page, name) for page, name in named if not (ROOT / name).exists()) == []


def test_the_code_in_the_docs_imports_what_is_there() -> None:
    sys.path.insert(0, str(ROOT / "tests"))  # the model server of the tests
    for page in PAGES:
        for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S):
            for node in ast.walk(ast.parse(block)):
                if isinstance(node, ast.ImportFrom) and node.module and "torch" not in node.module:
                    module = importlib.import_module(node.module)
                    missing = [alias.name for alias in node.names if not hasattr(module, alias.name)]
                    assert missing == [], f"{page.name} imports {missing} from {node.module}"


def test_the_architecture_page_has_the_import_contract() -> None:
    contract = re.search(r"^layers = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), flags=re.M | re.S)
    assert contract
    layers = re.findall(r'"(.+)"', contract.group(1))
    page = (ROOT / "docs" / "explanation" / "architecture.md").read_text(encoding="utf-8")
    assert "\n".join(layers).replace("asi_repro.", "") in page
    packages = {path.parent.name for path in (ROOT / "asi_repro").glob("*/__init__.py")}
    assert sorted(name for name in packages if f"`asi_repro/{name}/`" not in page) == []


def test_the_tutorial_quotes_the_ledger() -> None:
    """Counts to the digit, values within a tenth: they differ in their last digits between kinds of CPU."""
    ledger = read_ledger(ROOT / "artifacts" / "claims.json")
    causal = next(entry for entry in ledger.claims if entry.id == "causal")
    page = (ROOT / "docs" / "tutorial" / "from-clone-to-verdict.md").read_text(encoding="utf-8")
    assert f"causal  {causal.verdict}  {causal.effect}" in page
    (failing,) = [evidence for evidence in causal.evidence if evidence.what == "programs that fail"]
    values = {(row["index"], row["display_name"], row["check"]): row["value"] for row in failing.rows}
    quoted = re.findall(r"^ +(\d+)  (\S+) +(\w+) +([\d.]+) +1e-", page, flags=re.M)
    assert len(quoted) > 3
    for index, name, check, value in quoted:
        assert values[int(index), name, check] == pytest.approx(float(value), rel=0.1)


def test_the_examples_of_the_check_page_run() -> None:
    text = (ROOT / "docs/how-to/check.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    assert len(examples) == 4
    said = []
    for number, example in enumerate(examples):
        code = compile(example, f"<example {number + 1}>", "exec")
        exec(code, {"print": said.append, "__name__": "__main__"})  # our own page
    assert said[1:3] == [["causality_perturbation", "causality_jacobian"]] * 2
