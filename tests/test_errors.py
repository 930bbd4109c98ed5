"""Errors that nobody foresaw say where they came from."""

from __future__ import annotations

import json

import pytest
from in_process import call

from asi_repro.cli.lazy import LazyGroup
from asi_repro.errors import fault_place
from asi_repro.store.json_text import dump_json


def caught(call, *words) -> str:
    try:
        call(*words)
    except Exception as error:
        return fault_place(error)
    raise AssertionError("nothing was raised")


def test_the_last_of_our_own_frames_is_named_and_no_folder_of_this_machine():
    place = caught(dump_json, object())
    assert place.startswith("asi_repro/store/json_text.py, line ")
    assert place.endswith(", in dump_json")


def test_an_error_of_others_is_said_to_be_one():
    assert caught(json.loads, "{") == "outside asi_repro"


@pytest.mark.parametrize("while_it", ["parse_args", "resolve_command"])
def test_ctrl_c_is_answered_before_a_command_begins_too(monkeypatch, while_it):
    def pressed(*words, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(LazyGroup, while_it, pressed)
    result = call("list")
    assert result.returncode == 130
    assert "interrupted" in result.stderr
