"""The ledger's shape, its bytes, and how it is read."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asi_repro.archive.reader import Archive
from asi_repro.archive.tables import Run, write_archive
from asi_repro.claims.building import build_ledger
from asi_repro.claims.checks.cognition import components_needed, paper_of, shares_exist
from asi_repro.claims.checks.components import words
from asi_repro.claims.checks.gallery import svg_fault
from asi_repro.claims.context import Settings
from asi_repro.claims.finding import Finding, Part, Verdict, worst
from asi_repro.claims.finding_json import plain
from asi_repro.claims.ledger import Ledger, find_claim, read_ledger
from asi_repro.claims.outputs import write_ledger
from asi_repro.claims.page import page
from asi_repro.claims.registry import checks
from asi_repro.claims.texts import claim_texts
from asi_repro.errors import DataError, MissingInput, NotFound

FROM_THE_PAPER = [
    "experiments",
    "gallery-size",
    "gallery-in-tree",
    "table2-340m",
    "table2-deltas",
    "stage1-filter",
    "beats-baselines-340m",
    "table1-averages",
    "table1-best",
    "table1-in-gallery",
    "top-five",
    "scaling-law",
    "gpu-hours",
    "cold-start",
    "parent-policy",
    "one-tree",
    "fitness-range",
    "gallery-is-top",
    "stage1-predicts",
    "model-size",
    "no-size-growth",
    "causal",
    "sub-quadratic",
    "batch-independent",
    "einops-only",
    "curves-complete",
    "benchmarks-complete",
    "cognition-base",
    "table3-sums",
    "components",
    "traces-released",
    "diagrams",
]
VERDICTS = {verdict.value for verdict in Verdict}


def made_up(size: int, *, gallery: int = 0) -> Run:
    """A run of a shape the release does not have: `size` experiments in a chain, without programs."""
    run = Run()
    for index in range(1, size + 1):
        run.experiments.append(
            {
                "index": index,
                "name": f"n{index}",
                "display_name": "| <b>\x1b[31m`x`",
                "parent": index - 1 or None,
                "score": None if index % 3 else 1.5,
                "in_gallery": index <= gallery,
                "has_program": False,
            }
        )
    return run


@pytest.fixture(scope="module")
def made_up_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made-up") / "archive"
    write_archive(made_up(12, gallery=2), folder)
    return folder


@pytest.fixture(scope="module")
def ledger(made_up_archive: Path) -> Ledger:
    return build_ledger(Archive(made_up_archive), Settings(resamples=100))


def test_every_claim_of_the_paper_is_there_and_has_a_check() -> None:
    assert set(FROM_THE_PAPER) <= set(claim_texts())
    assert set(claim_texts()) == set(checks())


def test_no_verdict_is_typed_in() -> None:
    for text in claim_texts().values():
        assert "verdict" not in text.model_dump()
        filled = [text.filled(t) for t in (text.claimed, text.power, text.would_change)]
        assert "{" not in text.criterion + "".join(filled)


@pytest.mark.parametrize(("size", "gallery"), [(1, 0), (2, 0), (3, 3), (260, 2)])
def test_a_run_with_next_to_nothing_has_a_verdict_on_everything(
    tmp_path: Path, size: int, gallery: int
) -> None:
    write_archive(made_up(size, gallery=gallery), tmp_path / "archive")
    ledger = build_ledger(Archive(tmp_path / "archive"), Settings(resamples=100))
    assert [entry.id for entry in ledger.claims] == list(claim_texts())
    for entry in ledger.claims:
        assert entry.verdict in VERDICTS
        assert entry.found
        assert "nan" not in entry.found.lower().split()
    assert sum(ledger.summary[v] for v in VERDICTS) == ledger.summary["claims"] == len(claim_texts())
    json.dumps(ledger.model_dump(), allow_nan=False)


def test_same_inputs_same_bytes_and_another_seed_another_interval(tmp_path: Path) -> None:
    write_archive(made_up(12, gallery=2), tmp_path / "archive")
    archive = Archive(tmp_path / "archive")
    found = {}
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        ledger = build_ledger(archive, Settings(seed=seed, resamples=100), only={"stage1-predicts"})
        found[name] = [p.read_bytes() for p in write_ledger(ledger, tmp_path / name / "claims.json")]
    assert found["a"] == found["b"]
    assert found["a"][0] != found["c"][0]


def test_one_claim_alone_is_what_it_is_among_all(ledger: Ledger, made_up_archive: Path) -> None:
    archive = Archive(made_up_archive)
    for identifier in ("stage1-predicts", "components"):
        alone = build_ledger(archive, Settings(resamples=100), only={identifier}).claims[0]
        assert alone == find_claim(ledger, identifier)


def test_written_and_read_again(ledger: Ledger, tmp_path: Path) -> None:
    path, metrics, markdown, table = write_ledger(ledger, tmp_path / "out" / "claims.json")
    assert read_ledger(path) == ledger
    assert json.loads(metrics.read_text()) == {k.replace(" ", "_"): v for k, v in ledger.summary.items()}
    assert markdown.read_text().count("\n## ") == len(ledger.entries) + len(ledger.papers)
    with table.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["id"], row["verdict"], row["effect"]) for row in rows] == [
        (entry.id, entry.verdict, entry.effect) for entry in ledger.claims
    ]


def test_outside_text_means_nothing_in_markdown(ledger: Ledger) -> None:
    text = page(ledger)
    assert "\x1b" not in text
    assert "<b>" not in text.replace("\\<b\\>", "")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (None, MissingInput),
        ("{", DataError),
        ("[]", DataError),
        ('{"schema_version": 99}', DataError),
        ("[" * 100_000, DataError),
    ],
)
def test_a_ledger_that_is_none(tmp_path: Path, content: str | None, error: type[Exception]) -> None:
    path = tmp_path / "claims.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(error) as caught:
        read_ledger(path)
    assert "dvc repro" in str(caught.value)


def test_an_unknown_claim_names_similar_ones(ledger: Ledger) -> None:
    with pytest.raises(NotFound, match="scaling-law"):
        find_claim(ledger, "scaling-lwa")


def part(verdict: Verdict, reading: str = "plain") -> Part:
    return Part("", "", "", verdict, reading)


def verdict(*parts: Part) -> Verdict:
    return Finding(effect="", found="", method="", parts=parts).verdict


def test_the_worst_part_decides_a_reading() -> None:
    good, bad, unknown, open_ = (
        part(v) for v in (Verdict.REPRODUCED, Verdict.CONTRADICTED, Verdict.UNDECIDED, Verdict.NOT_YET_RUN)
    )
    assert verdict(good, good) is Verdict.REPRODUCED
    assert verdict(good, unknown) is Verdict.UNDECIDED
    assert verdict(unknown, open_, good) is Verdict.NOT_YET_RUN
    assert verdict(open_, unknown, bad) is Verdict.CONTRADICTED
    with pytest.raises(ValueError, match="part"):
        worst([])


def test_readings_that_differ_leave_a_claim_undecided() -> None:
    strict, lenient = part(Verdict.CONTRADICTED, "strict"), part(Verdict.REPRODUCED, "lenient")
    assert verdict(strict, lenient) is Verdict.UNDECIDED
    assert verdict(strict, part(Verdict.CONTRADICTED, "lenient")) is Verdict.CONTRADICTED
    assert verdict(part(Verdict.NOT_YET_RUN, "strict"), lenient) is Verdict.NOT_YET_RUN


@given(st.recursive(st.floats() | st.integers() | st.text() | st.none() | st.booleans(), st.lists))
def test_plain_values_are_json(value: Any) -> None:
    json.dumps(plain(value), allow_nan=False)


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_plain_floats_keep_six_digits(value: float) -> None:
    assert math.isclose(plain(value), value, rel_tol=5e-6, abs_tol=1e-300)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("<svg xmlns='http://www.w3.org/2000/svg'><g/></svg>", None),
        ("<svg/>", None),
        ("<html/>", "its root is not svg"),
        ("<svg><g></svg>", "mismatched tag"),
        ("<svg>", "no element found"),
        ("", "there is none"),
        (None, "there is none"),
        ("plain", "syntax error"),
        ("\ud800<svg/>", "not well-formed"),
        ('<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>&a;</svg>', "it declares an entity"),
        ('<!DOCTYPE svg [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>', "it declares an entity"),
    ],
)
def test_faults_of_a_diagram(text: str | None, fault: str | None) -> None:
    found = svg_fault(text)
    assert found is None if fault is None else found is not None and found.startswith(fault)


@given(st.text())
def test_no_text_breaks_the_diagram_check(text: str) -> None:
    svg_fault(text)
    svg_fault(f"<svg>{text}</svg>")


def test_components_needed_is_where_the_z_test_turns() -> None:
    needed = components_needed(0.45, 0.38, 100, 1600, 0.95)
    for factor, beyond in ((0.98, False), (1.02, True)):
        n, m = 100 * needed * factor, 1600 * needed * factor
        pooled = (0.45 * n + 0.38 * m) / (n + m)
        z = 0.07 / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        assert (z > 1.959964) is beyond


def test_names_of_sources() -> None:
    assert paper_of("a/arxiv.org_pdf_2405.18679v2.json") == paper_of("arxiv.org_abs_2405.18679.json")
    assert paper_of("b/some.blog_post.json") == "some.blog_post"


def test_words_of_names() -> None:
    assert words("MinFloorRouter-MS3") == {"min", "floor", "router", "ms", "3"}


@given(st.integers(0, 1000), st.integers(0, 1000), st.floats(0.01, 0.99))
def test_shares_made_from_shares_fit_together(a: int, b: int, weight: float) -> None:
    part, rest = ({"x": v / 10, "y": 100 - v / 10} for v in (a, b))
    both = {k: round(weight * part[k] + (1 - weight) * rest[k], 1) for k in part}
    assert shares_exist([part, rest, both], weight, 0.0501)
    assert not shares_exist([part, rest, {"x": both["x"] + 1, "y": both["y"]}], weight, 0.05)
