"""A lineage as text for other tools: tree, JSON, Mermaid, Graphviz dot, Newick.

Names are hostile: each format escapes what its grammar gives a meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from asi_repro.archive.nodes import other_parents
from asi_repro.archive.reader import Archive, Experiment
from asi_repro.text import terminal_safe

# Deeper levels are not indented further: a chain of 100,000 would need 10 GB of spaces.
MAX_INDENT = 60


@dataclass(frozen=True)
class Branch:
    """Part of a lineage, cut out for showing.

    Attributes:
        nodes: the experiments, parents before their children, depth first.
        children: children by index, among `nodes` only.
        roots: those whose parent is not among `nodes`.
        focus: the experiment asked for; None for the whole tree.
        hidden: how many descendants of a node a depth limit cut off.
        others: further parents of those that combine several, without the one above them in the tree.
    """

    nodes: list[Experiment]
    children: dict[int, list[int]]
    roots: list[int]
    focus: int | None
    hidden: dict[int, int]
    others: dict[int, tuple[int, ...]]

    def crossing(self) -> Iterator[tuple[int, int]]:
        """The edges from further parents, where both ends are among `nodes`."""
        for index, parents in self.others.items():
            yield from ((parent, index) for parent in parents if parent in self.children)


def cut_branch(
    archive: Archive,
    focus: int | None = None,
    *,
    ancestors: bool = True,
    descendants: bool = True,
    depth: int | None = None,
) -> Branch:
    """The experiment with its ancestors and descendants, or the whole tree.

    Args:
        archive: whose lineage.
        focus: index of the experiment; the whole tree where None.
        ancestors: with the path up to the root.
        descendants: with everything below.
        depth: at most that many steps up and that many down (for the whole tree: from the roots).
    """
    lineage = archive.lineage
    above: list[int] = []
    if focus is not None and ancestors:
        above = lineage.ancestors(focus)[:depth][::-1]
    starts = lineage.roots if focus is None else [focus]
    limit = depth if descendants else 0
    below: list[int] = []
    hidden: dict[int, int] = {}
    stack = [(index, 0) for index in reversed(starts)]
    while stack:
        index, level = stack.pop()
        below.append(index)
        under = lineage.children(index)
        if limit is None or level < limit:
            stack.extend((child, level + 1) for child in reversed(under))
        elif under and descendants:
            hidden[index] = len(under)
    chosen = above + below
    inside = set(chosen)
    children: dict[int, list[int]] = {index: [] for index in chosen}
    roots: list[int] = []
    for index in chosen:
        parent = lineage.parent(index)
        if parent is not None and parent in inside:
            children[parent].append(index)
        else:
            roots.append(index)
    nodes = [archive.experiments[index] for index in chosen]
    others = {index: found for index, found in other_parents(archive).items() if index in inside}
    return Branch(nodes, children, roots, focus, hidden, others)


def tree_lines(branch: Branch) -> Iterator[tuple[str, Experiment]]:
    """Each node with the box-drawing prefix of its line in a tree."""
    experiments = {e.index: e for e in branch.nodes}
    stack: list[tuple[int, str, str]] = [(root, "", "") for root in reversed(branch.roots)]
    while stack:
        index, lead, below = stack.pop()
        yield lead, experiments[index]
        under = branch.children[index]
        if len(below) >= MAX_INDENT:
            stack.extend((child, f"{below}… ", below) for child in reversed(under))
            continue
        for child in reversed(under):
            last = child == under[-1]
            stack.append((child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  ")))


def to_rows(branch: Branch) -> list[dict[str, Any]]:
    """The nodes as JSON objects, parents before their children."""
    return [{**e.to_dict(), "hidden_children": branch.hidden.get(e.index, 0)} for e in branch.nodes]


def _caption(experiment: Experiment) -> str:
    score = "" if experiment.score is None else f" {experiment.score:.4f}"
    return f"{experiment.index} {_label(experiment)}{score}"


def _label(experiment: Experiment) -> str:
    label = experiment.label
    return label if label.isprintable() else terminal_safe(label, keep="")


def to_mermaid(branch: Branch) -> str:
    """A Mermaid flowchart; every character with a meaning there is an entity code."""
    lines = ["flowchart TD"]
    for e in branch.nodes:
        lines.append(f'    n{e.index}["{_mermaid_text(_caption(e))}"]')
    for index, children in branch.children.items():
        lines.extend(f"    n{index} --> n{child}" for child in children)
    lines.extend(f"    n{parent} -.-> n{child}" for parent, child in branch.crossing())
    gallery = [f"n{e.index}" for e in branch.nodes if e.in_gallery]
    if gallery:
        lines += ["    classDef gallery stroke-width:3px", f"    class {','.join(gallery)} gallery"]
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    # '#34;' is Mermaid's own entity code. '#' and ';' are escaped too, so no code can be smuggled in;
    # letters, digits and a few signs are plain in every position.
    return "".join(c if c.isalnum() or c in " ._-" else f"#{ord(c)};" for c in text)


def to_dot(branch: Branch) -> str:
    """A Graphviz digraph; gallery architectures have a double border."""
    lines = ["digraph lineage {", "    rankdir=TB;", '    node [shape=box, fontname="Helvetica"];']
    for e in branch.nodes:
        style = ", peripheries=2" if e.in_gallery else ""
        lines.append(f"    {e.index} [label={_dot_string(_caption(e))}{style}];")
    for index, children in branch.children.items():
        lines.extend(f"    {index} -> {child};" for child in children)
    lines.extend(f"    {parent} -> {child} [style=dashed];" for parent, child in branch.crossing())
    return "\n".join([*lines, "}"]) + "\n"


def _dot_string(text: str) -> str:
    # In a dot label a backslash starts an escape such as \N, and HTML entities are decoded.
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return f'"{escaped}"'


def to_newick(branch: Branch) -> str:
    """Newick, one tree a line for each root; labels are `INDEX NAME`, each branch has length 1."""
    experiments = {e.index: e for e in branch.nodes}
    lines: list[str] = []
    for root in branch.roots:
        parts: list[str] = []
        # Iterative, as a lineage may be deeper than Python's stack: a string is emitted as it is.
        stack: list[int | str] = [root]
        while stack:
            item = stack.pop()
            if isinstance(item, str):
                parts.append(item)
                continue
            length = "" if item == root else ":1"
            stack.append(f"{_newick_label(experiments[item])}{length}")
            if under := branch.children[item]:
                stack.append(")")
                for position, child in enumerate(reversed(under)):
                    stack.extend([",", child] if position else [child])
                stack.append("(")
        lines.append("".join(parts) + ";")
    return "\n".join(lines) + "\n"


def _newick_label(experiment: Experiment) -> str:
    text = f"{experiment.index} {_label(experiment)}".replace("'", "''")
    return f"'{text}'"
