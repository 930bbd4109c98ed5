"""Another reader's criteria: read from a file, checked, and the verdicts that change with them printed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from asi_repro.archive.reader import Archive
from asi_repro.claims.building import build_ledger
from asi_repro.claims.context import Settings
from asi_repro.claims.criteria import criteria_text, read_criteria
from asi_repro.errors import AsiReproError, DataError, MissingInput


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_printed_file_changes_nothing(tmp_path: Path) -> None:
    criteria = read_criteria(written(tmp_path, criteria_text()))
    assert criteria["scaling-law"] == {"aic": 10}
    assert "examples" not in criteria["stage1-predicts"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scaling-lwa: {aic: 2}", "scaling-lwa"),
        ("scaling-law: {acid: 2}", "it has aic"),
        ("scaling-law: {aic: many}", "not a finite number"),
        ("scaling-law: {aic: .inf}", "not a finite number"),
        ("scaling-law: {reading: loose}", "it has strict, lenient"),
        ("scaling-law: 3", "scaling-law"),
        ("[1, 2]", "dictionary"),
        ("a: &a [*a]", "mine.yaml"),
        ("\x00", "mine.yaml"),
        ("#" * 1_000_001, "bytes"),
    ],
)
def test_a_file_that_does_not_fit_is_one_error(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_criteria(written(tmp_path, text))
    assert said in str(caught.value)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="asi-repro claims criteria"):
        read_criteria(tmp_path / "none.yaml")


_PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@settings(deadline=None)  # the first call reads the claims
@given(st.dictionaries(st.text(), _PLAIN | st.dictionaries(st.text(), _PLAIN)))
def test_any_mapping_is_criteria_or_an_error(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = written(tmp_path_factory.getbasetemp(), yaml.safe_dump(value))
    try:
        read_criteria(path)
    except AsiReproError as error:
        assert "mine.yaml" in str(error)


@pytest.mark.parametrize(
    ("claim", "change", "verdict"),
    [
        ("table2-deltas", {"exceptions": 1}, "reproduced"),
        ("experiments", {"reading": "strict"}, "contradicted"),
        ("experiments", {"reading": "lenient"}, "reproduced"),
        ("experiments", {"reading": "lenient", "share": 1.0}, "contradicted"),
    ],
)
def test_another_criterion_another_verdict(
    release_archive: Path, claim: str, change: dict[str, float | str], verdict: str
) -> None:
    ledger = build_ledger(
        Archive(release_archive), Settings(resamples=100), only={claim}, criteria={claim: change}
    )
    (entry,) = ledger.claims
    assert entry.verdict == verdict
    assert [reading.reading for reading in entry.readings] == (
        [change["reading"]] if "reading" in change else [r.reading for r in entry.readings]
    )
