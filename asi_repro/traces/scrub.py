"""Taking secrets out of what is kept: records, traces, commits.

Patterns are narrow on purpose. Programs of token mixers are full of variables called `key` and `token`,
and a scrubber that changes a program is worse than none.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

MASK = "[secret removed]"

# No letter or digit before it, but for the last of an escape in JSON or in Python: \n, \u00e9.
_BEGINS = r"(?:(?<![A-Za-z0-9])|(?<=\\[abfnrtv])|(?<=\\u[0-9A-Fa-f]{4}))"
_PATTERNS = (
    re.compile(_BEGINS + r"sk-[A-Za-z0-9][A-Za-z0-9_-]{18,}"),  # Anthropic (sk-ant-...), OpenAI
    re.compile(_BEGINS + r"AKIA[0-9A-Z]{16}(?![0-9A-Za-z])"),  # AWS
    re.compile(_BEGINS + r"AIza[0-9A-Za-z_-]{35}"),  # Google
    re.compile(_BEGINS + r"(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{30,})"),
    re.compile(_BEGINS + r"hf_[A-Za-z0-9]{30,}"),  # Hugging Face
    re.compile(_BEGINS + r"xox[abeoprs]-[A-Za-z0-9-]{10,}"),  # Slack
    re.compile(_BEGINS + r"(?<![_-])eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"),  # JWT
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
)
# What stands between a name and its value, also inside JSON that is inside JSON; and a value.
_IS = r"""(?:\\{0,7}["'])?\s{0,8}[:=]\s{0,8}(?:\\{0,7}["'])?"""
_VALUE = r"""([^\s"',;\\]{8,})"""
# Group 1 is kept: what the secret was for.
_NAMED = (
    re.compile(rf"(?i)(\b(?:proxy-)?authorization\b{_IS}(?:(?:bearer|basic|token)\s+)?){_VALUE}"),
    re.compile(rf"(?i)(\bx-api-key\b{_IS}){_VALUE}"),
    re.compile(rf"(?i)(\b(?:anthropic|openai|aws|hf|github)_\w{{0,40}}?(?:key|token|secret)\b{_IS}){_VALUE}"),
    re.compile(r"(\bBearer\s+)([A-Za-z0-9._~+/=-]{16,})"),
    re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://[^\s/:@]{0,100}:)([^\s/@]{1,500})(?=@)"),
)
_SECRET_FIELDS = frozenset(
    {
        "authorization",
        "proxy-authorization",
        "x-api-key",
        "api-key",
        "api_key",
        "apikey",
        "auth_token",
        "cookie",
        "set-cookie",
    }
)
_SECRET_NAMES = re.compile(r"(?i)(?:api_?key|_key\b|token\b|secret|passw(?:or)?d|credential)")
_SHORTEST = 8
"""Of an environment value that counts: shorter ones are words that stand in programs too."""


_COMMON = re.compile(r"/.*|[a-z]{1,11}", re.DOTALL)
"""Paths, and words like `disabled`, which are no secrets but stand in programs."""

_remembered: set[str] = set()


def remember_secret(secret: str | None) -> None:
    """Take out this text too from now on, as long as this process lives: a key that was given in code."""
    if secret and len(secret) >= _SHORTEST:
        _remembered.add(secret)


def environment_secrets(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Values of environment variables whose names speak of secrets, longest first.

    Each comes as it is and as it stands inside a JSON text. Paths and short words do not count.
    """
    return _forms(
        value
        for name, value in environment.items()
        if _SECRET_NAMES.search(name) and len(value) >= _SHORTEST and not _COMMON.fullmatch(value)
    )


def _forms(secrets: Iterable[str]) -> tuple[str, ...]:
    found = {form for secret in secrets for form in (secret, json.dumps(secret)[1:-1])}
    return tuple(sorted(found, key=lambda form: (-len(form), form)))


def scrub(value: Any, secrets: tuple[str, ...] | None = None) -> Any:
    """`value` (JSON) with secrets replaced by `MASK`, in keys and values alike; the input is untouched.

    Args:
        value: any JSON value.
        secrets: further texts to take out; those of the environment and the remembered ones by default.
    """
    if secrets is None:
        secrets = environment_secrets(os.environ) + _forms(_remembered)
    return _scrub(value, secrets)


def find_secrets(text: str, secrets: tuple[str, ...] = ()) -> Iterator[tuple[int, str]]:
    """Where in `text` something stands that `scrub` would take out, and what.

    Args:
        secrets: further texts to look for.
    """
    for secret in secrets:
        yield from ((found.start(), secret) for found in re.finditer(re.escape(secret), text))
    for pattern in _PATTERNS:
        yield from ((found.start(), found[0]) for found in pattern.finditer(text))
    for pattern in _NAMED:
        yield from ((found.start(2), found[2]) for found in pattern.finditer(text))


def _scrub(value: Any, secrets: tuple[str, ...]) -> Any:
    if isinstance(value, str):
        return _scrub_text(value, secrets)
    if isinstance(value, Mapping):
        return {
            _scrub_text(str(name), secrets): MASK
            if str(name).lower() in _SECRET_FIELDS and isinstance(item, str) and item
            else _scrub(item, secrets)
            for name, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_scrub(item, secrets) for item in value]
    return value


def _scrub_text(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, MASK)
    for pattern in _PATTERNS:
        text = pattern.sub(MASK, text)
    for pattern in _NAMED:
        text = pattern.sub(_keep_name, text)
    return text


def _keep_name(found: re.Match[str]) -> str:
    # Already removed: do not remove its first word again.
    return found[0] if found[2].startswith("[secret") else found[1] + MASK
