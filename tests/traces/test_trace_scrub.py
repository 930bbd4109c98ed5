"""Secrets: found where they hide, and programs left as they are."""

from __future__ import annotations

import json
import string
import time
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from asi_repro.traces.scrub import MASK, environment_secrets, scrub
from asi_repro.traces.spans import Trace

LETTERS = string.ascii_letters + string.digits
SECRETS = st.one_of(
    st.text(LETTERS + "-_", min_size=24, max_size=60).map(lambda s: f"sk-ant-api03-{s}"),
    st.text(string.ascii_uppercase + string.digits, min_size=16, max_size=16).map(lambda s: f"AKIA{s}"),
    st.text(LETTERS, min_size=36, max_size=40).map(lambda s: f"ghp_{s}"),
    st.text(LETTERS, min_size=34, max_size=40).map(lambda s: f"hf_{s}"),
    st.text(LETTERS, min_size=20, max_size=30).map(lambda s: f"Authorization: Bearer {s}"),
    st.text(LETTERS, min_size=20, max_size=30).map(lambda s: f'"x-api-key": "{s}"'),
    st.text(LETTERS, min_size=10, max_size=30).map(lambda s: f"ANTHROPIC_API_KEY={s}"),
    st.text(LETTERS, min_size=6, max_size=20).map(lambda s: f"https://someone:{s}@host.example/"),
    st.text(LETTERS, min_size=40, max_size=60).map(
        lambda s: f"-----BEGIN RSA PRIVATE KEY-----\n{s}\n-----END RSA PRIVATE KEY-----"
    ),
)


def core(secret: str) -> str:
    """The part of a made secret that must not be seen."""
    for mark in ("Bearer ", '": "', "KEY=", "someone:", "-----\n"):
        if mark in secret:
            secret = secret.split(mark, 1)[1]
    return secret.split("@")[0].split("\n")[0].strip('"')


@given(SECRETS, st.text(max_size=20), st.text(max_size=20), st.sampled_from(["text", "list", "key", "json"]))
@settings(max_examples=80, deadline=None)
def test_a_secret_is_gone_wherever_it_stands(secret: str, before: str, after: str, form: str) -> None:
    assume(core(secret) not in before + after)
    said = f"{before} {secret} {after}"
    value: Any = {
        "text": said,
        "list": [{"a": [said]}],
        "key": {said: 1},
        "json": json.dumps({"nested": said}),
    }[form]
    cleaned = scrub(value, ())
    assert core(secret) not in json.dumps(cleaned, ensure_ascii=False)
    assert MASK in json.dumps(cleaned)


@given(
    st.recursive(
        st.none() | st.integers() | st.text() | SECRETS,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | SECRETS, inner, max_size=3),
        max_leaves=6,
    )
)
@settings(max_examples=40, deadline=None)
def test_scrubbing_twice_is_scrubbing_once(value: Any) -> None:
    once = scrub(value, ())
    assert scrub(once, ()) == once


PROGRAM = '''
class DeltaNet(nn.Module):
    """See https://arxiv.org/abs/2507.18074. Authorization of a token is not a token: key=value."""

    def forward(self, x, key: torch.Tensor, token="<pad>", api_key_dim=64, secret_scale=1e-3):
        key = self.k_proj(x)  # task-specific key-value mixing; mask_token = "[secret]"
        password_free_attention = key @ self.q_proj(x).transpose(-1, -2)
        bearer = "Bearer"
        return rearrange(key, "b (h d) -> b h d", h=self.num_heads), None, None
'''


def test_programs_stay_as_they_are() -> None:
    assert scrub(PROGRAM, ()) == PROGRAM
    assert scrub({"key": "q", "token": "t", "tool": {"api_key": {"type": "string"}}}, ()) == {
        "key": "q",
        "token": "t",
        "tool": {"api_key": {"type": "string"}},
    }


def test_values_of_the_environment_that_are_secrets() -> None:
    environment = {
        "HUB_TOKEN": 'with "quotes" inside',
        "DB_PASSWORD": "hunter2hunter2",
        "MY_API_KEY": "short",
        "SSH_KEY": "/home/me/.ssh/id",
        "PATH": "/usr/bin:/bin/and/more",
        "SECRET_MODE": "disabled",
        "EDITOR": "a-long-editor-name",
    }
    known = environment_secrets(environment)
    assert known == ('with \\"quotes\\" inside', 'with "quotes" inside', "hunter2hunter2")
    assert scrub(json.dumps(['x with "quotes" inside y']), known) == f'["x {MASK} y"]'
    assert scrub({"cookie": "abc", "Authorization": "abc"}, known) == {"cookie": MASK, "Authorization": MASK}


def test_traces_are_scrubbed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TOKEN", "correct-horse-battery")
    trace = Trace("1")
    with trace.span("run with correct-horse-battery", "TOOL", log=["sk-ant-" + "a1" * 20]):
        pass
    assert trace.to_rows()[0]["name"] == f"run with {MASK}"
    assert trace.to_rows()[0]["attributes"] == {"log": [MASK]}


@pytest.mark.parametrize(
    "piece", ["a.", "a://", "Bearer ", "authorization=", "sk-", "-----BEGIN PRIVATE KEY-----", "eyJ"]
)
def test_hostile_texts_take_no_long_time(piece: str) -> None:
    begun = time.process_time()
    scrub(piece * 50_000, ())
    assert time.process_time() - begun < 5
