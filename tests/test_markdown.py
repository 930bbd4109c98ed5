"""Markdown that the package writes shows outside text as it is, wherever it stands."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from asi_repro.markdown import code, escape, fence, prose, record_table, table
from asi_repro.text import csv_text, one_line

HOSTILE = [
    "a|b\n<c>`d`", "# not a heading", "- not an item", "+ nor this", "1. nor this", "2024) nor this", "---", "===",
    "> no quotation", "![x](https://evil.example/p.png)", "[x](javascript:alert(1))", "<script>alert(1)</script>",
    "&lt;b&gt; &#60; &copy", "*b* _i_ ~~s~~ $x^2$", "\x1b[31mred\x07", "\u202etxt", "`" * 3, "\\|", "[x]: /url",
    "    indented", "a  \nb", "http://a.example www.a.example a@b.example :smile: @who #1", "\ud800", "",
]  # fmt: skip
PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def shown(source: str) -> list[str]:
    """The text of each inline element; fails where anything in them is markup."""
    inline = [token for token in PARSER.parse(source) if token.type == "inline"]
    children = [child for token in inline for child in token.children or []]
    assert {child.type for child in children} <= {"text", "text_special"}
    return ["".join(child.content for child in token.children or []) for token in inline]


PLACES: dict[str, Callable[[str], tuple[str, str]]] = {
    "paragraph": lambda text: (text, "paragraph_open"),
    "item": lambda text: (f"- {text}", "bullet_list_open"),
    "heading": lambda text: (f"## {text}", "heading_open"),
    "cell": lambda text: ("\n".join(table(["head"], [[text]])), "table_open"),
}


@pytest.mark.parametrize("place", PLACES)
@given(text=st.text(max_size=40) | st.sampled_from(HOSTILE))
@example(text="1.")
@example(text="-")
def test_an_escaped_text_is_shown_as_it_is(place: str, text: str) -> None:
    source, block = PLACES[place](escape(text))
    expected = one_line(text)
    assert shown(source)[-1:] == ([expected] if expected or place in ("cell", "heading") else [])
    assert {t.type for t in PARSER.parse(source) if t.level == 0 and t.nesting == 1} <= {block}


def test_addresses_mentions_and_entities_are_broken() -> None:
    assert escape("http://a www.b.c x@y :z: &amp;") == r"http\://a www\.b.c x\@y \:z: \&amp;"


def test_ordinary_text_is_left_readable() -> None:
    text = "score 0.5 (a gain of 3.2%), at 1e-3: 10/12, x = -1.5; Table 2, p. 4 - yes!"
    assert escape(text) == text
    assert escape("-0.25") == "-0.25"


@given(st.text(max_size=40) | st.sampled_from(HOSTILE))
def test_code_and_fences_cannot_be_closed(text: str) -> None:
    if expected := one_line(text):
        [inline] = [token for token in PARSER.parse(f"x {code(text)} y") if token.type == "inline"]
        assert [child.content for child in inline.children or [] if child.type == "code_inline"] == [expected]
    plain = one_line(text)
    block, after = PARSER.parse("\n".join([*fence(plain, "text"), "after"]))[:2]
    assert (block.type, block.content, after.type) == ("fence", f"{plain}\n", "paragraph_open")


def test_prose_keeps_code() -> None:
    assert prose("run `a|b` and *this*") == r"run `a|b` and \*this\*"


def test_tables_of_records_have_every_column_once() -> None:
    records = [{"a_b": 1.25, "c": True}, {"c": None, "d": ["x|y", 2]}]
    assert record_table(records) == [
        r"| a b | c | d |", "| --- | --- | --- |", "| 1.25 | yes | – |", r"| – | – | x\|y, 2 |",
    ]  # fmt: skip


# Python before 3.13 quotes no lone carriage return.
CSV_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r"))


@given(st.lists(st.fixed_dictionaries({"a": CSV_TEXT, "b": st.integers()}), min_size=1))
def test_csv_reads_back(rows: list[dict[str, str | int]]) -> None:
    read = list(csv.DictReader(io.StringIO(csv_text(rows), newline="")))
    assert read == [{"a": row["a"], "b": str(row["b"])} for row in rows]
