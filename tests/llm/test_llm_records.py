"""The record: replay gives what was recorded, a resumed run repeats no call, a kill spoils nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from messages_server import (
    MessagesServer,
    malformed_tool_call,
    message_of,
    refusal,
    server_error,
    structured,
    text,
    tool_call,
)

from asi_repro.errors import DataError, MissingInput
from asi_repro.llm import records
from asi_repro.llm.client import LLM, Tool
from asi_repro.llm.errors import BadToolInput, Refused, ReplayMiss, Unreachable
from asi_repro.llm.records import Records
from asi_repro.llm.request import request_key
from asi_repro.store.json_lines import whole_lines
from asi_repro.store.json_text import canonical
from asi_repro.traces.spans import Trace
from tests.llm.conftest import ASK, KEY, MODEL, Scores, make_settings

MakeLLM = Callable[..., LLM]


def numbered() -> Callable[[dict[str, Any]], Any]:
    """A server's handler that says something else each time."""
    said = iter(range(10_000))
    return lambda request: text(f"answer {next(said)}")


def replay(path: Path, **changes: Any) -> LLM:
    # An address where nobody listens: a call would fail the test.
    return LLM(make_settings(**changes), mode="replay", records=path, base_url="http://127.0.0.1:9")


def test_a_replay_repeats_the_trace_byte_for_byte_without_a_network(
    server: MessagesServer, make_llm: MakeLLM, read_tool: Tool, tmp_path: Path
) -> None:
    server.script += [
        server_error(),
        tool_call("read", {"path": "missing"}, thinking="hm"),
        structured({"innovation": "?"}),
        structured({"innovation": 1}),
    ]
    live, again = Trace("12"), Trace("12")
    first = make_llm("record").ask("judge", "s", ASK, tools=[read_tool], schema=Scores, trace=live)
    second = replay(tmp_path / "llm.jsonl").ask(
        "judge", "s", ASK, tools=[read_tool], schema=Scores, trace=again
    )
    assert second == first
    assert again.to_jsonl() == live.to_jsonl()


def test_a_refusal_is_replayed_too(server: MessagesServer, make_llm: MakeLLM, tmp_path: Path) -> None:
    server.script.append(refusal("bio"))
    path = tmp_path / "llm.jsonl"
    for make in (lambda: make_llm("record"), lambda: replay(path)):
        with pytest.raises(Refused, match="bio"):
            make().ask("judge", "s", ASK, trace=Trace("1"))


def test_tool_inputs_that_were_never_json_are_replayed_too(
    server: MessagesServer, make_llm: MakeLLM, read_tool: Tool, tmp_path: Path
) -> None:
    server.script += [malformed_tool_call("read"), malformed_tool_call("read"), text("then")]
    lines = []
    path = tmp_path / "llm.jsonl"
    for make in (lambda: make_llm("record", repairs=1), lambda: replay(path, repairs=1)):
        trace, llm = Trace("1"), make()
        with pytest.raises(BadToolInput, match="not JSON"):
            llm.ask("judge", "s", ASK, tools=[read_tool], trace=trace)
        assert llm.ask("judge", "s", ASK, tools=[read_tool], trace=trace).text == "then"
        lines.append(trace.to_jsonl())
    assert lines[0] == lines[1]


def test_equal_requests_are_told_apart_by_their_order_in_each_experiment(
    server: MessagesServer, make_llm: MakeLLM, tmp_path: Path
) -> None:
    server.handler = numbered()
    llm = make_llm("record")
    said: dict[str, list[str]] = {}
    traces = {session: Trace(session) for session in ("1", "2")}
    for session in ("1", "2", "2", "1", "1"):
        reply = llm.ask("judge", "s", ASK, trace=traces[session])
        said.setdefault(session, []).append(reply.text)
    assert len({answer for answers in said.values() for answer in answers}) == 5
    again = replay(tmp_path / "llm.jsonl")
    for session in ("2", "1"):
        trace = Trace(session)
        assert [again.ask("judge", "s", ASK, trace=trace).text for _ in said[session]] == said[session]


def test_workers_do_not_mix_up_their_answers(
    server: MessagesServer, make_llm: MakeLLM, tmp_path: Path
) -> None:
    server.handler = numbered()
    path = tmp_path / "llm.jsonl"
    # Two LLMs stand for two processes: each has its own view of the file.
    llms = [make_llm("record"), make_llm("record")]

    def experiment(session: str, llm: LLM) -> list[str]:
        trace = Trace(session)
        return [llm.ask("judge", "s", ASK, trace=trace).text for _ in range(3)]

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda n: experiment(str(n), llms[n % 2]), range(6)))
    assert [experiment(str(n), replay(path)) for n in range(6)] == said


def test_workers_that_read_at_the_same_time_read_each_line_once(
    server: MessagesServer, make_llm: MakeLLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.handler = numbered()
    path = tmp_path / "llm.jsonl"
    shared = Records(path)
    trace = Trace("1")
    for _ in range(3):
        make_llm("record").ask("judge", "s", ASK, trace=trace)

    def slowly(place: Path, start: int = 0) -> Iterator[bytes]:
        for line in whole_lines(place, start):
            time.sleep(0.02)
            yield line

    monkeypatch.setattr(records, "whole_lines", slowly)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: shared.refresh(), range(2)))
    assert [place.n for place in shared.places] == [0, 1, 2]
    assert sum(place.length for place in shared.places) == path.stat().st_size


def test_a_resumed_run_repeats_no_call(server: MessagesServer, make_llm: MakeLLM) -> None:
    server.handler = numbered()
    trace = Trace("4")
    done = [make_llm("record").ask("judge", "s", ASK, trace=trace).text for _ in range(2)]
    fresh = Trace("4")
    llm = make_llm("record")
    assert [llm.ask("judge", "s", ASK, trace=fresh).text for _ in range(2)] == done
    assert len(server.requests) == 2
    went_on = Trace.from_rows(trace.to_rows())
    assert make_llm("record").ask("judge", "s", ASK, trace=went_on).text == "answer 2"
    assert llm.ask("judge", "s", ASK, trace=fresh).text == "answer 2", "by what another process recorded"


def test_a_call_that_failed_leaves_no_gap(server: MessagesServer, make_llm: MakeLLM, tmp_path: Path) -> None:
    server.script += [server_error(), text("then")]
    trace = Trace("1")
    llm = make_llm("record", attempts=1)
    with pytest.raises(Unreachable):
        llm.ask("judge", "s", ASK, trace=trace)
    llm.ask("judge", "s", ASK, trace=trace)
    assert replay(tmp_path / "llm.jsonl").ask("judge", "s", ASK, trace=Trace("1")).text == "then"


def test_a_miss_shows_the_difference(server: MessagesServer, make_llm: MakeLLM, tmp_path: Path) -> None:
    server.handler = numbered()
    llm = make_llm("record")
    prompt = "First line.\nSecond line.\nThird line."
    llm.ask("judge", prompt, ASK, trace=Trace("1"))
    llm.ask("judge", "Something else.", ASK, trace=Trace("1"))
    again = replay(tmp_path / "llm.jsonl")
    with pytest.raises(ReplayMiss) as caught:
        again.ask("judge", prompt.replace("Second", "Sec\x1b[31mond"), ASK, trace=Trace("1"))
    lines = str(caught.value).splitlines()
    assert "-system | Second line." in lines
    assert "+system | Sec\\x1b[31mond line." in lines
    assert not any("Third" in line for line in lines if line[0] in "+-")
    with pytest.raises(ReplayMiss, match=r"recorded for experiment 1, not for 2"):
        again.ask("judge", prompt, ASK, trace=Trace("2"))
    trace = Trace("1")
    again.ask("judge", prompt, ASK, trace=trace)
    with pytest.raises(ReplayMiss, match=r"recorded 1 time .* time 2"):
        again.ask("judge", prompt, ASK, trace=trace)


def test_settings_are_part_of_the_key_and_cache_markers_are_not(
    server: MessagesServer, make_llm: MakeLLM, tmp_path: Path
) -> None:
    server.handler = numbered()
    make_llm("record", cache="5m").ask("judge", "s", ASK, trace=Trace("1"))
    path = tmp_path / "llm.jsonl"
    assert replay(path, cache="off").ask("judge", "s", ASK, trace=Trace("1")).text == "answer 0"
    other = {"default": {"model": MODEL, "max_tokens": 5}}
    with pytest.raises(ReplayMiss, match=r"max_tokens = 5"):
        replay(path, roles=other).ask("judge", "s", ASK, trace=Trace("1"))


def test_nothing_to_replay(tmp_path: Path) -> None:
    with pytest.raises(MissingInput):
        replay(tmp_path / "llm.jsonl")
    (tmp_path / "llm.jsonl").touch()
    with pytest.raises(ReplayMiss, match="empty"):
        replay(tmp_path / "llm.jsonl").ask("judge", "s", ASK, trace=Trace("1"))


def test_secrets_reach_neither_the_model_nor_the_record(
    server: MessagesServer, make_llm: MakeLLM, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUB_TOKEN", "correct-horse-battery")
    leak = f"key {KEY} and correct-horse-battery"
    server.script.append(text(f"you said {leak}"))
    trace = Trace("1")
    reply = make_llm("record").ask("judge", leak, [{"role": "user", "content": leak}], trace=trace)
    kept = "".join(path.read_text() for path in tmp_path.rglob("*.jsonl"))
    for place in (json.dumps(server.requests), kept, trace.to_jsonl(), repr(reply)):
        assert KEY not in place
        assert "correct-horse-battery" not in place
    assert reply.text == "you said key [secret removed] and [secret removed]"


def call(n: int, said: str = "x") -> tuple[str, dict[str, Any], dict[str, Any]]:
    request = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": str(n)}]}
    return request_key(request), request, message_of(text(said), request)


TEXTS = st.text(max_size=30) | st.sampled_from(["\n", "\u2028", "\x85", '"', "\\", "\ud800", "é"])


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), TEXTS), max_size=12))
@settings(max_examples=25, deadline=None)
def test_every_record_comes_back_as_it_was(calls: list[tuple[int, int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "llm.jsonl"
        records, wanted = Records(path), {}
        for session, which, said in calls:
            key, request, response = call(which, said)
            n = sum(known[:2] == (str(session), key) for known in wanted)
            records.append(str(session), "judge", key, n, request, response)
            wanted[str(session), key, n] = response
        reread = Records(path, must_exist=bool(calls))
        assert {place: reread.find(*place) for place in wanted} == wanted
        assert {place: records.find(*place) for place in wanted} == wanted


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_a_file_torn_anywhere_keeps_its_whole_lines_and_goes_on(cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "llm.jsonl"
        for n in range(3):
            Records(path).append("1", "judge", call(n)[0], 0, *call(n)[1:])
        data = path.read_bytes()
        cut %= len(data) + 1
        path.write_bytes(data[:cut])
        whole = data[:cut].count(b"\n")
        assert len(Records(path).places) == whole
        for n in range(3):
            Records(path).append("1", "judge", call(n)[0], 0, *call(n)[1:])
        assert path.read_bytes() == data


WRITER = """
import sys
from pathlib import Path
from asi_repro.llm.records import Records
from asi_repro.llm.request import request_key
from messages_server import message_of, text
records = Records(Path(sys.argv[1]))
for n in range(len(records.places), 10000):
    request = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": str(n)}]}
    answer = message_of(text(str(n) * 300_000), request)
    records.append("1", "judge", request_key(request), 0, request, answer)
    print(n, flush=True)
"""


def test_a_kill_in_the_middle_of_appending_loses_nothing_that_was_used(tmp_path: Path) -> None:
    path = tmp_path / "llm.jsonl"
    used = -1
    for delay_lines in (3, 2):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert process.stdout is not None
        for _ in range(delay_lines):
            used = int(process.stdout.readline())
        size = path.stat().st_size
        while path.stat().st_size == size and process.poll() is None:
            pass  # until it is at the next line
        os.kill(process.pid, signal.SIGKILL)
        used = max([used, *map(int, process.stdout.read().split())])
        process.wait()
        process.stdout.close()
        found = Records(path)
        assert [found.load(place)["request"]["messages"][0]["content"] for place in found.places] == [
            str(n) for n in range(len(found.places))
        ]
        assert len(found.places) >= used + 1


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        '{"version": 1}',
        '{"version": 1, "session": 3, "role": "r", "key": "k", "n": 0, "request": {"messages": []}, "response": {}}',
        '{"version": 9, "session": "3", "role": "r", "key": "k", "n": 0, "request": {"messages": []}, "response": {}}',
        "[" * 100_000,
    ],
)
def test_a_damaged_record_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "llm.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DataError, match="line 1"):
        replay(path)


def test_a_record_changed_by_hand_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "llm.jsonl"
    key, request, response = call(1)
    Records(path).append("1", "judge", key, 0, request, response)
    good = path.read_text()
    path.write_text(good.replace('"max_tokens":9', '"max_tokens":8'))
    with pytest.raises(DataError, match="key"):
        Records(path).find("1", key, 0)
    path.write_text(good.replace('"stop_reason":"end_turn"', '"stop_reason":null'))
    with pytest.raises(DataError, match="stop_reason"):
        Records(path).find("1", key, 0)


@given(st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner)))
@settings(max_examples=30, deadline=None)
def test_equal_values_have_one_canonical_text(value: Any) -> None:
    shuffled = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert canonical(shuffled) == canonical(value)
    assert json.loads(canonical(value)) == value
