"""Program and diff by key presses: grep, outline, saving, pager, intra-line changes, the way to the root."""

from __future__ import annotations

import ast
import asyncio
import os
from pathlib import Path

import pytest
from browsing import notices, press, run_app, screen_text
from hypothesis import given
from hypothesis import strategies as st
from terminal import Terminal

from asi_repro.tui.diff_rows import changed_parts, code_first, diff_rows, prose_lines
from asi_repro.tui.run_data import Source

BEFORE = '''"""A mixer."""

def mix(x):
    # the first
    y = x * gate
    return y
'''
AFTER = BEFORE.replace("A mixer", "The mixer").replace("x * gate", "x * other_gate")


def test_what_changed_within_a_line_is_found_word_by_word() -> None:
    left, right = changed_parts("    y = x * gate", "    y = x * other_gate")
    assert ["    y = x * gate"[a:b] for a, b in left] == ["gate"]
    assert ["    y = x * other_gate"[a:b] for a, b in right] == ["other_gate"]
    assert changed_parts("alpha", "+ 3 / 4 * 5 - 6") == ([], []), "nothing in common"


@given(st.text("ab .", max_size=12), st.text("ab .", max_size=12))
def test_outside_the_parts_two_lines_are_equal(before: str, after: str) -> None:
    left, right = changed_parts(before, after)

    def rest(text: str, spans: list[tuple[int, int]]) -> str:
        return "".join(c for n, c in enumerate(text) if not any(a <= n < b for a, b in spans))

    if left or right:
        assert rest(before, left) == rest(after, right)


def test_code_comes_before_docstrings_and_nothing_is_lost() -> None:
    before, after = BEFORE.splitlines(), AFTER.splitlines()
    rows = diff_rows(before, after, context=0)
    code, prose = code_first(rows, prose_lines(BEFORE), prose_lines(AFTER))
    assert [r.left for r in code if r.kind == "changed"] == [4]
    assert [r.left for r in prose if r.kind == "changed"] == [0]
    assert sorted((r.left or 0) for r in [*code, *prose]) == sorted((r.left or 0) for r in rows)
    assert prose_lines("def (") == frozenset(), "what does not parse has no docstrings"


def deep(source: Source) -> int:
    """A program with two released ancestors, else with the most there are."""
    archive = source.archive

    def way(index: int) -> int:
        above = archive.nearest_program_ancestor(index)
        return 0 if above is None else 1 + way(above)

    return max((e.index for e in archive.gallery), key=way)


def test_the_diff_walks_to_the_root_and_unfolds(made_up_source: Source) -> None:
    index = deep(made_up_source)
    above = made_up_source.archive.nearest_program_ancestor(index)

    async def go() -> None:
        async with run_app(made_up_source, size=(120, 40), start=index) as pilot:
            await press(pilot, "D")
            tab = pilot.app.view("experiment")._tab()
            assert tab._compared.found.old.index == above
            await press(pilot, "greater_than_sign")
            if tab._compared.step[1] > 1:
                assert tab._compared.found.new.index == above
                assert "step 2 of" in screen_text(pilot.app)
                await press(pilot, "less_than_sign")
            else:
                assert "last step" in notices(pilot.app)
            assert tab._compared.found.new.index == index
            folds = [
                line for line in tab.query_one("#diff-lines").lines if "unchanged lines" in line.text.plain
            ]
            if folds:
                await press(pilot, "home")
                while tab.query_one("#diff-lines").line.key[0] != "fold":
                    await press(pilot, "down")
                await press(pilot, "space")
                assert "▾" in screen_text(pilot.app)
                await press(pilot, "enter")
                assert "▾" not in screen_text(pilot.app)

    asyncio.run(go())


def test_a_program_is_grepped_outlined_and_saved(
    made_up_source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    index = made_up_source.archive.gallery[0].index
    source = made_up_source.archive.program(index).source
    defs = [n for n, text in enumerate(source.split("\n")) if text.lstrip().startswith("def ")]
    named = [node.name for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]

    async def go() -> None:
        async with run_app(made_up_source, size=(100, 40), start=index) as pilot:
            await press(
                pilot, "P", "g", *["circumflex_accent"], "backslash", *"s", "asterisk", *"def", "enter"
            )
            tab = pilot.app.view("experiment")._tab()
            assert [line.key for line in tab.line_list.lines] == defs
            assert f"{len(defs)} lines match" in screen_text(pilot.app)
            await press(pilot, "end", "enter")
            assert tab.line_list.line.key == defs[-1]
            assert len(tab.line_list.lines) == len(source.rstrip("\n").split("\n"))
            await press(pilot, "g", "left_parenthesis", "enter")
            assert "No regular expression" in notices(pilot.app)
            await press(pilot, "i")
            assert all(name in screen_text(pilot.app) for name in named)
            await press(pilot, "enter")
            assert tab.line_list.line.key == min(tab.code.folds)
            await press(pilot, "w", "enter")
            (saved,) = tmp_path.iterdir()
            assert saved.read_text() == source
            await press(pilot, "w", "enter")
            assert "is there already" in notices(pilot.app)
            await press(pilot, "e", "vertical_line")
            assert "cannot be started here" in notices(pilot.app), "a test has no terminal to give away"

    asyncio.run(go())


def test_editor_and_pager_get_a_copy_and_the_app_comes_back(made_up_root: Path, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_text(f'#!/bin/sh\ncat "$1" > {tmp_path}/got-$TOOL\n')
    tool.chmod(0o755)
    archive = made_up_root / "artifacts" / "archive"
    source = Source.at(archive)
    index = source.archive.gallery[0].index
    before = {name: os.environ.get(name) for name in ("VISUAL", "EDITOR", "PAGER")}
    os.environ.update(VISUAL=f"env TOOL=editor {tool}", EDITOR="", PAGER=f"env TOOL=pager {tool}")
    try:
        arguments = ("browse", str(index), "--archive", str(archive), "--tab", "program")
        with Terminal("sixel", *arguments, home=tmp_path) as terminal:
            terminal.until(lambda seen: b"import" in seen)
            for key, name in (("e", "editor"), ("|", "pager")):
                terminal.press(key)
                got = tmp_path / f"got-{name}"
                terminal.until(lambda seen, got=got: got.is_file() and got.stat().st_size > 0)  # type: ignore[misc]
                assert got.read_text() == source.archive.program(index).source
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
