"""Asking a model: what goes to the API over the real SDK, and what comes back of it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable

import pytest
from messages_server import (
    Answer,
    MessagesServer,
    malformed_tool_call,
    refusal,
    structured,
    text,
    tool_call,
    truncated,
)

from asi_repro.errors import MissingInput, NotFound
from asi_repro.llm.client import LLM, Tool, cached
from asi_repro.llm.errors import BadToolInput, Refused, TooManyRounds, Truncated
from asi_repro.traces.spans import Trace
from tests.llm.conftest import ASK, KEY, MODEL, PRICES, Scores, make_settings

MakeLLM = Callable[..., LLM]


def test_an_answer_comes_with_its_thinking_tokens_and_cost(server: MessagesServer, make_llm: MakeLLM) -> None:
    server.script.append(text("use a gate", thinking="what about decay?"))
    reply = make_llm(prices=PRICES).ask("researcher", "Be brief.", ASK, trace=Trace("3"))
    assert (reply.text, reply.thinking, reply.stop_reason) == ("use a gate", "what about decay?", "end_turn")
    assert reply.cost == pytest.approx((reply.usage.input * 2 + reply.usage.output * 10) / 1e6)
    sent = server.requests[0]
    assert (sent["model"], sent["max_tokens"], sent["stream"]) == (MODEL, 1000, True)
    assert sent["system"] == [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    assert KEY in server.headers[0].get("authorization", "") + server.headers[0].get("x-api-key", "")


def test_each_role_has_its_own_model_and_settings(server: MessagesServer, make_llm: MakeLLM) -> None:
    server.handler = lambda request: text("yes")
    roles = {
        "default": {"model": "model-a"},
        "judge": {"model": "model-b", "temperature": 0.2, "effort": "low", "thinking": 2048, "max_tokens": 9},
        "analyst": {"model": "model-c", "thinking": "adaptive", "show_thinking": False},
    }
    llm = make_llm(roles=roles)
    for role in ("researcher", "judge", "analyst"):
        llm.ask(role, "", ASK, trace=Trace("1"))
    researcher, judge, analyst = server.requests
    assert researcher["model"] == "model-a"
    assert not {"temperature", "thinking", "output_config", "system"} & set(researcher)
    assert (judge["model"], judge["temperature"], judge["max_tokens"]) == ("model-b", 0.2, 9)
    assert judge["output_config"] == {"effort": "low"}
    assert judge["thinking"] == {"type": "enabled", "budget_tokens": 2048, "display": "summarized"}
    assert analyst["thinking"] == {"type": "adaptive"}


def test_a_role_without_a_model_is_an_error() -> None:
    with pytest.raises(NotFound, match="judge"):
        make_settings(roles={"analyst": {"model": "m"}}).role("judge")


def test_the_tool_loop_sends_results_back_until_the_model_answers(
    server: MessagesServer, make_llm: MakeLLM, read_tool: Tool
) -> None:
    server.script += [
        tool_call("read", {"path": "program.py"}, thinking="first read it"),
        tool_call("read", {"path": "missing"}),
        text("done"),
    ]
    trace = Trace("5")
    reply = make_llm().ask("researcher", "s", ASK, tools=[read_tool], trace=trace)
    assert [(c.input["path"], c.output, c.failed) for c in reply.tool_calls] == [
        ("program.py", "content of program.py", False),
        ("missing", "there is no such file", True),
    ]
    assistant, result = server.requests[1]["messages"][1:]
    assert [block["type"] for block in assistant["content"]] == ["thinking", "tool_use"]
    assert result["content"][0]["tool_use_id"] == assistant["content"][1]["id"]
    assert server.requests[2]["messages"][-1]["content"][0]["is_error"] is True
    assert [span.kind for span in trace.spans] == ["LLM", "TOOL", "LLM", "TOOL", "LLM"]
    assert [span.status for span in trace.spans] == ["OK", "OK", "OK", "ERROR", "OK"]


def test_the_conversation_is_cached_as_it_grows(
    server: MessagesServer, make_llm: MakeLLM, read_tool: Tool
) -> None:
    server.script += [tool_call("read", {"path": "a"}), text("done")]
    context = [{"role": "user", "content": [cached("long shared context"), {"type": "text", "text": "go"}]}]
    make_llm(cache="1h").ask("researcher", "s", context, tools=[read_tool], trace=Trace("1"))
    hour = {"type": "ephemeral", "ttl": "1h"}
    first, second = server.requests
    assert first["messages"][0]["content"][0]["cache_control"] == {"type": "ephemeral"}
    assert first["messages"][0]["content"][1]["cache_control"] == hour
    assert second["messages"][-1]["content"][0]["cache_control"] == hour
    assert "cache_control" not in second["messages"][0]["content"][1]
    for sent in server.requests:
        assert json.dumps(sent).count('"cache_control"') <= 4


def test_no_more_than_four_cache_markers_are_sent(server: MessagesServer, make_llm: MakeLLM) -> None:
    server.handler = lambda request: text("x")
    blocks = [cached(str(n)) for n in range(4)]
    make_llm().ask("judge", "s", [{"role": "user", "content": blocks}], trace=Trace("1"))
    make_llm(cache="off").ask("judge", "s", [{"role": "user", "content": blocks}], trace=Trace("1"))
    assert [json.dumps(sent).count('"cache_control"') for sent in server.requests] == [4, 0]


def test_a_structured_answer_is_an_object_of_its_schema(server: MessagesServer, make_llm: MakeLLM) -> None:
    server.script.append(structured({"innovation": 0.5, "notes": ["a", "b"]}))
    reply = make_llm().ask("judge", "s", ASK, schema=Scores, trace=Trace("1"))
    assert reply.parsed == Scores(innovation=0.5, notes=("a", "b"))
    form = server.requests[0]["output_config"]["format"]
    assert form["type"] == "json_schema"
    assert form["schema"]["additionalProperties"] is False


def test_answers_that_do_not_fit_go_back_with_the_reason(server: MessagesServer, make_llm: MakeLLM) -> None:
    server.script += [text("it is nice"), structured({"notes": []}), structured({"innovation": 1})]
    reply = make_llm(repairs=2).ask("judge", "s", ASK, schema=Scores, trace=Trace("1"))
    assert reply.parsed == Scores(innovation=1)
    complaints = [json.dumps(sent["messages"][-1]) for sent in server.requests[1:]]
    assert "not JSON" in complaints[0]
    assert "innovation" in complaints[1]


def test_repairs_come_to_an_end(server: MessagesServer, make_llm: MakeLLM) -> None:
    server.handler = lambda request: text("I would rather not use JSON")
    with pytest.raises(BadToolInput, match="after 1 repairs"):
        make_llm(repairs=1).ask("judge", "s", ASK, schema=Scores, trace=Trace("1"))
    assert len(server.requests) == 2


def test_an_answer_by_tool_where_the_server_knows_no_schemas(
    server: MessagesServer, make_llm: MakeLLM, read_tool: Tool
) -> None:
    server.script += [
        text("words only"),
        tool_call("read", {"path": "a"}),
        tool_call("answer", {"innovation": "much"}),
        tool_call("answer", {"innovation": 0.25}),
    ]
    llm = make_llm(answers="tool")
    reply = llm.ask("judge", "s", ASK, tools=[read_tool], schema=Scores, trace=Trace("1"))
    assert reply.parsed == Scores(innovation=0.25)
    assert [tool["name"] for tool in server.requests[0]["tools"]] == ["read", "answer"]
    assert "output_config" not in server.requests[0]
    assert server.requests[-1]["messages"][-1]["content"][0]["type"] == "tool_result"


def test_inputs_that_do_not_fit_the_tool_never_reach_it(
    server: MessagesServer, make_llm: MakeLLM, read_tool: Tool
) -> None:
    server.script += [tool_call("read", {"path": 7}), tool_call("write", {}), text("sorry")]
    reply = make_llm(repairs=2).ask("researcher", "s", ASK, tools=[read_tool], trace=Trace("1"))
    assert [call.misfit for call in reply.tool_calls] == [True, True]
    assert "$.path" in reply.tool_calls[0].output
    assert "The tools are: read" in reply.tool_calls[1].output


def test_tool_inputs_that_never_fit_are_an_error(
    server: MessagesServer, make_llm: MakeLLM, read_tool: Tool
) -> None:
    server.handler = lambda request: tool_call("read", {})
    with pytest.raises(BadToolInput):
        make_llm(repairs=1).ask("researcher", "s", ASK, tools=[read_tool], trace=Trace("1"))
    assert len(server.requests) == 2


def test_tool_input_that_is_not_json_is_asked_for_again(
    server: MessagesServer, make_llm: MakeLLM, read_tool: Tool
) -> None:
    server.script += [malformed_tool_call("read"), tool_call("read", {"path": "a"}), text("done")]
    llm = make_llm(repairs=1)
    assert llm.ask("researcher", "s", ASK, tools=[read_tool], trace=Trace("1")).text == "done"
    server.handler = lambda request: malformed_tool_call("read")
    with pytest.raises(BadToolInput, match="not JSON"):
        llm.ask("researcher", "s", ASK, tools=[read_tool], trace=Trace("2"))


def test_a_model_that_only_calls_tools_is_stopped(
    server: MessagesServer, make_llm: MakeLLM, read_tool: Tool
) -> None:
    server.handler = lambda request: tool_call("read", {"path": "a"})
    with pytest.raises(TooManyRounds, match="2 rounds"):
        make_llm(tool_rounds=2, repairs=0).ask("researcher", "s", ASK, tools=[read_tool], trace=Trace("1"))
    assert [sent.get("tool_choice") for sent in server.requests] == [None, None, {"type": "none"}]


def test_a_refusal_says_why(server: MessagesServer, make_llm: MakeLLM) -> None:
    server.script.append(refusal("frontier_llm", "it could help competitors"))
    trace = Trace("1")
    with pytest.raises(Refused, match=r"frontier_llm: it could help") as caught:
        make_llm().ask("researcher", "s", ASK, trace=trace)
    assert "llm.roles" in str(caught.value)
    assert (trace.spans[0].status, trace.spans[0].message[:7]) == ("ERROR", "Refused")
    assert "llm.response" in trace.spans[0].attributes


@pytest.mark.parametrize("reason", ["max_tokens", "model_context_window_exceeded"])
def test_a_cut_answer_is_an_error_that_holds_what_came(
    server: MessagesServer, make_llm: MakeLLM, reason: str
) -> None:
    server.script.append(Answer(truncated("def forw").content, reason))
    with pytest.raises(Truncated) as caught:
        make_llm().ask("researcher", "s", ASK, trace=Trace("1"))
    assert caught.value.text == "def forw"


def test_a_cut_tool_call_is_not_run(server: MessagesServer, make_llm: MakeLLM, read_tool: Tool) -> None:
    call = tool_call("read", {"path": "a"})
    server.script.append(Answer(call.content, "max_tokens", tool_json='{"path": "half a'))
    trace = Trace("1")
    with pytest.raises(Truncated):
        make_llm().ask("researcher", "s", ASK, tools=[read_tool], trace=trace)
    assert [span.kind for span in trace.spans] == ["LLM"]


def test_a_mode_that_keeps_a_record_needs_a_file() -> None:
    with pytest.raises(MissingInput):
        LLM(make_settings(), mode="record")


def test_neither_the_sdk_nor_torch_is_loaded_before_a_call() -> None:
    heavy = "{'torch', 'anthropic', 'pyarrow', 'google.protobuf', 'jsonschema', 'textual'}"
    code = (
        f"import sys, asi_repro.llm.client, asi_repro.traces.note; print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
