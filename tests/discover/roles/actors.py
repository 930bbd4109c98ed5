"""A local server that answers each role from a script of its own, and the things that roles work on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from messages_server import Behaviour, Failure, MessagesServer, structured, tool_call

from asi_repro.config.llm import LlmSettings
from asi_repro.discover.operators.library import seed_program
from asi_repro.discover.prompts import load_prompt, prompt_ids
from asi_repro.discover.types import Brief, Candidate, Metrics, Proposal, Verdict
from asi_repro.llm.client import LLM

TASKS = ("arc_easy", "piqa")
GOOD = {"innovation": 6, "complexity": 5, "correctness": 7, "convergence": 4.5}
# The first words of a system prompt tell who is asked.
_FIRST_WORDS = {load_prompt(key).system[:60]: key for key in prompt_ids() if load_prompt(key).user}


class Actors(MessagesServer):
    """Answers each prompt from its own script; `asked` has the requests by prompt."""

    def __init__(self, **scripts: list[Behaviour]) -> None:
        super().__init__(handler=self._answer)
        self.scripts = {key: list(script) for key, script in scripts.items()}
        self.asked: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def _answer(self, body: dict[str, Any]) -> Behaviour:
        system = body["system"] if isinstance(body["system"], str) else body["system"][0]["text"]
        key = _FIRST_WORDS.get(system[:60], "nobody")
        self.asked[key].append(body)
        script = self.scripts.get(key, [])
        if not script:
            return Failure(400, "invalid_request_error", message=f"nothing left for {key}")
        return script.pop(0) if len(script) > 1 or key not in ALWAYS else script[0]

    def first_text(self, key: str, place: int = 0) -> str:
        """The first message of a request."""
        content = self.asked[key][place]["messages"][0]["content"]
        return content if isinstance(content, str) else content[0]["text"]


# Asked many times over: their last answer is given again.
ALWAYS = {"summary", "judge", "checker", "novelty", "analyst"}


def make_llm(
    server: MessagesServer, *, records: Path | None = None, mode: str = "live", **changes: Any
) -> LLM:
    settings = LlmSettings.model_validate(
        {
            "roles": {"default": {"model": "claude-sonnet-5-5", "max_tokens": 9000}},
            "first_wait": 0.001,
            "attempts": 2,
            "repairs": 1,
            **changes,
        }
    )
    return LLM(settings, mode=mode, records=records, base_url=server.url, api_key="sk-ant-of-the-tests")


def metrics(loss: float = 5.0, score: float = 0.3) -> Metrics:
    return Metrics(
        train_loss=loss,
        scores={task: score + 0.01 * place for place, task in enumerate(TASKS)},
        benchmark=score + 0.005,
        curve=tuple((step, loss + 6 / step) for step in range(1, 25)),
        parameters=6_500_000,
        tokens=100_000,
        flops=10**12,
    )


def candidate(index: int = 1, program: str | None = None, **changes: Any) -> Candidate:
    made: dict[str, Any] = {
        "index": index,
        "name": f"design_{index}",
        "motivation": f"Design {index} lets the state decay.",
        "program": seed_program() if program is None else program,
        "parent": None if index == 1 else 1,
        "fitness": 0.5,
        "metrics": metrics(),
        "analysis": None,
    }
    return Candidate(**{**made, **changes})


def brief(parent: Candidate | None = None, references: int = 2) -> Brief:
    others = tuple(
        candidate(index, f"# reference {index}\n{seed_program()}") for index in range(2, 2 + references)
    )
    return Brief(9, 1234, parent or candidate(), others, metrics())


def changed_program(mark: str = "0.5") -> str:
    """The first program with another forward: its output is scaled."""
    source = seed_program()
    changed = source.replace(
        "        return out\n", f"        _scale = {mark}\n        return _scale * out\n"
    )
    assert changed != source
    return changed


PROPOSED = {
    "name": "scaled_delta",
    "motivation": "The output of the mixer is too large in the first steps, so it is scaled by a constant. "
    "It costs nothing. A loss that is no lower in the first steps would prove it wrong.",
    "notes": ["residual-scaling"],
}


def proposes(program: str, **changes: Any) -> list[Behaviour]:
    """The Researcher's script: write, then answer."""
    return [tool_call("write_program", {"program": program}), structured({**PROPOSED, **changes})]


def marks(**scores: float) -> Behaviour:
    return structured({part: {"reason": "By the table.", "score": {**GOOD, **scores}[part]} for part in GOOD})


def reading(*problems: dict[str, Any]) -> Behaviour:
    return structured({"problems": list(problems)})


ANALYSIS = {
    "findings": "The loss is 0.1 below the baseline, which is within the noise.",
    "causes": "The scale at the output most likely; it is not certain.",
    "shortcomings": ["One branch takes nearly all of the mixing weight early in training."],
    "next": "A learned scale per channel.",
}


class FixedChecks:
    """Stands for the sandbox's checks where a test is about the reading."""

    def __init__(self, accepted: bool = True) -> None:
        self.verdict = Verdict(
            accepted, "passes 7 checks" if accepted else "causality fails", {"runs": "pass"}
        )

    def check(self, proposal: Proposal, trace: Any) -> Verdict:
        return self.verdict


Programs = Callable[[Any], dict[int, str]]
