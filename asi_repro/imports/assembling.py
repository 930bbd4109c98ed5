"""From a run in memory to the archive's rows: indices in the order of making, ghosts for absent parents."""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from asi_repro.archive.bare_programs import bare_program
from asi_repro.archive.node_model import AS_RECORDED, FAILED, GHOST, TREE_ROLES, Objective
from asi_repro.archive.node_tables import extra_tables
from asi_repro.archive.tables import Run
from asi_repro.errors import DataError
from asi_repro.imports.model import MOST_NODES, ImportedRun, NativeNode
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import JsonDict
from asi_repro.text import terminal_safe

_LAST = 2**62
_SHOWN = 80


@dataclass(frozen=True)
class Assembled:
    """A run as rows of version 1's tables, and as the tables of version 2."""

    run: Run
    more: dict[str, pa.Table]


def assemble(found: ImportedRun) -> Assembled:
    """The tables of an imported run; the same run gives the same tables.

    Indices count from 1 in the order in which experiments were made, parents before children, so that an
    import of the same run when it has grown keeps them. A parent that no record describes becomes an
    experiment of status `ghost`, with what its children's records say of it.

    Raises:
        DataError: for an id that is there twice, a cycle, or a run without an experiment.
    """
    nodes = _by_id(found)
    ghosts = _ghosts(nodes, found)
    order = _order(nodes | ghosts)
    index = {key: place for place, key in enumerate(order, 1)}
    made = Run()
    extra: list[JsonDict] = []
    edges: list[JsonDict] = []
    for key in order:
        node = nodes.get(key) or ghosts[key]
        status = GHOST if key in ghosts else node.status
        _add(made, node, index)
        extra.append({"index": index[key], **_facts(node, status)})
        edges += [
            {"index": index[key], "parent": index[link.id], "role": link.role} for link in _distinct(node)
        ]
    records = _records(found, index)
    made.sources = found.sources if found.sources is not None else _sources(found)
    objective = Objective(found.score, found.direction)
    return Assembled(made, extra_tables(extra, edges, records, objective))


def _by_id(found: ImportedRun) -> dict[str, NativeNode]:
    nodes: dict[str, NativeNode] = {}
    for node in found.nodes:
        if node.id in nodes:
            raise DataError(f"two experiments have the id {_shown(node.id)}", where=found.system)
        nodes[node.id] = node
    if not nodes:
        noted = f" ({found.notices[0].text})" if found.notices else ""
        raise DataError(
            f"the run has no experiment{noted}",
            where=found.system,
            hint="name the folder that the system wrote its results to, after its first iteration",
        )
    if len(nodes) > MOST_NODES:
        raise DataError(f"the run has more than {MOST_NODES:,} experiments", where=found.system)
    return nodes


def _ghosts(nodes: dict[str, NativeNode], found: ImportedRun) -> dict[str, NativeNode]:
    absent = {link.id for node in nodes.values() for link in node.parents} - nodes.keys()
    return {key: found.ghosts.get(key) or NativeNode(id=key) for key in sorted(absent)}


def _distinct(node: NativeNode) -> list[Any]:
    """The parents; one that is there in several roles counts in its first."""
    return list({link.id: link for link in reversed(node.parents)}.values())[::-1]


def _order(nodes: dict[str, NativeNode]) -> list[str]:
    """Ids, parents before children and else by iteration or generation, time and id."""
    children: dict[str, list[str]] = defaultdict(list)
    waiting: dict[str, int] = {}
    for key, node in nodes.items():
        parents = {link.id for link in node.parents} & nodes.keys()
        waiting[key] = len(parents)
        for parent in parents:
            children[parent].append(key)
    stated = {key: _made_at(node) for key, node in nodes.items()}
    made = {
        # A ghost, as a rule: it was there before the first of its children.
        key: (*min(stated[child] for child in children[key])[:2], key)
        if own[0] == _LAST and children[key]
        else own
        for key, own in stated.items()
    }
    ready = [made[key] for key, count in waiting.items() if not count]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        key = heapq.heappop(ready)[-1]
        order.append(key)
        for child in children[key]:
            waiting[child] -= 1
            if not waiting[child]:
                heapq.heappush(ready, made[child])
    if len(order) < len(nodes):
        raise DataError(
            f"experiments descend from themselves: {_cycle(nodes, set(nodes) - set(order))}",
            where="parents",
            hint="correct the parents in the source; nothing was imported",
        )
    return order


def _made_at(node: NativeNode) -> tuple[int, float, str]:
    step = node.iteration if node.iteration is not None else node.generation
    time = node.time if node.time is not None else float("inf")
    return (_LAST if step is None else step, time, node.id)


def _cycle(nodes: dict[str, NativeNode], lost: set[str]) -> str:
    current = min(lost)
    seen: list[str] = []
    while current not in seen:
        seen.append(current)
        current = min(link.id for link in nodes[current].parents if link.id in lost)
    return " → ".join(_shown(key) for key in [*seen[seen.index(current) :][:10], current])


def _shown(key: str) -> str:
    return terminal_safe(key[:_SHOWN], keep="")


def plain_name(text: str) -> str:
    """A name without control characters and path separators, of at most 200 characters."""
    clean = terminal_safe(" ".join(text.split()), keep="").replace("/", "_").replace("\\", "_")
    return clean.lstrip(".")[:200].strip() or "unnamed"


def _add(made: Run, node: NativeNode, index: dict[str, int]) -> None:
    key = index[node.id]
    parent = next((index[link.id] for link in node.parents if link.role in TREE_ROLES), None)
    common = {
        "index": key,
        "name": plain_name(node.id),
        "display_name": None if node.name is None else plain_name(node.name),
        "parent": parent,
        # A failed experiment has no score, whatever the system wrote for one: a crash is no result.
        "score": None if node.status == FAILED else node.score,
    }
    made.experiments.append({**common, "in_gallery": False, "has_program": node.program is not None})
    if node.program is not None:
        made.programs.append(common | bare_program(node.program, node.motivation, node.summary))
    made.benchmarks += [
        {"index": key, "column": name, "task": name, "metric": AS_RECORDED, "value": value}
        for name, value in node.metrics.items()
    ]


def _facts(node: NativeNode, status: str) -> JsonDict:
    kept = {"generation", "iteration", "island", "language", "time", "seconds", "cost", "tokens"}
    return {"native_id": node.id, "status": status, **node.model_dump(include=kept)}


def _records(found: ImportedRun, index: dict[str, int]) -> list[JsonDict]:
    rows: list[JsonDict] = []
    seen: set[str] = set()
    for record in sorted(found.records, key=lambda one: (one.file, one.place)):
        digest = sha256_bytes(record.content)
        rows.append(
            {
                "file": record.file,
                "place": record.place,
                "index": None if record.node is None else index.get(record.node),
                "sha256": digest,
                "content": None if digest in seen else record.content,
            }
        )
        seen.add(digest)
    return rows


def _sources(found: ImportedRun) -> list[JsonDict]:
    whole: dict[str, list[bytes]] = defaultdict(list)
    counts: dict[str, int] = defaultdict(int)
    for record in sorted(found.records, key=lambda one: (one.file, one.place)):
        whole[record.file].append(record.content)
        counts[record.file] += record.node is not None
    return [
        {
            "file": name,
            "sha256": sha256_bytes(b"".join(parts)),
            "bytes": sum(map(len, parts)),
            "records": counts[name],
            "url": None,
            "commit": None,
        }
        for name, parts in whole.items()
    ]
