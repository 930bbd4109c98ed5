"""Models served on one's own machine: no key, thinking or structured output; other stop reasons and counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from messages_server import Answer, Failure, MessagesServer, Quirks, structured, text, tool_call, truncated
from pydantic import ValidationError

from asi_repro.config.llm import LlmSettings
from asi_repro.doctor.model import ask_model
from asi_repro.llm.client import LLM, Tool
from asi_repro.llm.errors import BadToolInput, Truncated, Unreachable
from asi_repro.traces.spans import Trace
from tests.llm.conftest import ASK, Scores, make_settings

MakeLLM = Callable[..., LLM]
PLAIN = Quirks(rejects=("thinking", "output_config"), cache_counts=False)
WANTED = '{"innovation": 0.5, "notes": ["a"]}'


def ask(server: MessagesServer, **changes: Any) -> Any:
    llm = LLM(make_settings(base_url=server.url, **changes), mode="live")
    try:
        return llm.ask("judge", "s", ASK, schema=Scores, trace=Trace("1"))
    finally:
        llm.close()


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))


def test_no_key_is_needed_and_a_key_is_sent_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with MessagesServer(handler=lambda request: structured({"innovation": 0.5})) as server:
        assert ask(server).parsed.innovation == 0.5
        monkeypatch.setenv("ANTHROPIC_API_KEY", "k" * 20)
        ask(server)
        monkeypatch.delenv("ANTHROPIC_API_KEY")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
        LLM(make_settings(), mode="live").ask("judge", "s", ASK, trace=Trace("1"))
    sent = [headers.get("x-api-key") or headers["authorization"] for headers in server.headers]
    assert [key.removeprefix("Bearer ") for key in sent] == ["none", "k" * 20, "none"]


@pytest.mark.parametrize(
    "said",
    [
        WANTED,
        f"```json\n{WANTED}\n```",
        f"<think>\nIt asks for {{one}} object.\n</think>\n{WANTED}",
        f"Here is my answer, as {{asked}}:\n\n{WANTED}\n\nI hope that it helps.",
        f'First {{"innovation": "much"}}, no: {WANTED}',
    ],
)
@pytest.mark.parametrize("answers", ["text", "tool"])
def test_a_server_without_structured_output_is_answered_for_by_json_in_text(said: str, answers: str) -> None:
    with MessagesServer([text(said)], quirks=PLAIN) as server:
        reply = ask(server, answers=answers, repairs=0)
    assert reply.parsed == Scores(innovation=0.5, notes=("a",))
    assert (reply.usage.cache_read, reply.usage.cache_write) == (0, 0)
    assert reply.usage.total > 0
    (request,) = server.requests
    assert ("innovation" in request["system"][0]["text"]) == (answers == "text")


def test_words_alone_are_no_answer_and_the_model_is_told() -> None:
    with MessagesServer(handler=lambda request: text("It is {nice} [1]."), quirks=PLAIN) as server:
        with pytest.raises(BadToolInput, match="not JSON"):
            ask(server, answers="text", repairs=1)
        assert len(server.requests) == 2
        with pytest.raises(Unreachable, match="output_config: unknown field"):
            ask(server, answers="json_schema")


@pytest.mark.parametrize("said", ["stop", "eos", None])
def test_a_stop_reason_of_its_own_or_none_ends_an_answer_and_a_tool_call(
    said: str | None, read_tool: Tool
) -> None:
    quirks = Quirks(stop_reasons={"end_turn": said, "tool_use": said}, cache_counts=False)
    with MessagesServer(
        [tool_call("read", {"path": "a"}), structured({"innovation": 1})], quirks=quirks
    ) as server:
        llm = LLM(make_settings(base_url=server.url), mode="live")
        reply = llm.ask("judge", "s", ASK, tools=[read_tool], schema=Scores, trace=Trace("1"))
        llm.close()
    assert [call.output for call in reply.tool_calls] == ["content of a"]
    assert reply.stop_reason == (said or "end_turn")


def test_a_cut_answer_is_known_by_another_name_and_a_broken_stream_still_by_its_missing_end() -> None:
    with MessagesServer([truncated("{")], quirks=Quirks(stop_reasons={"max_tokens": "length"})) as server:
        with pytest.raises(Truncated):
            ask(server)
        server.script += [Answer(text(WANTED).content, drop_after=4), text(WANTED)]
        assert ask(server).parsed.innovation == 0.5
    assert len(server.requests) == 3


def test_the_output_asked_for_is_what_the_context_leaves() -> None:
    model = make_settings().role("judge").model
    with MessagesServer(handler=lambda request: structured({"innovation": 0.5})) as server:
        ask(server, contexts={model: 1000})
        ask(server, contexts={model: 100_000})
        with pytest.raises(Truncated, match="fills the context of 50 tokens"):
            ask(server, contexts={model: 50})
    assert [request["max_tokens"] for request in server.requests][1:] == [1000]
    assert 500 < server.requests[0]["max_tokens"] < 1000


@pytest.mark.parametrize("url", ["localhost:8000", "ftp://a", "http://somebody@host", "http://a b"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="base_url"):
        make_settings(base_url=url)


def settings(server: MessagesServer, **changes: Any) -> LlmSettings:
    base = make_settings(base_url=server.url, **changes)
    thinking = base.roles["default"].model_copy(update={"thinking": "adaptive"})
    return base.model_copy(update={"roles": {"default": thinking}})


def test_the_doctor_asks_once_and_says_what_works() -> None:
    with MessagesServer(handler=lambda request: structured({"ready": True})) as server:
        found = ask_model(settings(server))
    assert (found.status, len(server.requests)) == ("ok", 1)
    assert "json_schema" in found.detail
    assert server.requests[0]["max_tokens"] <= 2000


def test_the_doctor_finds_the_settings_that_a_plain_server_needs() -> None:
    with MessagesServer(handler=lambda request: text('{"ready": true}'), quirks=PLAIN) as server:
        found = ask_model(settings(server))
    assert found.status == "gap"
    assert "llm.answers: tool" in found.todo
    assert "thinking: default" in found.todo


def test_the_doctor_says_why_where_nothing_works() -> None:
    with MessagesServer(
        handler=lambda request: Failure(404, "not_found_error", message="no such model")
    ) as server:
        found = ask_model(settings(server))
    assert (found.status, "no such model" in found.detail) == ("gap", True)
    found = ask_model(make_settings(base_url="http://127.0.0.1:9"))
    assert found.status == "gap"
    assert "127.0.0.1:9" in found.detail
    found = ask_model(make_settings())
    assert (found.status, "API key" in found.detail) == ("gap", True)
