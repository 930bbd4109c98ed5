"""The pages: what they say, what they escape, what they load (nothing)."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from markdown_it import MarkdownIt
from report_runs import HOSTILE, make_claims

from asi_repro.project import Project
from asi_repro.report import palette
from asi_repro.text import one_line

VOID = {"meta", "br", "link", "img", "input"}


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.fixture(scope="module")
def html(hostile_project: Project) -> str:
    return (hostile_project.report / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def test_page_is_well_nested(page: Page) -> None:
    assert page.open == []


def test_page_loads_nothing(html: str, page: Page) -> None:
    loaders = {"script", "link", "img", "iframe", "object", "embed", "image", "video", "audio", "base"}
    assert loaders & {tag for tag, _ in page.tags} == set()
    for tag, attributes in page.tags:
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            assert name not in ("src", "srcset", "action", "data", "poster", "background"), (tag, name)
            if name.endswith("href"):
                assert (value or "").startswith("#"), (tag, value)
            for target in re.findall(r"url\(([^)]*)\)", value or ""):
                assert target.startswith("#")
    assert "@import" not in html
    assert "http:" not in html
    assert "https:" not in html


def test_links_lead_somewhere_and_ids_are_unique(page: Page) -> None:
    ids = [a["id"] for _, a in page.tags if a.get("id")]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for name, value in attributes.items():
            if name.endswith("href"):
                assert (value or "")[1:] in ids
            for target in re.findall(r"url\(#([^)]*)\)", value or ""):
                assert target in ids


def test_every_figure_has_words_for_those_who_cannot_see_it(page: Page) -> None:
    ids = {a.get("id") for _, a in page.tags}
    figures = [a for tag, a in page.tags if tag == "svg"]
    assert len(figures) == 14
    for attributes in figures:
        assert attributes["role"] == "img"
        assert set((attributes["aria-labelledby"] or "").split()) <= ids


def test_hostile_text_is_shown_as_text(page: Page) -> None:
    text = " ".join("".join(page.text).split())
    for name in HOSTILE:
        assert one_line(name) in text
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "\\u202egnp.exe" in text


def test_unknown_verdict_is_counted_and_escaped(page: Page) -> None:
    assert "<b>unheard of</b>" in "".join(page.text)
    assert "b" not in {tag for tag, a in page.tags if "tone-other" in (a.get("class") or "")}


def test_head_says_what_was_not_done(page: Page) -> None:
    text = " ".join("".join(page.text).split())
    assert "no released program was run" in text
    assert "the paper's discovery loop, with its language models, was not rerun" in text


def test_claims_table_has_every_claim(page: Page) -> None:
    ids = {a.get("id") for tag, a in page.tags if tag == "tr"}
    assert {f"claims-{claim['id']}" for claim in make_claims()} <= ids


def test_markdown_shows_the_same_text(hostile_project: Project) -> None:
    source = (hostile_project.report / "report.md").read_text(encoding="utf-8")
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(source)
    inline = [t for t in tokens if t.type == "inline"]
    children = [c for t in inline for c in t.children or []]
    kinds = {c.type for c in children} | {t.type for t in tokens}
    assert not kinds & {"html_block", "html_inline"}
    links = [c.attrs["href"] for c in children if c.type == "link_open"]
    assert links
    assert all(str(link).startswith("plots/") for link in links)
    assert all(str(c.attrs["src"]).startswith("figures/") for c in children if c.type == "image")
    cells = ["".join(c.content for c in t.children or []) for t in inline]
    for name in HOSTILE:
        assert cells.count(one_line(name)) >= 2  # claimed and found


def test_markdown_files_exist(hostile_project: Project) -> None:
    source = (hostile_project.report / "report.md").read_text(encoding="utf-8")
    named = re.findall(r"\]\(((?:figures|plots)/[^)]+)\)", source)
    assert len(named) >= 16
    for name in named:
        assert (hostile_project.report / name).is_file()


def test_svg_files_are_harmless(hostile_project: Project) -> None:
    files = sorted((hostile_project.report / "figures").glob("*.svg"))
    assert len(files) == 15
    for file in files:
        root = ET.parse(file).getroot()
        assert root.find("{*}title").text
        assert root.find("{*}desc").text
        assert not list(root.iter("{http://www.w3.org/2000/svg}script"))
        for element in root.iter():
            for name, value in element.attrib.items():
                assert not name.startswith("on")
                if name.endswith("href"):
                    assert value.startswith("#")


def test_metrics_are_flat_numbers(hostile_project: Project) -> None:
    metrics = json.loads((hostile_project.report / "metrics.json").read_text())
    assert metrics["experiments"] == 40
    assert metrics["gallery"] == 10
    assert all(isinstance(value, int | float) for value in metrics.values())


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _contrast(first: str, second: str) -> float:
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page_kind", [0, 1], ids=["light", "dark"])
def test_text_and_marks_stand_out(page_kind: int) -> None:
    colours = {name: pair[page_kind] for name, pair in palette.COLOURS.items()}
    assert _contrast(colours["ink"], colours["surface"]) >= 7
    assert _contrast(colours["muted"], colours["surface"]) >= 4.5
    for name in ("blue", "vermillion", "green", "purple", "amber"):
        assert _contrast(colours[name], colours["surface"]) >= 3, name


def test_light_colours_are_told_apart_when_replaced() -> None:
    light = [pair[0] for pair in palette.COLOURS.values()]
    assert len(light) == len(set(light))
    assert palette.themed(f"fill: {palette.BLUE}; stroke: {palette.INK}") == (
        "fill: var(--c-blue); stroke: var(--c-ink)"
    )


def test_vega_templates_ask_for_columns_that_are_there(hostile_project: Project) -> None:
    folder = Path(__file__).parents[2] / ".dvc" / "plots"
    templates = sorted(folder.glob("*.json"))
    assert len(templates) >= 7
    for template in templates:
        spec = template.read_text(encoding="utf-8")
        header = (hostile_project.report / "plots" / f"{template.stem}.csv").read_text().splitlines()[0]
        asked = set(re.findall(r'"field": "(\w+)"', spec)) | set(json.loads(spec)["data"]["format"]["parse"])
        assert asked - {"rev", "batch"} <= set(header.split(",")), template.name
