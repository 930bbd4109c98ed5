"""The summary, the evidence behind each row, and the static site: every link leads somewhere."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from urllib.parse import urldefrag

import pytest
from report_runs import make_claims
from test_report_pages import Page

from asi_repro.claims.ledger import read_ledger
from asi_repro.project import Project
from asi_repro.report.sections.summary import sentences


@pytest.fixture(scope="module")
def site(hostile_project: Project) -> Path:
    return hostile_project.report / "site"


def test_every_link_of_the_site_leads_to_a_file_of_it(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert {page.stem for page in pages} == {"index", *(claim["id"] for claim in make_claims())}
    for page in pages:
        found = Page(page.read_text(encoding="utf-8"))
        ids = {attributes.get("id") for _, attributes in found.tags}
        for tag, attributes in found.tags:
            target = attributes.get("href") if tag == "a" else attributes.get("src") if tag == "img" else None
            if target is not None:
                path, anchor = urldefrag(target)
                assert (page.parent / path).resolve().is_relative_to(site.resolve())
                assert (page.parent / path).is_file() if path else anchor in ids, target


def test_a_row_of_the_one_page_report_leads_to_its_evidence(hostile_project: Project) -> None:
    found = Page((hostile_project.report / "index.html").read_text(encoding="utf-8"))
    ids = {attributes.get("id") for _, attributes in found.tags}
    links = {attributes.get("href") for tag, attributes in found.tags if tag == "a"}
    for claim in make_claims():
        assert f"#evidence-{claim['id']}" in links
        assert f"evidence-{claim['id']}" in ids


def test_pages_of_the_site_load_only_what_is_beside_them(site: Path) -> None:
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        policies = [attributes.get("content") or "" for tag, attributes in Page(text).tags if tag == "meta"]
        assert "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'" in policies
        assert not re.search(r"<script|https?://(?!www\.w3\.org)|\x1b", text)


def test_the_csv_has_every_claim(site: Path) -> None:
    with (site / "claims.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["id"], row["verdict"]) for row in rows] == [(c["id"], c["verdict"]) for c in make_claims()]


def test_three_sentences_name_every_claim_and_its_number() -> None:
    ledger = read_ledger(Path(__file__).parents[2] / "artifacts" / "claims.json")
    for paper in ledger.papers:
        claims = ledger.of_paper(paper.id)
        text = sentences(paper, claims)
        assert all(claim.id in text for claim in claims)
        assert all(claim.effect in text for claim in claims if claim.verdict == "contradicted")
