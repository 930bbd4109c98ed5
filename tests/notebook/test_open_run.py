"""The public interface for notebooks: its names are frozen, and the guide's examples run."""

from __future__ import annotations

import inspect
import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "imports"))
sys.path.insert(0, str(ROOT / "tests" / "tui"))

from import_places import DATA, imported, make_project, write_neutral  # noqa: E402
from made_up import make_certificates, make_ledger  # noqa: E402
from synthetic_release import write_synthetic_release  # noqa: E402

from asi_repro import notebook  # noqa: E402
from asi_repro.archive.reader import Archive  # noqa: E402
from asi_repro.archive.release import read_release  # noqa: E402
from asi_repro.archive.tables import write_archive  # noqa: E402
from asi_repro.errors import MissingInput, NotFound  # noqa: E402
from asi_repro.notebook import Listing, OpenRun, open_run  # noqa: E402

GUIDE = ROOT / "docs" / "how-to" / "notebook.md"
NOTEBOOK = GUIDE.with_suffix(".ipynb")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a made-up release, its certificates and claims, and an imported run."""
    root = make_project(tmp_path_factory.mktemp("project"))
    write_synthetic_release(root / "release", 60)
    write_archive(read_release(root / "release"), root / "artifacts" / "archive")
    make_certificates(Archive(root / "artifacts" / "archive"), root / "artifacts" / "certificates")
    make_ledger(Archive(root / "artifacts" / "archive"), root / "artifacts" / "claims.json")
    imported(DATA / "openevolve", root / "artifacts" / "runs" / "oe")
    return root


@pytest.fixture(autouse=True)
def inside(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASI_REPRO_HOME", str(project))


def test_the_interface_is_frozen() -> None:
    assert notebook.__all__ == ["Listing", "OpenRun", "open_run"]
    assert str(inspect.signature(open_run)) == "(run: 'str | Path' = 'release') -> 'OpenRun'"
    public = {name: member for name, member in vars(OpenRun).items() if not name.startswith("_")}
    assert sorted(public) == [
        *("benchmarks", "certificates", "claims", "curves", "experiments", "frame", "lineage", "objective"),
        *("program", "programs", "traces"),
    ]
    assert str(inspect.signature(OpenRun.frame)) == "(self, name: 'str') -> 'pandas.DataFrame'"
    assert str(inspect.signature(OpenRun.program)) == "(self, index: 'int') -> 'Program'"


COLUMNS = {
    "experiments": "index name display_name parent depth children score in_gallery has_program native_id status "
    "generation iteration island language time seconds cost tokens",
    "programs": "index name display_name parent score source sha256 lines motivation summary diagram "
    "parameters_stated parameters",
    "curves": "index step loss",
    "benchmarks": "index column task metric value",
    "lineage": "index parent role",
}


@pytest.mark.parametrize("run", ["release", "oe"])
def test_every_run_has_the_same_tables(run: str) -> None:
    opened = open_run(run)
    for name, columns in COLUMNS.items():
        table = getattr(opened, name)
        assert table.column_names == columns.split(), name
        assert list(opened.frame(name).columns) == columns.split()
    assert opened.lineage.num_rows > 0


def test_a_run_is_found_by_name_or_folder(project: Path) -> None:
    by_name = open_run("oe")
    for place in (project / "artifacts" / "runs" / "oe", project / "artifacts" / "runs" / "oe" / "archive"):
        found = open_run(place)
        assert found.name == "oe"
        assert found.experiments.equals(by_name.experiments)
        assert open_run(str(place)).experiments.equals(by_name.experiments)
    with pytest.raises(NotFound, match="no run called"):
        open_run("nothing")
    with pytest.raises(KeyError, match="none of experiments"):
        by_name.frame("secrets")


def test_what_is_not_there_says_so() -> None:
    for run, names in {"oe": ("claims", "certificates"), "release": ("traces",)}.items():
        for name in names:
            with pytest.raises(MissingInput):
                getattr(open_run(run), name)


def test_runs_and_listings_print_what_they_hold(tmp_path: Path) -> None:
    assert repr(open_run("oe")) == "<run oe: 15 experiments, 10 programs; combined_score, maximize>"
    release = open_run()
    assert len(repr(release.claims).splitlines()) == 1 + min(len(release.claims), 60)
    assert release.claims[0].id in release.claims._repr_markdown_()
    assert str(release.certificates[0].index) in repr(release.certificates)
    hostile = Listing(["\x1b[2J|<script>"], ("text",), lambda item: (item,))
    assert "\x1b" not in repr(hostile) + hostile._repr_markdown_()
    assert "<script>" not in hostile._repr_markdown_()
    place = write_neutral(tmp_path / "n.jsonl", [{"id": "a", "program": "raise SystemExit\n"}])
    imported(place, tmp_path / "n")
    assert open_run(tmp_path / "n").program(1).source == "raise SystemExit\n"


def test_the_notebook_is_the_guide_and_its_cells_run(project: Path) -> None:
    found = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = [cell for cell in found["cells"] if cell["cell_type"] == "code"]
    examples = ["".join(cell["source"]) for cell in cells]
    guide = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.S)
    assert examples == [one.strip() for one in guide]
    assert len(examples) >= 4
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in cells)
    if find_spec("nbclient") and find_spec("ipykernel"):
        import nbclient
        import nbformat

        nbclient.NotebookClient(
            nbformat.from_dict(found), resources={"metadata": {"path": project}}
        ).execute()
        return
    names: dict[str, object] = {}
    for example in examples:
        exec(compile(example, str(NOTEBOOK), "exec"), names)
