from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asi_repro.archive.lineage import Lineage
from asi_repro.archive.lineage_formats import (
    MAX_INDENT,
    Branch,
    cut_branch,
    to_dot,
    to_mermaid,
    to_newick,
    to_rows,
    tree_lines,
)
from asi_repro.archive.reader import Archive, Experiment
from asi_repro.text import terminal_safe


class Forest:
    """What `cut_branch` needs of an archive, over any parents and names."""

    imported = False

    def __init__(self, parents: list[int | None], names: list[str]) -> None:
        self.lineage = Lineage(dict(enumerate(parents, start=1)))
        self.experiments = {
            index: Experiment(
                index, name, None, parents[index - 1], self.lineage.depth(index),
                len(self.lineage.children(index)), 1.5 if index % 2 else None, index % 3 == 0, False,
            )
            for index, name in enumerate(names, start=1)
        }  # fmt: skip


@st.composite
def forests(draw: st.DrawFn) -> Forest:
    names = draw(
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), min_size=1, max_size=12)
    )
    parents: list[int | None] = []
    for position in range(len(names)):
        parents.append(draw(st.none() | st.integers(1, position)) if position else None)
    return Forest(parents, names)


def edges(forest: Forest) -> set[tuple[int, int]]:
    return {(e.parent, i) for i, e in forest.experiments.items() if e.parent is not None}


class Newick:
    """An independent reading of the grammar: labels of the roots and (parent, child) labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.roots: list[str] = []
        self.pairs: list[tuple[str, str]] = []
        while self.position < len(text):
            self.roots.append(self.subtree())
            self.take(";\n")

    def take(self, token: str) -> None:
        found = self.text[self.position : self.position + len(token)]
        assert found == token, f"{found!r} instead of {token!r} at {self.position}"
        self.position += len(token)

    def subtree(self) -> str:
        below = []
        if self.text[self.position] == "(":
            while self.text[self.position] in "(,":
                self.position += 1
                below.append(self.subtree())
                self.take(":1")
            self.take(")")
        name = self.label()
        self.pairs.extend((name, child) for child in below)
        return name

    def label(self) -> str:
        found = re.compile(r"'((?:[^']|'')*)'").match(self.text, self.position)
        assert found, f"no quoted label at {self.position}"
        self.position = found.end()
        return found[1].replace("''", "'")


def parse_newick(text: str) -> tuple[list[str], list[tuple[str, str]]]:
    tree = Newick(text)
    return tree.roots, tree.pairs


@given(forests())
def test_newick_reads_back(forest: Forest) -> None:
    branch = cut_branch(forest)  # type: ignore[arg-type]
    roots, pairs = parse_newick(to_newick(branch))
    labels = {i: f"{i} {terminal_safe(e.label, keep='')}" for i, e in forest.experiments.items()}
    assert roots == [labels[i] for i in forest.lineage.roots]
    assert set(pairs) == {(labels[a], labels[b]) for a, b in edges(forest)}


@given(forests())
def test_dot_is_statements_and_closed_strings(forest: Forest) -> None:
    text = to_dot(cut_branch(forest))  # type: ignore[arg-type]
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "S", text)
    assert '"' not in bare
    statement = r"rankdir=TB;|node \[shape=box, fontname=S\];|\d+ \[label=S(, peripheries=2)?\];|\d+ -> \d+;"
    lines = bare.splitlines()
    assert (lines[0], lines[-1]) == ("digraph lineage {", "}")
    assert all(re.fullmatch(statement, line.strip()) for line in lines[1:-1]), bare
    assert {tuple(map(int, pair)) for pair in re.findall(r"(\d+) -> (\d+);", bare)} == edges(forest)


@given(forests())
def test_mermaid_labels_hold_no_syntax(forest: Forest) -> None:
    text = to_mermaid(cut_branch(forest))  # type: ignore[arg-type]
    shown = {}
    for line in text.splitlines()[1:]:
        node = re.fullmatch(r'    n(\d+)\["((?:[\w .-]|#\d+;)*)"\]', line)
        if node:
            shown[int(node[1])] = re.sub(r"#(\d+);", lambda code: chr(int(code[1])), node[2])
        else:
            assert re.fullmatch(
                r"    (n\d+ --> n\d+|classDef gallery [\w:-]+|class n[\dn,]+ gallery)", line
            ), line
    for index, experiment in forest.experiments.items():
        assert shown[index].startswith(f"{index} {terminal_safe(experiment.label, keep='')}")
    assert {tuple(map(int, pair)) for pair in re.findall(r"n(\d+) --> n(\d+)", text)} == edges(forest)


@given(forests())
def test_the_text_tree_has_one_line_an_experiment_below_its_parent(forest: Forest) -> None:
    lines = list(tree_lines(cut_branch(forest)))  # type: ignore[arg-type]
    assert sorted(e.index for _, e in lines) == sorted(forest.experiments)
    level: dict[int, int] = {}
    open_path: list[int] = []
    for lead, e in lines:
        level[e.index] = len(lead) // 3
        del open_path[level[e.index] :]
        assert (open_path[-1] if open_path else None) == e.parent
        open_path.append(e.index)


@given(forests(), st.integers(0, 3), st.data())
def test_a_cut_branch_is_the_lineage_within_the_steps(
    forest: Forest, depth: int, data: st.DataObject
) -> None:
    focus = data.draw(st.sampled_from(sorted(forest.experiments)))
    branch: Branch = cut_branch(forest, focus, depth=depth)  # type: ignore[arg-type]
    lineage = forest.lineage
    base = lineage.depth(focus)
    expected = set(lineage.ancestors(focus)[:depth]) | {focus}
    expected |= {i for i in lineage.descendants(focus) if lineage.depth(i) - base <= depth}
    assert {e.index for e in branch.nodes} == expected
    for index, count in branch.hidden.items():
        assert count == len(lineage.children(index)) > 0
    rows = to_rows(branch)
    assert [row["index"] for row in rows] == [e.index for e in branch.nodes]
    seen: set[int] = set()
    for row in rows:
        assert row["parent"] not in expected or row["parent"] in seen
        seen.add(row["index"])


def test_a_chain_of_100000_is_written_in_every_format() -> None:
    count = 100_000
    forest = Forest([None, *range(1, count)], ["n"] * count)
    branch = cut_branch(forest)  # type: ignore[arg-type]
    for write in (to_dot, to_mermaid, to_newick):
        assert len(write(branch)) < 100 * count
    longest = max(len(lead) for lead, _ in tree_lines(branch))
    assert longest <= MAX_INDENT + 3


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz's dot is not installed")
@settings(max_examples=10, deadline=None)
@given(forests())
def test_graphviz_itself_reads_the_dot(forest: Forest) -> None:
    text = to_dot(cut_branch(forest))  # type: ignore[arg-type]
    run = subprocess.run(["dot", "-Tplain"], input=text, capture_output=True, encoding="utf-8")
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("\nnode ") == len(forest.experiments)


def test_hostile_names_stay_inside_their_labels(hostile_archive: Path) -> None:
    archive = Archive(hostile_archive)
    branch = cut_branch(archive)
    roots, pairs = parse_newick(to_newick(branch))
    assert (len(roots), len(pairs)) == (1, len(archive.experiments) - 1)
    for write in (to_dot, to_mermaid, to_newick):
        text = write(branch)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u2028]", text)


def test_the_release_has_one_root_and_every_experiment(release_archive: Path) -> None:
    archive = Archive(release_archive)
    roots, pairs = parse_newick(to_newick(cut_branch(archive)))
    assert (len(roots), len(pairs)) == (1, 1771)
