"""What each step of an experiment came to, one line a step: the head of a trace's note."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from asi_repro.markdown import escape
from asi_repro.store.json_text import JsonDict

Facts = Mapping[str, Any]


def brief(records: Sequence[JsonDict]) -> Iterator[str]:
    """List items: the steps that are in no other, each with its outcome where its span tells one."""
    for record in records:
        if record["parent_span_id"] is not None:
            continue
        facts = json.loads(record.get("metadata") or "{}")
        said = [text for tell in _TELLERS for text in tell(facts)]
        if record["status_code"] == "ERROR":
            said = [f"failed: {escape(record['status_message']) or 'no reason kept'}"]
        if record["openinference.span.kind"] == "LLM" and record.get("agent.name"):
            said.append(escape(record["agent.name"]))
        outcome = f": {', '.join(said)}" if said else ""
        yield f"- {record['sequence']}. {escape(record['name'])}{outcome}"


def _sampled(facts: Facts) -> Iterator[str]:
    if "sample.parent" in facts:
        yield f"parent {escape(facts['sample.parent'])}"
        references = facts.get("sample.references") or []
        yield f"references {', '.join(map(escape, references))}" if references else "no references"
        yield f"from a pool of {escape(facts.get('sample.pool', '?'))}"


def _imported(facts: Facts) -> Iterator[str]:
    if "import.status" in facts:
        yield f"imported from {escape(facts.get('import.system', '?'))}"
        yield escape(facts["import.status"])
        if isinstance(facts.get("import.score"), float):
            yield f"score {facts['import.score']:.6g}"


def _proposed(facts: Facts) -> Iterator[str]:
    if "proposal.name" in facts:
        yield escape(facts["proposal.name"])
        if operators := facts.get("proposal.operators"):
            yield f"by {', '.join(map(escape, operators))}"


def _ruled(facts: Facts) -> Iterator[str]:
    for name, value in facts.items():
        step, _, field = name.rpartition(".")
        if field == "accepted" and isinstance(value, bool):
            reason = escape(facts.get(f"{step}.reason", "no reason kept"))
            yield reason if value else f"**turned down**: {reason}"


def _trained(facts: Facts) -> Iterator[str]:
    for name, title in (("lab.train_loss", "training loss"), ("lab.benchmark", "benchmark mean")):
        if isinstance(facts.get(name), float):
            yield f"{title} {facts[name]:.4f}"


def _repaired(facts: Facts) -> Iterator[str]:
    if "repair.given" in facts:
        yield "another program" if facts["repair.given"] else "none was given"


def _judged(facts: Facts) -> Iterator[str]:
    if isinstance(facts.get("judgement.score"), float):
        yield f"{facts['judgement.score']:.4f}"
        if isinstance(facts.get("judgement.spread"), float):
            yield f"spread {facts['judgement.spread']:.4f}"


def _analysed(facts: Facts) -> Iterator[str]:
    if found := facts.get("analysis.shortcomings"):
        yield f"found lacking: {'; '.join(map(escape, found))}"


_TELLERS: tuple[Callable[[Facts], Iterator[str]], ...] = (
    _sampled,
    _imported,
    _proposed,
    _ruled,
    _trained,
    _repaired,
    _judged,
    _analysed,
)
