"""Damage to a valid file, drawn by hypothesis: bytes, JSON as a value, and words of the format in odd places.

A mutation is a function from bytes to bytes. It never fails: what does not fit comes back as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

from hypothesis import strategies as st

Mutation = Callable[[bytes], bytes]
Kind = Literal["bytes", "json", "jsonl", "text"]

# JSON that parsers, models and arithmetic trip over. Some of it is no JSON.
ODD_JSON = (
    "null", "true", "-1", "0", "1.5", '""', "[]", "{}", "NaN", "-Infinity", "1e999", "-0.0", "1" + "0" * 400,
    "9" * 5000, str(2**63), str(-(2**63) - 1), '"\\ud800"', '"\\u0000"', '"\\u001b[31m"', '"../../x"', '"1"',
    '"NaN"', "[" * 100_000, '{"a":' * 5000 + "1" + "}" * 5000, "[[[[]]]]", '{"": {"": null}}', "[null]",
    '["a", 1, {}]', '"' + "x" * 70_000 + '"', "1e-320", "1E+2", '"2001-99-99"', '{"a": 1, "a": 2}',
)  # fmt: skip

# Words with a meaning in YAML, CSV, Markdown, jinja2, SVG and the filter language.
WORDS = (
    b"!!timestamp x", b"!!bool x", b"!!int ''", b"!!float ''", b"2001-99-99", b"0x_", b"&a [*a, *a]", b"<<: 3",
    b"? [a]\n: b", b"!!python/object/apply:os.system [id]", b"!!binary \xc3\xa9", b"[" * 3000, b"{a: " * 2000,
    b"9" * 5000, b"\n---\n", b"\n...\n", b": ", b"- ", b"#", b"'", b'"', b"\t", b"\r", b"\r\n", b"\x00",
    b"\xff\xfe", b"\xed\xa0\x80", b"\xc2\x9b", b"\xe2\x80\xae", b"nan", b"inf", b"-", b",", b",,,,", b'"' * 3,
    b"x" * 140_000, b"{{ 7 * 7 }}", b"{% include 'x' %}", b"{% for x in y", b"{{ x.__class__ }}", b"## Insight\n",
    b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&#x41;", b"<script>1</script>", b" onload='x()'", b"url(//x.invalid)",
    b"<g>" * 200, b"refs/heads/", b"0" * 40, b"PACK", b"PAR1",
)  # fmt: skip


def damaged(kind: Kind) -> st.SearchStrategy[Mutation]:
    """One to three mutations of a file of that kind, one after the other."""
    every: list[st.SearchStrategy[Mutation]] = [_flips(), _truncations(), _splices(), _inserts(), _fills()]
    if kind == "json":
        every = [_of_json(), _of_json(), _of_json(), *every]
    if kind == "jsonl":
        every = [_of_a_line(), _of_a_line(), _of_a_line(), _lines(), *every]
    if kind == "text":
        every = [_words(), _words(), _lines(), *every]
    return st.lists(st.one_of(every), min_size=1, max_size=3).map(_in_turn)


def _in_turn(mutations: list[Mutation]) -> Mutation:
    def apply(data: bytes) -> bytes:
        for mutation in mutations:
            data = mutation(data)
        return data

    return apply


_place = st.integers(0, 1 << 30)


def _flips() -> st.SearchStrategy[Mutation]:
    def make(place: int, bit: int) -> Mutation:
        def flip(data: bytes) -> bytes:
            if not data:
                return data
            at = place % len(data)
            return data[:at] + bytes([data[at] ^ (1 << bit)]) + data[at + 1 :]

        return flip

    return st.builds(make, _place, st.integers(0, 7))


def _truncations() -> st.SearchStrategy[Mutation]:
    return st.builds(lambda place: lambda data: data[: place % (len(data) + 1)], _place)


def _splices() -> st.SearchStrategy[Mutation]:
    """A piece of the file again at another place, over what stands there or before it."""

    def make(first: int, second: int, length: int, over: bool) -> Mutation:
        def splice(data: bytes) -> bytes:
            a, b = first % (len(data) + 1), second % (len(data) + 1)
            piece = data[a : a + length]
            return data[:b] + piece + data[b + (len(piece) if over else 0) :]

        return splice

    return st.builds(make, _place, _place, st.integers(1, 300), st.booleans())


def _inserts() -> st.SearchStrategy[Mutation]:
    return st.builds(_insert, _place, st.binary(min_size=1, max_size=12))


def _words() -> st.SearchStrategy[Mutation]:
    return st.builds(_insert, _place, st.sampled_from(WORDS)) | st.builds(
        _value, _place, st.sampled_from(WORDS)
    )


def _insert(place: int, piece: bytes) -> Mutation:
    def insert(data: bytes) -> bytes:
        at = place % (len(data) + 1)
        return data[:at] + piece + data[at:]

    return insert


def _value(place: int, word: bytes) -> Mutation:
    """A word in place of what stands after a colon or a comma."""

    def change(data: bytes) -> bytes:
        ends = [at for at, byte in enumerate(data) if byte in b":,"]
        if not ends:
            return data
        at = ends[place % len(ends)] + 1
        stop = min(
            (found for found in (data.find(b"\n", at), data.find(b",", at)) if found >= 0), default=len(data)
        )
        return data[:at] + b" " + word + data[stop:]

    return change


def _fills() -> st.SearchStrategy[Mutation]:
    """The four bytes of a length, say, all ones, zeros or a large number."""

    def make(place: int, piece: bytes) -> Mutation:
        def fill(data: bytes) -> bytes:
            at = place % (len(data) + 1)
            return data[:at] + piece + data[at + len(piece) :]

        return fill

    pieces = [b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f", b"\0" * 8, b"\xff" * 8]
    return st.builds(make, _place, st.sampled_from(pieces))


def _lines() -> st.SearchStrategy[Mutation]:
    """A line left out, doubled, or moved to the end."""

    def make(place: int, how: str) -> Mutation:
        def change(data: bytes) -> bytes:
            lines = data.split(b"\n")
            line = lines.pop(place % len(lines))
            if how == "double":
                lines[place % (len(lines) + 1) : 0] = [line, line]
            if how == "move":
                lines.append(line)
            return b"\n".join(lines)

        return change

    return st.builds(make, _place, st.sampled_from(["drop", "double", "move"]))


def _of_a_line() -> st.SearchStrategy[Mutation]:
    def make(place: int, mutation: Mutation) -> Mutation:
        def change(data: bytes) -> bytes:
            lines = data.split(b"\n")
            at = place % len(lines)
            lines[at] = mutation(lines[at])
            return b"\n".join(lines)

        return change

    return st.builds(make, _place, _of_json())


def _of_json() -> st.SearchStrategy[Mutation]:
    """A value of another type or size in place of one, a key doubled, renamed or left out."""
    return st.builds(
        _json_mutation, _place, st.sampled_from(["replace", "replace", "drop", "double", "rename", "copy"]),
        st.sampled_from(ODD_JSON), _place,
    )  # fmt: skip


_RAW = "\N{PRIVATE USE TWO}raw"


def _json_mutation(place: int, how: str, odd: str, other: int) -> Mutation:
    def change(data: bytes) -> bytes:
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return data
        spots = list(_spots(value))
        if not spots:
            return odd.encode()
        holder, key = spots[place % len(spots)]
        if how == "replace":
            holder[key] = _RAW
        elif how == "drop":
            del holder[key]
        elif how == "copy":
            source, name = spots[other % len(spots)]
            holder[key] = json.loads(json.dumps(source[name]))
        elif isinstance(holder, dict):
            holder[f"{_RAW}{key}"] = holder[key] if how == "double" else holder.pop(key)
        text = json.dumps(value, ensure_ascii=False)
        if how == "double":
            text = text.replace(f'"{_RAW}', '"')
        return text.replace(f'"{_RAW}"', odd).encode("utf-8", "surrogatepass")

    return change


def _spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value, as what holds it and its key there."""
    stack = [value]
    while stack:
        holder = stack.pop()
        keys = (
            list(holder)
            if isinstance(holder, dict)
            else range(len(holder))
            if isinstance(holder, list)
            else ()
        )
        for key in keys:
            yield holder, key
            stack.append(holder[key])
