"""Text that is shown or asked for, whatever it holds: pictures, names, filters, lineages, a model's answers."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any
from xml.etree import ElementTree

import pytest
from bounds import bounded
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mutations import ODD_JSON, Mutation, damaged
from pydantic import BaseModel, ConfigDict

from asi_repro.archive.filters import parse_filter
from asi_repro.archive.lineage import Lineage
from asi_repro.archive.reader import Experiment
from asi_repro.archive.svg import ATTRIBUTES, ELEMENTS, sanitise_svg
from asi_repro.errors import AsiReproError, DataError
from asi_repro.llm.answers import Misfit, parse_answer
from asi_repro.llm.toolbox import Tool, call_tool
from asi_repro.text import terminal_safe

FIXED = {"derandomize": True, "database": None, "deadline": None}
EVIL = (
    "<script>alert(1)</script>", "<g onload='x()'/>", "<a href='javascript:x()'><text>y</text></a>",
    "<image href='http://x.invalid/p.png'/>", "<use href='#a'/>", "<use xlink:href='//x.invalid#a'/>",
    "<foreignObject><body xmlns='http://www.w3.org/1999/xhtml'><iframe src='x'/></body></foreignObject>",
    "<style>@import url(//x.invalid)</style>", "<rect style='fill:url(//x.invalid)'/>",
    "<rect fill='url(//x.invalid/#a)'/>", "<rect fill='url(other.svg#a)'/>", "<rect fill='url(#a)url(//x.invalid)'/>", "<rect fill='ur\\6c(//x)'/>",
    "<rect fill='url( &#x22;//x.invalid&#x22; )'/>", "<rect fill='u&#x200b;rl(//x)'/>", "<animate attributeName='href'/>",
    "<set attributeName='onload' to='x()'/>", "<h:script xmlns:h='http://www.w3.org/1999/xhtml'>x()</h:script>",
    "<s:script xmlns:s='http://www.w3.org/2000/svg'>x()</s:script>", "<?xml-stylesheet href='//x.invalid'?>",
    "<![CDATA[<script>x()</script>]]>", "<title>&lt;script&gt;x()&lt;/script&gt;</title>", "<text>&#x1f;</text>",
    "<rect x:onload='x()' xmlns:x='http://www.w3.org/2000/svg'/>", "<rect fill='data:text/html,x'/>",
    "<text font-family='a;b:url(//x)'>t</text>", "<svg><script/></svg>", "<g>" * 100, "<!-- --><g/>", "&lt;script&gt;",
)  # fmt: skip
PICTURE = (
    b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" width="9">'
    b'<defs><linearGradient id="a"><stop offset="0" stop-color="red"/></linearGradient></defs>'
    b'<g transform="scale(2)"><rect x="1" width="3" fill="url(#a)"/><text font-size="3">Q &amp; K</text></g></svg>'
)


# Whatever the allow-list comes to hold.
ACTIVE = {"script", "image", "use", "a", "style", "foreignObject", "animate", "set", "iframe", "handler"}


def check_picture(text: str) -> bool:
    """Whether the picture was taken; fails where what was made of it could do anything."""
    try:
        with bounded(megabytes=200):
            made = sanitise_svg(text)
    except DataError:
        return False
    assert "<!" not in made
    assert "<?" not in made
    for element in ElementTree.fromstring(made).iter():
        namespace, _, local = element.tag.rpartition("}")
        assert local in ELEMENTS
        assert local not in ACTIVE
        assert namespace == "{http://www.w3.org/2000/svg"
        for name, value in element.attrib.items():
            assert name in ATTRIBUTES
            assert not name.startswith("on")
            assert "href" not in name
            assert name != "style"
            own = re.sub(r"url\(\s*#[\w.:-]+\s*\)", "", value)
            assert not re.search(r"(?i)url\s*\(|javascript|data:|https?:|//|\\|@import|expression\(", own), (
                value
            )
    assert sanitise_svg(made) == made
    return True


@settings(max_examples=80, **FIXED)
@given(
    st.lists(st.sampled_from(EVIL), min_size=1, max_size=4),
    damaged("text") | st.just(lambda data: data),
    st.integers(0, 400),
)
def test_a_picture_holds_only_shapes_whatever_was_in_it(
    evil: list[str], mutation: Mutation, place: int
) -> None:
    data = mutation(PICTURE)
    at = data.find(b">", place % (len(data) + 1)) + 1
    check_picture((data[:at] + "".join(evil).encode() + data[at:]).decode("utf-8", "surrogateescape"))


@pytest.mark.parametrize("evil", EVIL)
def test_each_evil_in_a_good_picture(evil: str) -> None:
    check_picture(PICTURE.decode().replace("<g ", f"{evil}<g "))


def test_a_long_value_costs_no_more_than_its_length() -> None:
    assert check_picture(PICTURE.decode().replace("Q &amp;", "<tspan font-family='" + "a" * 500_000 + "'/>"))


def test_good_pictures_are_taken() -> None:
    assert check_picture(PICTURE.decode())
    assert 'fill="url(#a)"' in sanitise_svg(PICTURE.decode())


@pytest.mark.slow
@settings(max_examples=20_000, **FIXED)
@given(st.lists(st.sampled_from(EVIL), max_size=4), damaged("text"), st.integers(0, 400))
def test_many_pictures(evil: list[str], mutation: Mutation, place: int) -> None:
    data = mutation(PICTURE)
    at = data.find(b">", place % (len(data) + 1)) + 1
    check_picture((data[:at] + "".join(evil).encode() + data[at:]).decode("utf-8", "surrogateescape"))


@settings(max_examples=80, **FIXED)
@given(st.text(st.characters(exclude_categories=[]), max_size=80))
@example("\x1b]52;c;eA==\x07")
@example("\u202eevil\u2066\ud800\u0085\u2028\x9b31m")
def test_no_text_moves_a_terminal(text: str) -> None:
    shown = terminal_safe(text, keep="")
    assert not [c for c in shown if unicodedata.category(c) in ("Cc", "Cs", "Co", "Zl", "Zp")]
    assert not [
        c
        for c in shown
        if unicodedata.bidirectional(c) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    ]
    assert terminal_safe(shown, keep="") == shown
    shown.encode()
    assert set(terminal_safe(text)) - set(shown) <= {"\n", "\t"}


WORDS = ["index", "score", "depth", "children", "name", "text", "gallery", "has", "leak", "parent", "-", ":", ">", "<=", "=",
         "!=", '"', "yes", "no", "1e999", "nan", "-3", "9" * 400, " ", "program", "\u00e9", "\ud800", "(", "\\", "\x00"]  # fmt: skip


@settings(max_examples=80, **FIXED)
@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=4), max_size=12).map("".join))
def test_a_filter_is_a_filter_or_an_error(text: str) -> None:
    try:
        with bounded(seconds=2):
            found = parse_filter(text)
    except AsiReproError:
        return
    experiment = Experiment(3, "mixer_gate", None, 1, 2, 0, 1.5, True, True)
    assert isinstance(found.matches(experiment), bool)
    assert parse_filter(str(found)) == found


@settings(max_examples=200, **FIXED)
@given(st.dictionaries(st.integers(-3, 12), st.none() | st.integers(-3, 12), max_size=14))
def test_a_lineage_is_a_forest_or_an_error(parents: dict[int, int | None]) -> None:
    try:
        lineage = Lineage(parents)
    except DataError:
        return
    assert sorted(lineage.walk()) == sorted(parents)
    assert all(len(lineage.ancestors(index)) == lineage.depth(index) for index in parents)


class Answer(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    name: str
    marks: dict[str, float]
    notes: tuple[str, ...]


def said(content: str, by_tool: bool) -> dict[str, Any]:
    if not by_tool:
        return {"content": [{"type": "text", "text": content}]}
    try:
        given = json.loads(content)
    except (ValueError, RecursionError):
        given = content
    return {"content": [{"type": "tool_use", "id": "t", "name": "answer", "input": given}]}


GOOD = json.dumps({"name": "a", "marks": {"innovation": 6}, "notes": ["b"]})


@settings(max_examples=120, **FIXED)
@given(damaged("json"), st.booleans())
def test_an_answer_fits_or_the_model_is_told(mutation: Mutation, by_tool: bool) -> None:
    content = mutation(GOOD.encode()).decode("utf-8", "surrogateescape")
    try:
        with bounded(seconds=5):
            found = parse_answer(said(content, by_tool), Answer, by_tool=by_tool)
    except Misfit as error:
        assert str(error)
        return
    assert isinstance(found, Answer)


@settings(max_examples=200, **FIXED)
@given(st.sampled_from(["write", "answer", "os.system", "../x", "", "\x1b"]), damaged("json"))
def test_a_tool_runs_on_what_fits_its_schema_alone(name: str, mutation: Mutation) -> None:
    took: list[dict[str, Any]] = []
    schema = {"type": "object", "properties": {"which": {"type": "string", "enum": ["draft"]}},
              "required": ["which"], "additionalProperties": False}  # fmt: skip
    tool = Tool("write", "Write.", schema, lambda given: took.append(given) or "done")
    try:
        given = json.loads(mutation(b'{"which": "draft"}'))
    except (ValueError, RecursionError):
        given = {"which": "draft"}
    call = call_tool([tool], name, given)
    assert took in ([], [{"which": "draft"}])
    assert call.failed is (not took)


def test_the_odd_values_are_odd() -> None:
    """Among them are values that JSON parses and some that it does not, so both ways are tried."""
    good = []
    for text in ODD_JSON:
        try:
            good.append(json.loads(text))
        except (ValueError, RecursionError):
            continue
    assert 20 < len(good) < len(ODD_JSON)
