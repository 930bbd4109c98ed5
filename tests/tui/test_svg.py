"""Diagrams from outside: what is left is shapes and texts."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asi_repro.archive.svg import ATTRIBUTES, ELEMENTS, sanitise_svg
from asi_repro.errors import DataError

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 9 9">'
HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT>alert(1)</SCRIPT>",
    '<rect onload="alert(1)" onclick="x()"/>',
    '<a href="javascript:alert(1)"><text>kept? no: links go whole</text></a>',
    '<image href="https://example.org/x.png"/>',
    '<use xlink:href="https://example.org/x.svg#a"/>',
    '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></body></foreignObject>',
    "<style>@import url(https://example.org/x.css)</style>",
    '<rect style="fill:url(https://example.org/x)"/>',
    '<rect fill="url(https://example.org/x.svg#a)"/>',
    '<rect fill="url(  #own  ) url(//example.org)"/>',
    '<rect clip-path="u\\72l(https://example.org)"/>',
    '<animate attributeName="href" values="javascript:alert(1)"/>',
    '<set attributeName="onload" to="alert(1)"/>',
    '<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>',
    '<s:script xmlns:s="http://www.w3.org/2000/svg">alert(1)</s:script>',
    '<iframe src="https://example.org"/>',
    '<text font-family="x;background:url(https://example.org)">a</text>',
    '<rect x:fill="1" xmlns:x="urn:evil" data-x="1"/>',
    "<!--><script>alert(1)</script>-->",
    "<text><![CDATA[<script>alert(1)</script>]]></text>",
]


@pytest.mark.parametrize("inside", HOSTILE)
def test_nothing_hostile_is_left(inside: str) -> None:
    clean = sanitise_svg(f"{HEAD}{inside}<circle r='3'/></svg>")
    root = ElementTree.fromstring(clean)
    for element in root.iter():
        assert element.tag.removeprefix("{http://www.w3.org/2000/svg}") in ELEMENTS
        assert set(element.attrib) <= ATTRIBUTES
    assert '<circle r="3"' in clean
    shown = re.sub(r'xmlns="[^"]*"', "", clean)
    assert "example.org" not in shown
    assert "<script" not in shown.lower()
    assert "javascript" not in shown


def test_what_diagrams_use_is_kept() -> None:
    inside = (
        '<defs><marker id="arrow" refX="1"><path d="M 0 0 L 1 1"/></marker></defs>'
        '<line x1="0" y1="0" x2="1" y2="1" stroke="#333" marker-end="url(#arrow)"/>'
        '<text x="1" text-anchor="middle">a &lt; b <tspan dy="1">c</tspan></text>'
    )
    clean = sanitise_svg(f"{HEAD}{inside}</svg>")
    for kept in (
        'marker-end="url(#arrow)"',
        'd="M 0 0 L 1 1"',
        "a &lt; b ",
        'stroke="#333"',
        'viewBox="0 0 9 9"',
    ):
        assert kept in clean
    assert sanitise_svg(clean) == clean


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('<!DOCTYPE svg [<!ENTITY a "aaaa">]><svg>&a;</svg>', "DTD"),
        ('<!DOCTYPE svg SYSTEM "file:///etc/passwd"><svg/>', "DTD"),
        ("<svg><g></svg>", "not well-formed"),
        ("", "not well-formed"),
        ("<html><svg/></html>", "outermost"),
        ("<svg>" + "<g>" * 100 + "</g>" * 100 + "</svg>", "nested"),
        ("<svg>" + " " * 2_000_001 + "</svg>", "longer"),
    ],
)
def test_refused(text: str, part: str) -> None:
    with pytest.raises(DataError, match=part):
        sanitise_svg(text)


@given(st.text(alphabet="<>/\"'= &;:#()!-[]svgrectonload", max_size=60))
def test_any_text_is_a_clean_picture_or_an_error(text: str) -> None:
    for whole in (text, f"{HEAD}{text}</svg>"):
        try:
            clean = sanitise_svg(whole)
        except DataError:
            continue
        for element in ElementTree.fromstring(clean).iter():
            assert element.tag.removeprefix("{http://www.w3.org/2000/svg}") in ELEMENTS
            assert set(element.attrib) <= ATTRIBUTES
