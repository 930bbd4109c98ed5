"""What the API and the network do wrong: over the real SDK, against a server that does it."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate

import anthropic
import httpx2
import pytest
from messages_server import (
    Answer,
    Behaviour,
    Drop,
    Failure,
    Hang,
    MessagesServer,
    Raw,
    StreamError,
    overloaded,
    rate_limited,
    server_error,
    text,
)

from asi_repro.errors import MissingInput
from asi_repro.llm.client import LLM
from asi_repro.llm.errors import Unreachable
from asi_repro.traces.spans import Trace
from tests.llm.conftest import ASK, make_settings

MakeLLM = Callable[..., LLM]

_HALF = Answer(text("x" * 400).content, drop_after=6)

PASSING: dict[str, Behaviour] = {
    "429": rate_limited(),
    "500": server_error(),
    "529": overloaded(),
    "408": Failure(408, "timeout_error"),
    "dropped": Drop(),
    "dropped in the middle": _HALF,
    "a hang": Hang(),
    "overloaded in the middle": StreamError("overloaded_error"),
    "bad JSON": Raw(b'event: message_start\ndata: {"type": "message_start", "mess\n\n'),
    "events in the wrong order": Raw(b'event: content_block_stop\ndata: {"type": "content_block_stop"}\n\n'),
    "an empty stream": Raw(b""),
    "a page in place of a stream": Raw(b"<html>login</html>", "text/html"),
    "a message without content": Raw(
        b'event: message_start\ndata: {"type": "message_start", "message": {"role": "assistant"}}\n\n'
    ),
}


@pytest.mark.parametrize("behaviour", PASSING.values(), ids=PASSING)
def test_what_may_pass_is_tried_again(
    server: MessagesServer, make_llm: MakeLLM, behaviour: Behaviour
) -> None:
    server.script += [behaviour, text("at last")]
    trace = Trace("1")
    reply = make_llm(idle_timeout=0.3).ask("judge", "s", ASK, trace=trace)
    assert reply.text == "at last"
    assert len(server.requests) == 2
    assert len(trace.spans) == 1, "how often it was tried is no part of a trace that a replay must equal"


@pytest.mark.parametrize("name", ["500", "dropped", "a hang", "bad JSON"])
def test_attempts_come_to_an_end(server: MessagesServer, make_llm: MakeLLM, name: str) -> None:
    server.handler = lambda request: PASSING[name]
    with pytest.raises(Unreachable, match="2 attempts"):
        make_llm(attempts=2, idle_timeout=0.2).ask("judge", "s", ASK, trace=Trace("1"))
    assert len(server.requests) == 2


@pytest.mark.parametrize("header", ["0.4", "date", "ms"])
def test_retry_after_is_kept(server: MessagesServer, make_llm: MakeLLM, header: str) -> None:
    llm = make_llm()
    server.script.append(text("the SDK is loaded"))
    llm.ask("judge", "s", ASK, trace=Trace("1"))
    # An HTTP date has whole seconds: two ahead is at least one.
    failure = {
        "0.4": rate_limited(0.4),
        "date": rate_limited(formatdate(time.time() + 2, usegmt=True)),
        "ms": Failure(529, "overloaded_error", {"retry-after-ms": "400"}),
    }[header]
    server.script += [failure, text("now")]
    llm.ask("judge", "s", ASK, trace=Trace("2"))
    assert server.times[2] - server.times[1] >= 0.39


def test_a_wait_that_is_too_long_is_an_error_that_says_so(server: MessagesServer, make_llm: MakeLLM) -> None:
    server.script.append(rate_limited(3600))
    with pytest.raises(Unreachable, match="3600 s"):
        make_llm(longest_wait=5).ask("judge", "s", ASK, trace=Trace("1"))


@pytest.mark.parametrize(
    ("failure", "hint"),
    [
        (Failure(401, "authentication_error"), "ANTHROPIC_API_KEY"),
        (Failure(404, "not_found_error", message="model: nope"), "model's id"),
        (Failure(400, "invalid_request_error"), "llm.roles"),
    ],
)
def test_a_rejected_request_is_not_repeated(
    server: MessagesServer, make_llm: MakeLLM, failure: Failure, hint: str
) -> None:
    server.script.append(failure)
    with pytest.raises(Unreachable, match="rejected") as caught:
        make_llm().ask("judge", "s", ASK, trace=Trace("1"))
    assert failure.message in str(caught.value)
    assert hint in str(caught.value)
    assert len(server.requests) == 1


def test_an_answer_that_drips_is_given_up(server: MessagesServer, make_llm: MakeLLM) -> None:
    server.handler = lambda request: Answer(text("x" * 4000).content, pause=0.1)
    begun = time.monotonic()
    with pytest.raises(Unreachable, match="longer than 0.3 s"):
        make_llm(attempts=1, call_timeout=0.3).ask("judge", "s", ASK, trace=Trace("1"))
    assert time.monotonic() - begun < 5


def test_nobody_there(make_llm: MakeLLM) -> None:
    llm = LLM(make_settings(attempts=1), mode="live", base_url="http://127.0.0.1:9", api_key="k" * 20)
    with pytest.raises(Unreachable, match="resume"):
        llm.ask("judge", "s", ASK, trace=Trace("1"))


def test_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name in ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANTHROPIC_CONFIG_DIR", str(tmp_path))
    with pytest.raises(MissingInput, match="key"):
        LLM(make_settings(), mode="live").ask("judge", "s", ASK, trace=Trace("1"))


def test_the_retries_of_the_sdk_do_not_cover_a_stream_that_breaks(server: MessagesServer) -> None:
    """Why there are retries of our own; where this fails, decision 6 can be thought over."""
    server.script += [rate_limited(0.01), _HALF]
    server.handler = lambda request: text("it was asked again")
    client = anthropic.Anthropic(base_url=server.url, api_key="k" * 20, max_retries=3)
    with (
        pytest.raises(httpx2.HTTPError),
        client.messages.stream(model="m", max_tokens=9, messages=ASK) as stream,
    ):
        stream.get_final_message()
    client.close()
    assert len(server.requests) == 2, "the refusal before the stream was tried again, the break in it was not"


@pytest.mark.parametrize("mode", ["live", "record"])
def test_no_more_calls_at_once_than_the_settings_allow(
    server: MessagesServer, make_llm: MakeLLM, mode: str
) -> None:
    server.handler = lambda request: Answer(text("x").content, pause=0.01)
    llm = make_llm(mode, concurrency=2)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: llm.ask("judge", "s", ASK, trace=Trace(str(n))), range(6)))
    assert len(server.requests) == 6
    assert server.most_at_once <= 2
