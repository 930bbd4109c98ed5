"""Our prompts: one versioned Markdown file each, with the variables that it takes.

    rendered = load_prompt("judge").render(program=..., motivation=...)
    reply = llm.ask("judge", rendered.system, [{"role": "user", "content": rendered.user}], trace=trace)

A file has front matter (id, version, variables) and the parts `# System` and `# User`, jinja2
templates; one may be missing. Raise the version whenever the text changes; the trace keeps id, version
and hash. A prompt without `# User` can be included in others.

Text from outside (programs, papers, logs) goes through the filter `data`: it fences it in a tag made from a
hash of the text, so the text cannot close it; the include `untrusted` tells the model what the tag means.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined, TemplateError, TemplateSyntaxError, meta
from jinja2.nodes import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import Field, ValidationError

from asi_repro.errors import AsiReproError, DataError, NotFound
from asi_repro.plain_yaml import plain_yaml
from asi_repro.store.files import sha256_bytes
from asi_repro.store.records import Record
from asi_repro.traces.spans import Span

FOLDER = Path(__file__).parent
_FRONT = re.compile(r"\A---\n(.*?)\n---\n(.*)\Z", re.S)
_PARTS = re.compile(r"\A(?:# System\n\n(.*?))?\s*(?:^# User\n\n(.*))?\Z", re.S | re.M)
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


class _Front(Record):
    id: str
    version: int = Field(ge=1)
    variables: list[str]


@dataclass(frozen=True)
class Rendered:
    """A prompt with its variables filled in.

    Attributes:
        system: the system prompt, the same for every call with this prompt: it can be cached.
        user: the first message.
        id, version, sha256: which prompt it was; the hash is over the template and what it includes.
    """

    system: str
    user: str
    id: str
    version: int
    sha256: str

    def mark(self, span: Span) -> None:
        """Note in a span which prompt was used."""
        span.set(**{"prompt.id": self.id, "prompt.version": self.version, "prompt.sha256": self.sha256})


@dataclass(frozen=True)
class Prompt:
    """One prompt file.

    Attributes:
        id: its file's name without the suffix.
        version: counts up with the text.
        variables: what `render` takes, all of them.
        system, user: jinja2 templates; "" for a part that is missing.
        sha256: over both templates and those they include.
    """

    id: str
    version: int
    variables: tuple[str, ...]
    system: str
    user: str
    sha256: str

    def render(self, **values: Any) -> Rendered:
        """Fill in the variables.

        Raises:
            AsiReproError: where one is missing, is not known, or has something the template cannot use.
        """
        if set(values) != set(self.variables):
            missing = sorted(set(self.variables) - set(values))
            unknown = sorted(set(values) - set(self.variables))
            raise AsiReproError(
                f"prompt {self.id!r}: missing {missing}, unknown {unknown}", where=f"prompts/{self.id}.md"
            )
        environment = _environment()
        try:
            system, user = (
                environment.from_string(part).render(values).strip() for part in (self.system, self.user)
            )
        except TemplateError as error:
            raise AsiReproError(f"prompt {self.id!r}: {error}", where=f"prompts/{self.id}.md") from error
        return Rendered(system, user, self.id, self.version, self.sha256)


def prompt_ids() -> list[str]:
    """Every prompt's id, included parts too."""
    return sorted(path.stem for path in FOLDER.glob("*.md"))


@cache
def load_prompt(key: str) -> Prompt:
    """The prompt of that id.

    Raises:
        NotFound: where there is none.
        DataError: where its file is not of the format.
    """
    if key not in prompt_ids():
        raise NotFound(f"unknown prompt {key!r}", hint=f"use one of: {', '.join(prompt_ids())}")
    front, system, user = _read(key)
    texts = [system, user, *(text for part in _included(f"{system}\n{user}") for text in _read(part)[1:])]
    digest = sha256_bytes("\0".join(texts).encode())
    return Prompt(front.id, front.version, tuple(front.variables), system, user, digest)


def undeclared(text: str) -> set[str]:
    """Variables that a template uses, in what it includes too."""
    found = set(meta.find_undeclared_variables(_parsed(text)))
    for part in _included(text):
        found |= undeclared(_read(part)[1])
    return found


def fence(value: object, kind: str) -> str:
    """`value` as text between tags that it cannot hold itself.

    Args:
        value: text from outside.
        kind: what it is, for the model: letters, digits, blanks.
    """
    # Half a surrogate pair can come out of JSON, and goes into no request.
    text = str(value).replace("\r\n", "\n").encode("utf-8", "replace").decode()
    text = _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text).strip("\n")
    tag = f"data-{sha256_bytes(text.encode())[:12]}"
    return f'<{tag} kind="{kind}">\n{text}\n</{tag}>'


@cache
def _environment() -> Environment:
    # Markdown for a model, not HTML: escaping would change programs.
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,
        loader=FunctionLoader(lambda name: _read(name)[1]),
    )
    environment.filters["data"] = fence
    return environment


def _included(text: str) -> Iterable[str]:
    return sorted({name for name in meta.find_referenced_templates(_parsed(text)) if name})


def _parsed(text: str) -> Template:
    try:
        return _environment().parse(text)
    except (TemplateSyntaxError, RecursionError) as error:
        raise DataError(f"the file is not a valid template: {error}", where="a prompt's text") from error


@cache
def _read(key: str) -> tuple[_Front, str, str]:
    path = FOLDER / f"{key}.md"
    if key not in prompt_ids():
        raise DataError(f"there is no prompt {key!r} to include", where=str(FOLDER))
    try:
        found = _FRONT.match(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise DataError(f"the file is not UTF-8 (byte {error.start})", where=str(path)) from error
    parts = _PARTS.match(found[2]) if found else None
    if not found or not parts:
        raise DataError("a prompt must have front matter, then `# System`, then `# User`", where=str(path))
    try:
        front = _Front.model_validate(plain_yaml(found[1], where=str(path)))
    except ValidationError as error:
        raise DataError(f"the front matter is not valid: {error}", where=str(path)) from error
    if front.id != key:
        raise DataError(f"the id is {front.id!r}, but the file is named {key!r}", where=str(path))
    return front, parts[1] or "", parts[2] or ""
