"""What each system recorded of how an experiment came about: proposals, evaluations, analyses.

Only what stands in the records is told. Systems differ in what they keep: a prompt, an answer, a time that is
not there stays out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from asi_repro.imports.openevolve import FAILURES, TRACE
from asi_repro.imports.reading import inner_json
from asi_repro.imports.values import NAME_CHARACTERS, a_list, amount, an_object, finite, short, text, whole
from asi_repro.store.json_text import JsonDict
from asi_repro.text import LATEST
from asi_repro.traces.spans import Kind

Interval = tuple[float, float]
Records = Sequence[tuple[str, JsonDict]]
"""Name and object of each record of one experiment."""


@dataclass(frozen=True)
class Step:
    """One recorded step.

    Attributes:
        interval: from when to when, in seconds since 1970, where both are recorded.
        error: why it failed; None where it did not, "" where no reason is kept.
        inside: the steps that it consists of.
    """

    name: str
    kind: Kind
    attributes: JsonDict = field(default_factory=dict)
    interval: Interval | None = None
    error: str | None = None
    inside: tuple[Step, ...] = ()


@dataclass(frozen=True)
class Story:
    """The steps of an experiment, and when the whole of it was, where that is recorded."""

    steps: tuple[Step, ...] = ()
    interval: Interval | None = None
    error: str | None = None


def openevolve(records: Records) -> Story:
    """Of a program's file (`prompts`, with `log_prompts`), its line of the trace, or a logged failure."""
    programs = [value for name, value in records if name not in (TRACE, FAILURES)]
    lines = [value for name, value in records if name == TRACE]
    failures = [value for name, value in records if name == FAILURES]
    every = [*programs, *lines, *failures]
    calls, judged = _prompts(programs)
    if not calls and lines and (lines[0].get("prompt") or lines[0].get("llm_response")):
        calls = [_call("proposal", an_object(lines[0].get("prompt")), lines[0].get("llm_response"))]
    usage = _first(_usage(value) for value in every)
    if usage:
        first, *rest = calls or [_call("proposal", {}, None)]
        calls = [Step(first.name, first.kind, {**first.attributes, **usage}), *rest]
    metrics = _first(value.get("metrics") or value.get("child_metrics") for value in [*programs, *lines])
    kept = _first(
        an_object(inner_json(v.get("artifacts_json") or v.get("artifacts"))) for v in [*programs, *lines]
    )
    # A program names its artifacts, and could name one as an attribute that has a meaning here.
    artifacts = {f"artifact.{name}": said for name, said in _texts(kept).items()}
    evaluation = _evaluation(an_object(metrics), artifacts, inside=tuple(judged))
    # OpenEvolve makes the record when the evaluation has ended; the duration counts from before the request.
    end = _first(finite(value.get("timestamp")) for value in every)
    took = _first(amount(an_object(v.get("metadata")).get("iteration_time")) for v in every)
    why = short(failures[0].get("error")) if failures else None
    start = None if end is None or took is None else end - took
    return Story((*calls, *evaluation), _between(start, end), why)


def _prompts(programs: Sequence[JsonDict]) -> tuple[list[Step], list[Step]]:
    """Calls that a program's file holds: those that proposed it, and those that judged it."""
    calls: list[Step] = []
    judged: list[Step] = []
    for key, value in an_object(_first(an_object(p.get("prompts")) for p in programs)).items():
        found = an_object(value)
        answers = found.get("responses")
        said: list[str | None] = [a for a in a_list(answers) if isinstance(a, str)]
        to = judged if key == "evaluation" else calls
        to += [_call("judgement" if to is judged else "proposal", found, one) for one in said or [None]]
    return calls, judged


def _usage(value: JsonDict) -> JsonDict:
    metadata = an_object(value.get("metadata"))
    usage = an_object(metadata.get("token_usage") or value.get("token_usage"))
    model = usage.get("model") or metadata.get("llm_model")
    return _tokens(model, usage.get("prompt_tokens"), usage.get("completion_tokens"))


def shinka(records: Records) -> Story:
    """Of a program's row, with its `metadata`; or of the log of a proposal that was never evaluated."""
    for name, row in records:
        if name == "attempt_log.jsonl":
            details = an_object(inner_json(row.get("details")))
            facts = _facts(details, _PROPOSED, cost="api_costs")
            why = text(details.get("last_error_msg")) or text(details.get("error_attempt")) or ""
            return Story((Step("proposal", "CHAIN", facts, error=why),))
    row = next((row for _, row in records), {})
    metadata = an_object(inner_json(row.get("metadata")))
    answered = an_object(metadata.get("llm_result"))
    calls: tuple[Step, ...] = ()
    if answered:
        asked = {"system": answered.get("system_msg"), "user": answered.get("msg")}
        counts = (answered.get("input_tokens"), answered.get("output_tokens"))
        usage = _tokens(answered.get("model_name") or metadata.get("model_name"), *counts)
        if (cost := amount(answered.get("cost"))) is not None:
            usage["llm.cost.total"] = cost
        calls = (_call("proposal", asked, answered.get("content"), usage, answered.get("thought")),)
    sampled = Step(
        "sampling", "CHAIN", _facts(metadata, _PROPOSED, cost="api_costs"), _stage(metadata, "sampling"),
        inside=calls,
    )  # fmt: skip
    metrics = {
        "combined_score": row.get("combined_score"),
        **an_object(inner_json(row.get("private_metrics"))),
        **an_object(inner_json(row.get("public_metrics"))),
    }
    said = _texts({"feedback": row.get("text_feedback"), **_facts(metadata, ("stdout_log", "stderr_log"))})
    failed = None if row.get("correct") in (1, True) else text(metadata.get("error_attempt")) or ""
    evaluated = _evaluation(metrics, said, _stage(metadata, "evaluation"), error=failed)
    after = _stage(metadata, "postprocess")
    rest = (Step("postprocess", "CHAIN", {}, after),) if after else ()
    ends = [end for n in _STAGES if (end := finite(metadata.get(f"{n}_finished_at"))) is not None]
    whole_ = _between(finite(metadata.get("pipeline_started_at")), max(ends, default=None))
    shown = (sampled,) if sampled.attributes or sampled.interval or calls else ()
    return Story((*shown, *evaluated, *rest), whole_)


def journal(records: Records) -> Story:
    """Of a node: its plan, what its program printed, and what was made of that. Prompts are not kept."""
    node = next((node for _, node in records), {})
    steps = _said("proposal", "AGENT", node.get("plan"))
    printed = node.get("_term_out")
    out = "".join(p for p in printed if isinstance(p, str)) if isinstance(printed, list) else printed
    took = amount(node.get("exec_time"))
    kind = short(node.get("exc_type"))
    arguments = a_list(an_object(node.get("exc_info")).get("args"))
    why = None if kind is None else ": ".join([kind, *map(str, arguments)])
    if took is not None or text(out):
        facts = {"output.value": text(out), "seconds": took}
        steps += (Step("execution", "TOOL", _known(facts), error=why),)
    metric = _plain(node.get("metric"))
    buggy = _plain(node.get("is_buggy"))
    facts = {"output.value": text(node.get("analysis")), "metric": metric, "is_buggy": buggy}
    if facts["output.value"] is not None:
        steps += (Step("analysis", "EVALUATOR", _known(facts)),)
    return Story(steps, error=why)


def asi_evolve(records: Records) -> Story:
    """Of a node: its motivation, results and analysis. Prompts and answers are in files that are not read."""
    node = next((node for _, node in records), {})
    results = an_object(node.get("results"))
    failed = text(results.get("error")) or text(results.get("stderr")) or ""
    evaluated = _evaluation(
        {name: value for name, value in results.items() if name != "runtime"},
        {"seconds": amount(results.get("runtime"))},
        error=failed if results.get("success") is False else None,
    )
    return Story(
        (
            *_said("proposal", "AGENT", node.get("motivation")),
            *evaluated,
            *_said("analysis", "AGENT", node.get("analysis")),
        )
    )


TELLERS: dict[str, Callable[[Records], Story]] = {
    "OpenEvolve": openevolve,
    "ShinkaEvolve": shinka,
    "AIDE": journal,
    "AI-Scientist-v2": journal,
    "ASI-Evolve": asi_evolve,
}
"""By the name of the system, as `import.json` has it."""

_STAGES = ("sampling", "evaluation", "postprocess")
_PROPOSED = (
    *("patch_type", "patch_name", "num_applied", "diff_summary", "error_attempt", "novelty_explanation"),
    *("novelty_attempt", "resample_attempt", "patch_attempt", "max_similarity", "temperature"),
)


def _call(
    name: str, asked: JsonDict, answer: Any, usage: JsonDict | None = None, thought: Any = None
) -> Step:
    prompt = [(role, said) for role in ("system", "user") if (said := text(asked.get(role)))]
    given, thinking = text(answer), text(thought)
    attributes: JsonDict = dict(usage or {})
    if prompt:
        attributes["llm.input_messages"] = [{"message.role": r, "message.content": s} for r, s in prompt]
        attributes["input.value"] = prompt[-1][1]
    if given:
        message: JsonDict = {"message.role": "assistant", "message.content": given}
        if thinking:
            parts = (("reasoning", thinking), ("text", given))
            contents = [{"message_content.type": kind, "message_content.text": said} for kind, said in parts]
            message = {"message.role": "assistant", "message.contents": contents}
        attributes |= {"llm.output_messages": [message], "output.value": given}
    return Step(name, "LLM", attributes)


def _tokens(model: Any, asked: Any, given: Any) -> JsonDict:
    """Counts, where both are recorded, and the model."""
    found: JsonDict = {"llm.model_name": short(model)}
    prompt, completion = whole(asked), whole(given)
    if prompt is not None and completion is not None and min(prompt, completion) >= 0:
        found["llm.token_count.prompt"], found["llm.token_count.completion"] = prompt, completion
        found["llm.token_count.total"] = prompt + completion
    return _known(found)


def _evaluation(
    metrics: JsonDict,
    more: JsonDict,
    interval: Interval | None = None,
    *,
    error: str | None = None,
    inside: tuple[Step, ...] = (),
) -> tuple[Step, ...]:
    found = _plain(metrics)
    if error is None and "error" in metrics:
        error = text(str(metrics["error"])) or ""
    if not found and not inside and interval is None:
        return ()
    attributes = _known({"output.value": found or None, **more})
    return (Step("evaluation", "EVALUATOR", attributes, interval, error, inside),)


def _said(name: str, kind: Kind, said: Any) -> tuple[Step, ...]:
    return (Step(name, kind, {"output.value": shown}),) if (shown := text(said)) else ()


def _stage(metadata: JsonDict, name: str) -> Interval | None:
    return _between(finite(metadata.get(f"{name}_started_at")), finite(metadata.get(f"{name}_finished_at")))


def _between(start: float | None, end: float | None) -> Interval | None:
    return (start, end) if start is not None and end is not None and 0 <= start <= end < LATEST else None


def _facts(values: JsonDict, names: Sequence[str], cost: str | None = None) -> JsonDict:
    found = {name: _plain(values.get(name)) for name in names}
    return _known(found | ({} if cost is None else {"cost_usd": amount(values.get(cost))}))


def _known(values: JsonDict) -> JsonDict:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _texts(values: Any) -> JsonDict:
    return {str(name)[:NAME_CHARACTERS]: said for name, v in an_object(values).items() if (said := text(v))}


def _plain(value: Any, depth: int = 0) -> Any:
    """JSON that a span can hold: NaN and infinity are None, and what is nested deeply is left out."""
    if isinstance(value, dict) and depth < 6:
        return {str(name)[:NAME_CHARACTERS]: _plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list) and depth < 6:
        return [_plain(inner, depth + 1) for inner in value]
    if isinstance(value, float):
        return finite(value)
    if isinstance(value, str):
        return text(value)
    return value if isinstance(value, bool) or whole(value) is not None else None


def _first(values: Any) -> Any:
    return next((value for value in values if value not in (None, {}, [])), None)
