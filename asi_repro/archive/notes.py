"""A run as linked Markdown notes, one an experiment, for Obsidian and its like, or any reader of Markdown.

Links are plain relative ones, so that a program that knows backlinks finds them, and others follow them; what
points at a note is listed in it too. Texts of the run are escaped or stand in fences that they cannot close.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asi_repro import markdown
from asi_repro.archive.cognition import TEXTS, entries
from asi_repro.archive.node_model import FINISHED, Node, Objective
from asi_repro.archive.nodes import other_parents, read_nodes
from asi_repro.archive.reader import Archive, Experiment, Program
from asi_repro.archive.tables import read_parquet
from asi_repro.markdown import code, escape, fence
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import JsonDict
from asi_repro.text import terminal_safe
from asi_repro.traces.note import trace_note
from asi_repro.traces.parquet import read_traces

MANIFEST = ".asi-repro-notes.json"
EXPERIMENTS, COGNITION, TRACES = "experiments", "cognition", "traces"
_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
_MARKS = re.compile(r"[^A-Za-z0-9 ._-]")
_SLUG = 60
_BEST = 20


@dataclass
class _Vault:
    """Everything the notes are made from, read once."""

    archive: Archive
    title: str
    nodes: Mapping[int, Node]
    objective: Objective
    others: Mapping[int, tuple[int, ...]]
    cognition: dict[str, JsonDict]
    recalled: dict[int, tuple[str, ...]]
    analyses: dict[int, str]
    traces: Mapping[int, Sequence[JsonDict]]
    programs: dict[int, Program]
    curves: dict[int, list[JsonDict]] = field(default_factory=lambda: defaultdict(list))
    benchmarks: dict[int, list[JsonDict]] = field(default_factory=lambda: defaultdict(list))
    children: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))

    def file(self, index: int) -> str:
        """Name of an experiment's note."""
        return f"{index:05d}-{_slug(self.archive.experiments[index].label)}.md"

    def link(self, index: int, room: str = "../") -> str:
        """A link to an experiment from a note in another folder, or with "" from the vault's root."""
        label = escape(f"{index} {self.archive.experiments[index].label}")
        return f"[{label}]({room}{EXPERIMENTS}/{self.file(index)})"

    @property
    def nothing(self) -> str:
        """What stands for no recalled entry: of a run of another system or the release it is not known."""
        return "None." if self.recalled else "Not recorded."

    def entry_link(self, key: str) -> str:
        """A link to a cognition entry."""
        title = self.cognition[key]["title"] if key in self.cognition else key
        return f"[{escape(title)}](../{COGNITION}/{_entry_file(key)})"


def run_notes(
    archive: Archive, title: str, traces: Mapping[int, Sequence[JsonDict]] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Path and content of every note of a run. The same archive gives the same bytes.

    Args:
        title: what the run is called.
        traces: records of `traces.openinference.flatten` by experiment, where there are any.

    Raises:
        DataError: where a table is damaged.
    """
    vault = _read(archive, title, traces or {})
    yield "index.md", _bytes(_index(vault))
    for index in archive.experiments:
        yield f"{EXPERIMENTS}/{vault.file(index)}", _bytes(_experiment(vault, index))
    backlinks: dict[str, list[int]] = defaultdict(list)
    for index, keys in vault.recalled.items():
        for key in keys:
            backlinks[key].append(index)
    for key in dict.fromkeys((*vault.cognition, *backlinks)):
        yield f"{COGNITION}/{_entry_file(key)}", _bytes(_entry(vault, key, backlinks[key]))
    for index, records in vault.traces.items():
        yield f"{TRACES}/{index:05d}.md", _bytes([terminal_safe(trace_note(records)).rstrip()])


def _read(archive: Archive, title: str, traces: Mapping[int, Sequence[JsonDict]]) -> _Vault:
    analyses: dict[int, str] = {}
    recalled: dict[int, tuple[str, ...]] = {}
    if (archive.folder / "analyses.parquet").is_file():  # of our own runs alone
        for row in read_parquet(archive.folder / "analyses.parquet").to_pylist():
            analyses[row["index"]], recalled[row["index"]] = row["text"], tuple(row["cognition"])
    made = _Vault(
        archive,
        title,
        read_nodes(archive),
        archive.objective,
        other_parents(archive),
        {row["id"]: row for row in entries(archive)},
        recalled,
        analyses,
        {
            index: records
            for index, records in sorted(traces.items())
            if index in archive.experiments and records
        },
        {program.index: program for program in archive.programs()},
    )
    for name, rows in (("curves", made.curves), ("benchmarks", made.benchmarks)):
        for row in archive.table(name).to_pylist():
            rows[row.pop("index")].append(row)
    for index, experiment in archive.experiments.items():
        for parent in dict.fromkeys((experiment.parent, *made.others.get(index, ()))):
            if parent is not None:
                made.children[parent].append(index)
    return made


def _index(vault: _Vault) -> Iterable[str]:
    every = vault.archive.experiments.values()
    scored = [e for e in every if e.score is not None]
    best = sorted(scored, key=lambda e: (-vault.objective.gain(e.score), e.index))
    yield f"# {escape(vault.title)}"
    yield ""
    counts = (len(every), len(vault.programs), len(vault.traces))
    yield "{:,} experiments, {:,} with their program, {:,} traces.".format(*counts)
    yield from ("", "## Roots", "")
    yield from (f"- {vault.link(e.index, '')}" for e in every if e.parent is None)
    if vault.objective.direction in ("maximize", "minimize"):
        yield from (
            "",
            f"## Best by score ({escape(vault.objective.score)}, {vault.objective.direction})",
            "",
        )
        yield from (f"- {vault.link(e.index, '')}: {e.score:.6g}" for e in best[:_BEST])
    if vault.archive.gallery:
        yield from ("", "## Gallery", "")
        yield from (f"- {vault.link(e.index, '')}" for e in vault.archive.gallery)


def _experiment(vault: _Vault, index: int) -> Iterable[str]:
    one, node = vault.archive.experiments[index], vault.nodes[index]
    yield from _front(one, node)
    yield f"# {escape(one.label)}"
    yield ""
    score = "no score" if one.score is None else f"{vault.objective.score} {one.score:.6g}"
    facts = [f"experiment {index}", score, f"depth {one.depth}", *(["gallery"] if one.in_gallery else [])]
    facts += [] if node.status == FINISHED else [node.status]
    yield f"{escape(', '.join(facts))}. [Run](../index.md)"
    yield from ("", "## Lineage", "")
    yield f"- parent: {'none' if one.parent is None else vault.link(one.parent)}"
    yield from (f"- another parent: {vault.link(other)}" for other in vault.others.get(index, ()))
    yield from (f"- child: {vault.link(child)}" for child in vault.children.get(index, ()))
    yield from ("", "## Cognition", "")
    yield from [f"- {vault.entry_link(key)}" for key in vault.recalled.get(index, ())] or [vault.nothing]
    program = vault.programs.get(index)
    if program is not None:
        yield from _texts("Motivation", program.motivation)
        yield from _texts("Summary", program.summary)
    yield from _texts("Analysis", vault.analyses.get(index))
    if rows := vault.benchmarks.get(index):
        yield from ("", "## Benchmarks", "", *markdown.record_table(rows))
    losses = [row for row in vault.curves.get(index, ()) if row["loss"] is not None]
    if losses:
        yield from ("", f"Training loss {losses[-1]['loss']:.6g} at step {losses[-1]['step']:,}.")
    if index in vault.traces:
        yield from ("", f"[What the agents did](../{TRACES}/{index:05d}.md)")
    if program is not None:
        language = "python" if (node.language or "python") == "python" else ""
        yield from ("", "## Program", "", *fence(terminal_safe(program.source), language))


def _front(one: Experiment, node: Node) -> Iterable[str]:
    """The properties. A reader that knows none shows them as Markdown, so a name has no markup in it."""
    facts: dict[str, Any] = {
        "index": one.index,
        "name": one.name,
        "score": one.score,
        "parent": one.parent,
        "depth": one.depth,
        "gallery": one.in_gallery,
        "status": node.status,
    }
    yield "---"
    for key, value in facts.items():
        yield f"{key}: {_quoted(value) if isinstance(value, str) else json.dumps(value)}"
    yield from ("---", "")


def _quoted(text: str) -> str:
    """A YAML string in double quotes, everything but letters, digits and a few marks as escapes."""
    return '"' + _MARKS.sub(lambda found: f"\\U{ord(found[0]):08x}", text) + '"'


def _entry(vault: _Vault, key: str, backlinks: Sequence[int]) -> Iterable[str]:
    row = vault.cognition.get(key)
    yield f"# {escape(row['title'] if row else key)}"
    yield from ("", f"Cognition entry {code(key)}. [Run](../index.md)", "", "## Recalled by", "")
    yield from [f"- {vault.link(index)}" for index in backlinks] or [vault.nothing]
    if row is None:
        yield from ("", "The archive of this run does not hold the entry's text.")
        return
    for name in TEXTS:
        yield from _texts(name.replace("_", " ").capitalize(), row[name])


def _texts(title: str, text: str | None) -> Iterable[str]:
    """A text of the run as plain paragraphs under a heading."""
    if not text or not text.strip():
        return
    yield from ("", f"## {title}")
    for line in terminal_safe(text).splitlines():
        if line.strip():
            yield from ("", escape(line))


def _slug(label: str) -> str:
    return _UNSAFE.sub("-", label)[:_SLUG].strip("-").lower() or "unnamed"


def _entry_file(key: str) -> str:
    return f"{_slug(key)}-{sha256_bytes(key.encode('utf-8', 'surrogatepass'))[:8]}.md"


def _bytes(lines: Iterable[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def read_run_traces(path: Path) -> dict[int, list[JsonDict]]:
    """The records of a run's traces by experiment; none where there is no file.

    Raises:
        DataError: where the file is damaged.
    """
    return by_experiment(read_traces(path)) if path.is_file() else {}


def by_experiment(records: Iterable[JsonDict]) -> dict[int, list[JsonDict]]:
    """Records of spans by the index of their experiment."""
    found: dict[int, list[JsonDict]] = defaultdict(list)
    for record in records:
        session = record["session.id"]
        if session.isascii() and session.isdigit():
            found[int(session)].append(record)
    return dict(found)
