"""Programs of files for the command line: what a person says of their class, and how findings are printed."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Sequence
from typing import Any

from asi_repro.cli.output import console, print_columns, print_json, print_utf8, safe
from asi_repro.errors import AsiReproError, NotFound
from asi_repro.verify.adapt import Choice
from asi_repro.verify.ci import asked_for, junit, sarif
from asi_repro.verify.files import Checked
from asi_repro.verify.markdown import certificate_markdown, value_of
from asi_repro.verify.results import CheckResult
from asi_repro.verify.wording import line_of, summary

_STYLES = {"fail": "bold red", "pass": "", "not run": "dim"}


def the_choice(
    class_name: str | None,
    settings: Sequence[str] = (),
    hidden_size: int | None = None,
    heads: int | None = None,
    parameters: int | None = None,
) -> Choice:
    """What the options say of a file's mixer.

    Raises:
        AsiReproError: for a setting that is not NAME=VALUE with a literal, or one size without the other.
    """
    if (hidden_size is None) != (heads is None):
        raise AsiReproError(
            "a width needs a number of heads, and the other way round", hint="--hidden-size 64 --heads 4"
        )
    sizes = None if hidden_size is None or heads is None else (hidden_size, heads)
    return Choice(class_name, dict(map(setting, settings)), sizes, parameters)


def setting(text: str) -> tuple[str, Any]:
    """The name and the value in NAME=VALUE; the value is JSON or a Python literal, and never evaluated.

    Raises:
        AsiReproError: where it is neither.
    """
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise AsiReproError(f"--set takes NAME=VALUE, not {text!r}", hint="--set window=64")
    for read in (json.loads, ast.literal_eval):
        try:
            return name, read(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    raise AsiReproError(
        f"the value of {name} is neither JSON nor a Python literal: {value!r}",
        hint=f"quote a text twice: --set {name}='\"fast\"'",
    )


def file_format(name: str | None, *, as_json: bool) -> Callable[[list[Checked]], None]:
    """What prints checked programs in the format of that name.

    Raises:
        NotFound: for an unknown format.
        AsiReproError: where --json stands beside another one.
    """
    if as_json and name not in (None, "json"):
        raise AsiReproError(f"--json and --format {name} cannot be combined")
    chosen = "json" if as_json else name or "table"
    if chosen not in _FORMATS:
        raise NotFound(f"unknown format {chosen!r}", hint=f"use one of: {', '.join(_FORMATS)}")
    return _FORMATS[chosen]


def _table(checked: list[Checked]) -> None:
    out = console()
    for one in checked:
        if one.certificate is None or one.mixer is None:
            continue
        probe = one.certificate.probe
        sizes = (
            f", width {probe['hidden_size']}, {probe['num_heads']} heads" if "hidden_size" in probe else ""
        )
        about = ", ".join(f"{key} {value}" for key, value in sorted(one.certificate.environment.items()))
        out.print(f"{safe(one.name)}: {one.mixer.class_name} (line {one.mixer.line}){sizes}; {about}")
        rows = asked_for(one)
        cells = [[row.check, row.verdict, value_of(row), _explained(one, row)] for row in rows]
        styles = [_STYLES[row.verdict] for row in rows]
        print_columns(out, ("row", "verdict", "value", "where"), cells, right=(2,), styles=styles)
        counts = {verdict: sum(row.verdict == verdict for row in rows) for verdict in _STYLES}
        out.print(", ".join(f"{count} {verdict}" for verdict, count in counts.items()))


def _explained(one: Checked, row: CheckResult) -> str:
    if row.verdict == "pass" or one.mixer is None:
        return row.unit
    line = line_of(row, one.mixer.text, one.mixer.line)
    said = safe(summary(row))
    return f"line {line}: {said}" if row.verdict == "fail" else said


def _json(checked: list[Checked]) -> None:
    documents = [one.certificate.to_json() for one in checked if one.certificate is not None]
    if len(checked) != 1:
        print_json(documents)
    elif documents:
        print_json(documents[0])


def _markdown(checked: list[Checked]) -> None:
    for one in checked:
        if one.certificate is not None:
            print_utf8(certificate_markdown(one.certificate))


_FORMATS: dict[str, Callable[[list[Checked]], None]] = {
    "table": _table,
    "json": _json,
    "markdown": _markdown,
    "sarif": lambda checked: print_json(sarif(checked)),
    "junit": lambda checked: print_utf8(junit(checked)),
}
