"""Certificates: what is read back is what was written, and what is damaged is refused."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asi_repro.errors import DataError, MissingInput, NotFound
from asi_repro.verify.catalogue import CHECKS, ROW_NAMES
from asi_repro.verify.certificate import (
    Certificate,
    find_certificate,
    in_order,
    path_of,
    read_certificate,
    read_certificates,
    summary,
    write_certificate,
)
from asi_repro.verify.keys import result_key
from asi_repro.verify.markdown import certificate_markdown, overview_markdown
from asi_repro.verify.results import CheckResult, at_most, not_run, rounded, row_from_json


def made(index: int = 7, name: str = "mixer", **changes: object) -> Certificate:
    rows = [at_most("dead_parameters", 2, 0, unit="parameters", method="m", detail={"dead": {"w": 1}})]
    fields = {
        "index": index,
        "name": name,
        "display_name": None,
        "program_sha256": "0" * 64,
        "parameters_stated": None,
        "environment": {"torch": "1"},
        "probe": {},
        "keys": {"dead": "k"},
        "checks": in_order(rows),
    }
    return Certificate(**{**fields, **changes})  # type: ignore[arg-type]


def test_a_certificate_survives_its_file(tmp_path: Path) -> None:
    write_certificate(made(), tmp_path)
    assert read_certificate(path_of(tmp_path, 7)) == made()
    before = path_of(tmp_path, 7).read_bytes()
    write_certificate(read_certificate(path_of(tmp_path, 7)), tmp_path)
    assert path_of(tmp_path, 7).read_bytes() == before


def test_every_row_is_there_and_the_missing_are_not_run() -> None:
    certificate = made()
    assert tuple(row.check for row in certificate.checks) == ROW_NAMES
    assert certificate.counts() == {"pass": 0, "fail": 1, "not run": len(ROW_NAMES) - 1}
    assert len(set(ROW_NAMES)) == len(ROW_NAMES)


def test_counts_for_the_metrics() -> None:
    found = summary([made(), made(8)])
    assert found["architectures"] == 2
    assert found["rows"]["dead_parameters"] == {"pass": 0, "fail": 2, "not_run": 0}


@pytest.mark.parametrize(
    "damage",
    [
        lambda d: d.pop("probe"),
        lambda d: d.update(extra=1),
        lambda d: d.update(index="7"),
        lambda d: d.update(format=99),
        lambda d: d["checks"][0].update(verdict="maybe"),
        lambda d: d["checks"][0].update(value="1"),
        lambda d: d["checks"][0].pop("detail"),
        lambda d: d["checks"].append(3),
    ],
)
def test_a_damaged_certificate_is_refused_with_its_file(tmp_path: Path, damage: object) -> None:
    data = made().to_json()
    damage(data)  # type: ignore[operator]
    path = tmp_path / "7.json"
    path.write_text(json.dumps(data))
    with pytest.raises(DataError) as caught:
        read_certificate(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000])
def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "7.json").write_text(text)
    with pytest.raises(DataError):
        read_certificate(tmp_path / "7.json")


def test_names_are_looked_up_and_missing_ones_get_a_hint(tmp_path: Path) -> None:
    with pytest.raises(MissingInput, match="no certificates"):
        read_certificates(tmp_path)
    for index, name in ((7, "gated_mixer"), (8, "other"), (9, "other")):
        write_certificate(made(index, name, display_name=f"Shown{index}"), tmp_path)
    assert find_certificate(tmp_path, "7").index == 7
    assert find_certificate(tmp_path, "shown8").index == 8
    with pytest.raises(NotFound, match="2 certificates"):
        find_certificate(tmp_path, "other")
    with pytest.raises(NotFound) as caught:
        find_certificate(tmp_path, "gated_mixr")
    assert "gated_mixer" in str(caught.value)


def test_outside_text_is_inert_in_markdown() -> None:
    name = "x\x1b[31m|`<b>*"
    row = not_run("dead_parameters", "it said \x1b[2J|<script>")
    text = certificate_markdown(made(name=name, checks=in_order([row]))) + overview_markdown(
        [made(name=name)]
    )
    assert "\x1b" not in text
    assert "<b>" not in text.replace("\\<b\\>", "")
    assert "<script>" not in text.replace("\\<script\\>", "")


def test_a_failure_is_shown_with_its_method_and_evidence() -> None:
    text = certificate_markdown(made())
    assert "| dead_parameters | **fail** | 2 | ≤ 0 | parameters |" in text
    assert "- dead: w: 1" in text


numbers = st.one_of(st.none(), st.integers(-(10**18), 10**18), st.floats())


@given(numbers, st.dictionaries(st.text(max_size=9), st.one_of(numbers, st.text(), st.booleans())))
def test_rows_are_json_and_come_back(value: float | None, detail: dict[str, object]) -> None:
    row = at_most("x", value, 1e-9, unit="u", method="m", detail=detail)
    data = json.loads(json.dumps(row.to_json(), allow_nan=False))
    again = row_from_json(data, where="here")
    assert again.verdict == row.verdict
    assert again.to_json() == data


def test_a_value_that_is_no_number_fails() -> None:
    assert at_most("x", math.nan, 1, unit="", method="", detail={}).verdict == "fail"
    assert at_most("x", math.inf, 1, unit="", method="", detail={}).to_json()["value"] is None
    assert at_most("x", None, 1, unit="", method="", detail={}).verdict == "not run"


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=1e-300, max_value=1e300))
def test_rounding_keeps_the_first_digits(value: float) -> None:
    assert rounded(value, 4) == pytest.approx(value, rel=6e-4)


def test_a_key_follows_the_program_the_code_and_what_the_check_needs() -> None:
    by_name = {check.name: check for check in CHECKS}

    def key(name: str, program: str = "a", stated: int | None = 1) -> str:
        return result_key(by_name[name], program_sha256=program, stated=stated)

    assert len({key(check.name) for check in CHECKS}) == len(CHECKS)
    assert key("causality") != key("causality", program="b")
    assert key("parameters") != key("parameters", stated=2)
    assert key("causality") == key("causality", stated=2)


def test_every_check_has_its_file_and_its_rows() -> None:
    for check in CHECKS:
        source = Path("asi_repro/verify/checks", f"{check.name}.py")
        text = (Path(__file__).parents[2] / source).read_text()
        for row in check.rows:
            stem = row.rpartition("_")[0]
            assert f'"{row}"' in text or f'f"{stem}_' in text


def test_comparison_is_one_of_the_known() -> None:
    with pytest.raises(DataError, match="comparison"):
        row_from_json({**CheckResult("x", "pass", 1, 1, "<=", "", "").to_json(), "comparison": "~"}, where="")
