"""Settings that are quick where the real ones are patient, and a tool."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from messages_server import MessagesServer
from pydantic import BaseModel

from asi_repro.config.llm import LlmSettings
from asi_repro.llm.client import LLM, Mode, Tool

MODEL = "claude-sonnet-5-5"
KEY = "sk-ant-api03-only-for-the-tests-0123456789"
ASK = [{"role": "user", "content": "Propose something."}]


class Scores(BaseModel):
    innovation: float
    notes: tuple[str, ...] = ()


def make_settings(**changes: Any) -> LlmSettings:
    base: dict[str, Any] = {
        "roles": {"default": {"model": MODEL, "max_tokens": 1000}},
        "first_wait": 0.001,
        "idle_timeout": 0.5,
        "attempts": 3,
    }
    return LlmSettings.model_validate({**base, **changes})


PRICES = {
    MODEL: {"input": 2.0, "output": 10.0, "cache_write": 2.5, "cache_read": 0.2, "as_of": "2026-11-22"},
}


@pytest.fixture
def server() -> Iterator[MessagesServer]:
    with MessagesServer() as running:
        yield running


@pytest.fixture
def make_llm(server: MessagesServer, tmp_path: Path) -> Iterator[Callable[..., LLM]]:
    """An LLM against the server; keyword arguments are settings."""
    made: list[LLM] = []

    def make(mode: Mode = "live", *, records: Path | None = None, **changes: Any) -> LLM:
        path = records or tmp_path / "llm.jsonl"
        made.append(
            LLM(
                make_settings(**changes),
                mode=mode,
                records=None if mode == "live" else path,
                base_url=server.url,
                api_key=KEY,
            )
        )
        return made[-1]

    yield make
    for llm in made:
        llm.close()


@pytest.fixture
def read_tool() -> Tool:
    """Gives back what it is asked for; fails for the path `missing`."""

    def run(given: dict[str, Any]) -> str:
        if given["path"] == "missing":
            raise ValueError("there is no such file")
        return f"content of {given['path']}"

    schema = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    return Tool("read", "Reads a file.", schema, run)
