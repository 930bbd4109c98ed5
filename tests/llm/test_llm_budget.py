"""The budget: a hard stop, over restarts and processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from messages_server import Answer, MessagesServer, text

from asi_repro.config.llm import BudgetSettings
from asi_repro.errors import DataError, NotFound
from asi_repro.llm.budget import Ledger
from asi_repro.llm.client import LLM
from asi_repro.llm.errors import BudgetExceeded
from asi_repro.traces.spans import Trace
from tests.llm.conftest import ASK, MODEL, PRICES, make_settings

MakeLLM = Callable[..., LLM]


@pytest.mark.parametrize("budget", [{"tokens": 4000}, {"usd": 0.03}])
@pytest.mark.parametrize("mode", ["live", "record"])
def test_the_budget_is_never_passed(
    server: MessagesServer, make_llm: MakeLLM, budget: dict[str, float], mode: str
) -> None:
    server.handler = lambda request: text("x" * 2000)  # 500 tokens or so, of 1000 that it may be
    llm = make_llm(mode, budget=budget, prices=PRICES)

    def ask_on() -> None:
        for n in range(100):
            llm.ask("judge", "s", ASK, trace=Trace(str(n)))

    with pytest.raises(BudgetExceeded, match="budget"):
        ask_on()
    assert 2 <= len(server.requests) <= 12
    tokens, usd = llm.ledger.spent
    assert tokens <= budget.get("tokens", tokens)
    assert usd <= budget.get("usd", usd)


def test_it_holds_with_calls_at_once(server: MessagesServer, make_llm: MakeLLM) -> None:
    server.handler = lambda request: Answer(text("x" * 2000).content, pause=0.002)
    llm = make_llm("record", budget={"tokens": 6000}, concurrency=8)

    def one(n: int) -> bool:
        try:
            llm.ask("judge", "s", ASK, trace=Trace(str(n)))
        except BudgetExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(one, range(20)))
    assert 4 <= sum(done) < 20
    assert llm.ledger.spent[0] <= 6000


def test_it_holds_over_restarts_and_a_replay_is_free(
    server: MessagesServer, make_llm: MakeLLM, tmp_path: Path
) -> None:
    server.handler = lambda request: text("x" * 2000)
    tight = {"tokens": 2200}
    make_llm("record", budget=tight).ask("judge", "s", ASK, trace=Trace("1"))
    make_llm("record", budget=tight).ask("judge", "s", ASK, trace=Trace("2"))
    again = make_llm("record", budget=tight)
    assert again.ask("judge", "s", ASK, trace=Trace("1")).text == "x" * 2000, "recorded: costs nothing"
    with pytest.raises(BudgetExceeded):
        again.ask("judge", "s", ASK, trace=Trace("3"))
    free = LLM(make_settings(budget={"tokens": 0}), mode="replay", records=tmp_path / "llm.jsonl")
    assert free.ask("judge", "s", ASK, trace=Trace("2")).usage.output > 0


def test_failed_attempts_are_charged_for_what_came(server: MessagesServer, make_llm: MakeLLM) -> None:
    whole = text("x" * 2000)
    server.script += [Answer(whole.content, drop_after=30), whole]
    llm = make_llm()
    reply = llm.ask("judge", "s", ASK, trace=Trace("1"))
    assert llm.ledger.spent[0] > reply.usage.total + 400


def test_a_model_without_a_price_and_a_money_budget_is_an_error(
    server: MessagesServer, make_llm: MakeLLM
) -> None:
    with pytest.raises(NotFound, match=MODEL):
        make_llm(budget={"usd": 1.0}).ask("judge", "s", ASK, trace=Trace("1"))
    assert not server.requests
    server.script.append(text("x"))
    assert make_llm().ask("judge", "s", ASK, trace=Trace("1")).cost is None


def test_what_a_killed_process_had_booked_counts_as_spent(tmp_path: Path) -> None:
    path = tmp_path / "spent.jsonl"
    code = (
        "import os, sys, pathlib\n"
        "from asi_repro.llm.budget import Ledger\n"
        "from asi_repro.config.llm import BudgetSettings\n"
        "with Ledger(BudgetSettings(tokens=1000), pathlib.Path(sys.argv[1])).reserve(900, 0.0):\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, str(path)]).returncode == -9
    with path.open("ab") as stream:
        stream.write(b'{"id": "torn')
    ledger = Ledger(BudgetSettings(tokens=1000), path)
    assert ledger.spent == (900, 0.0)
    with pytest.raises(BudgetExceeded), ledger.reserve(200, 0.0):
        pass
    with ledger.reserve(100, 0.0) as reservation:
        reservation.tokens = 60
    assert Ledger(BudgetSettings(tokens=1000), path).spent == (960, 0.0)


def test_a_damaged_ledger_is_named(tmp_path: Path) -> None:
    path = tmp_path / "spent.jsonl"
    path.write_text("{}\n")
    with pytest.raises(DataError, match="spent"):
        _ = Ledger(BudgetSettings(), path).spent
