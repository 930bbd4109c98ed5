"""A local HTTP server that speaks the Messages API, for tests and for trying the loop without a key.

    with MessagesServer([tool_call("read", {"path": "a"}), text("done")]) as server:
        llm = LLM(settings, mode="live", base_url=server.url, api_key="none")

It answers what it is told to, in order or by a function of the request. It is no model: it says nothing
about how good an answer of one would be. Token counts are made from sizes, ids from the request, so that the
same request and answer give the same bytes.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Union

from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import JsonDict

_PIECE = 40
"""Characters of a text in one event."""


@dataclass(frozen=True)
class Answer:
    """A message.

    Attributes:
        content: blocks as the API gives them; ids of tool uses are made.
        stop_reason: None takes tool_use or end_turn from the content.
        stop_details: with a refusal.
        drop_after: break the connection after so many events; None for never.
        tool_json: what to send as a tool's input in place of its JSON, to be malformed.
        pause: seconds before each event.
    """

    content: tuple[JsonDict, ...]
    stop_reason: str | None = None
    stop_details: JsonDict | None = None
    drop_after: int | None = None
    tool_json: str | None = None
    pause: float = 0.0


@dataclass(frozen=True)
class Failure:
    """An HTTP error with the API's error body."""

    status: int
    kind: str
    headers: JsonDict = field(default_factory=dict)
    message: str = "so it was told"


@dataclass(frozen=True)
class Drop:
    """Close the connection without an answer."""


@dataclass(frozen=True)
class Hang:
    """Say nothing until the server stops."""


@dataclass(frozen=True)
class Raw:
    """Any body."""

    body: bytes
    content_type: str = "text/event-stream"


@dataclass(frozen=True)
class StreamError:
    """An error event in the middle of a stream that began well."""

    kind: str


@dataclass(frozen=True)
class Quirks:
    """How a server of one's own differs from the API.

    Attributes:
        rejects: fields of a request that it answers with HTTP 400, as servers that know no others do.
        cache_counts: whether usage says what was cached.
        stop_reasons: what it says in place of the API's reasons; None for nothing.
    """

    rejects: tuple[str, ...] = ()
    cache_counts: bool = True
    stop_reasons: dict[str, str | None] = field(default_factory=dict)

    def alter(self, event: JsonDict) -> JsonDict:
        """An event as such a server sends it."""
        made: JsonDict = json.loads(json.dumps(event))
        for part in (made, made.get("message", {})):
            if not self.cache_counts:
                for name in ("cache_read_input_tokens", "cache_creation_input_tokens"):
                    part.get("usage", {}).pop(name, None)
        reason = made.get("delta", {}).get("stop_reason")
        if reason in self.stop_reasons:
            made["delta"]["stop_reason"] = self.stop_reasons[reason]
        return made


Behaviour = Union[Answer, Failure, Drop, Hang, Raw, StreamError]
Handler = Callable[[JsonDict], Behaviour]


def text(said: str, *, thinking: str | None = None) -> Answer:
    """An answer in words, after thinking where given."""
    return Answer((*_thinking(thinking), {"type": "text", "text": said}))


def structured(value: Any, *, thinking: str | None = None) -> Answer:
    """An answer in JSON."""
    return text(json.dumps(value), thinking=thinking)


def tool_call(name: str, given: JsonDict, *, said: str = "", thinking: str | None = None) -> Answer:
    """An answer that calls one tool."""
    words: tuple[JsonDict, ...] = ({"type": "text", "text": said},) if said else ()
    return Answer((*_thinking(thinking), *words, {"type": "tool_use", "name": name, "input": given}))


def malformed_tool_call(name: str, sent: str = '{"path": nonsense}') -> Answer:
    """A tool call whose input is not JSON."""
    return Answer(({"type": "tool_use", "name": name, "input": {}},), tool_json=sent)


def refusal(category: str | None = None, explanation: str | None = None) -> Answer:
    """A refusal."""
    details = {"type": "refusal", "category": category, "explanation": explanation}
    return Answer(({"type": "text", "text": ""},), "refusal", details)


def truncated(said: str) -> Answer:
    """An answer cut at max_tokens."""
    return Answer(({"type": "text", "text": said},), "max_tokens")


def rate_limited(retry_after: float | str | None = None) -> Failure:
    """HTTP 429."""
    return Failure(429, "rate_limit_error", {} if retry_after is None else {"retry-after": str(retry_after)})


def server_error() -> Failure:
    """HTTP 500."""
    return Failure(500, "api_error")


def overloaded() -> Failure:
    """HTTP 529."""
    return Failure(529, "overloaded_error")


def _thinking(said: str | None) -> tuple[JsonDict, ...]:
    if said is None:
        return ()
    return ({"type": "thinking", "thinking": said, "signature": sha256_bytes(said.encode())},)


class MessagesServer:
    """The server. Use it as a context manager.

    Args:
        script: what to do with the first requests, in order.
        handler: what to do when the script is at its end; without one that is an error of status 400.
        quirks: how it differs from the API.

    Attributes:
        requests: bodies so far.
        headers: of each request, names in lower case.
        times: when each came, seconds of the monotonic clock.
        most_at_once: of the requests so far.
    """

    def __init__(
        self, script: Iterable[Behaviour] = (), handler: Handler | None = None, quirks: Quirks | None = None
    ) -> None:
        self.quirks = quirks or Quirks()
        self.script = list(script)
        self.handler = handler
        self.requests: list[JsonDict] = []
        self.headers: list[dict[str, str]] = []
        self.times: list[float] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()
        self.stopped = threading.Event()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """For `base_url`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> MessagesServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopped.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def begin(self, headers: dict[str, str], body: JsonDict) -> Behaviour:
        """Note a request and say what to do with it."""
        with self._lock:
            self.requests.append(body)
            self.headers.append(headers)
            self.times.append(time.monotonic())
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
            if unknown := [name for name in self.quirks.rejects if name in body]:
                return Failure(400, "invalid_request_error", message=f"{unknown[0]}: unknown field")
            if self.script:
                return self.script.pop(0)
        if self.handler is None:
            return Failure(
                400, "invalid_request_error", message="the script of the test server is at its end"
            )
        return self.handler(body)

    def end(self) -> None:
        """Note that a request is answered."""
        with self._lock:
            self._now -= 1


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    owner: MessagesServer

    def __init__(self, owner: MessagesServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the tests."""


class _Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        owner = self.server.owner
        behaviour = owner.begin({name.lower(): value for name, value in self.headers.items()}, body)
        try:
            if self.path.split("?")[0] != "/v1/messages":
                behaviour = Failure(404, "not_found_error")
            self._do(behaviour, body)
        finally:
            owner.end()

    def _do(self, behaviour: Behaviour, body: JsonDict) -> None:
        if isinstance(behaviour, Drop):
            self.close_connection = True
        elif isinstance(behaviour, Hang):
            self.server.owner.stopped.wait()
            self.close_connection = True
        elif isinstance(behaviour, Failure):
            error = {"type": behaviour.kind, "message": behaviour.message}
            self._send(
                behaviour.status,
                json.dumps({"type": "error", "error": error}).encode(),
                "application/json",
                behaviour.headers,
            )
        elif isinstance(behaviour, Raw):
            self._send(200, behaviour.body, behaviour.content_type)
        elif isinstance(behaviour, StreamError):
            events = [*events_of(text("it began well"), body)][:3]
            error = {"type": behaviour.kind, "message": "in the middle"}
            self._stream([*events, {"type": "error", "error": error}], None, 0.0)
        elif body.get("stream"):
            self._stream(events_of(behaviour, body), behaviour.drop_after, behaviour.pause)
        else:
            self._send(200, json.dumps(message_of(behaviour, body)).encode(), "application/json")

    def _send(self, status: int, body: bytes, content_type: str, headers: JsonDict | None = None) -> None:
        self.send_response(status)
        for name, value in {
            "content-type": content_type,
            "content-length": len(body),
            "request-id": "req_local",
            **(headers or {}),
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events: Iterable[JsonDict], drop_after: int | None, pause: float) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for number, event in enumerate(events):
            if number == drop_after:
                self.close_connection = True
                return
            if pause:
                self.server.owner.stopped.wait(pause)
            event = self.server.owner.quirks.alter(event)
            data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")


def message_of(answer: Answer, request: JsonDict) -> JsonDict:
    """The whole message that the server answers `request` with."""
    name = sha256_bytes(json.dumps([request, answer.content], sort_keys=True).encode())[:24]
    content = [
        {**block, "id": f"toolu_{name}{at}"} if block["type"] == "tool_use" else block
        for at, block in enumerate(answer.content)
    ]
    calls = any(block["type"] == "tool_use" for block in content)
    return {
        "id": f"msg_{name}",
        "type": "message",
        "role": "assistant",
        "model": request["model"],
        "content": content,
        "stop_reason": answer.stop_reason or ("tool_use" if calls else "end_turn"),
        "stop_sequence": None,
        "stop_details": answer.stop_details,
        "usage": {
            "input_tokens": len(json.dumps(request)) // 4,
            "output_tokens": len(json.dumps(content)) // 4,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
        },
    }


def events_of(answer: Answer, request: JsonDict) -> Iterator[JsonDict]:
    """The events of a streamed message."""
    message = message_of(answer, request)
    started = {**message, "content": [], "stop_reason": None, "stop_details": None}
    yield {"type": "message_start", "message": {**started, "usage": {**message["usage"], "output_tokens": 1}}}
    yield {"type": "ping"}
    for at, block in enumerate(message["content"]):
        empty = {**block, **{name: "" for name in ("text", "thinking", "signature") if name in block}}
        if "input" in block:
            empty["input"] = {}
        yield {"type": "content_block_start", "index": at, "content_block": empty}
        for delta in _deltas(block, answer.tool_json):
            yield {"type": "content_block_delta", "index": at, "delta": delta}
        yield {"type": "content_block_stop", "index": at}
    yield {
        "type": "message_delta",
        "delta": {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details")},
        "usage": {"output_tokens": message["usage"]["output_tokens"]},
    }
    yield {"type": "message_stop"}


def _deltas(block: JsonDict, tool_json: str | None) -> Iterator[JsonDict]:
    if block["type"] == "text":
        for piece in _pieces(block["text"]):
            yield {"type": "text_delta", "text": piece}
    elif block["type"] == "thinking":
        for piece in _pieces(block["thinking"]):
            yield {"type": "thinking_delta", "thinking": piece}
        yield {"type": "signature_delta", "signature": block["signature"]}
    elif block["type"] == "tool_use":
        for piece in _pieces(json.dumps(block["input"]) if tool_json is None else tool_json):
            yield {"type": "input_json_delta", "partial_json": piece}


def _pieces(said: str) -> Iterator[str]:
    for start in range(0, len(said), _PIECE):
        yield said[start : start + _PIECE]
