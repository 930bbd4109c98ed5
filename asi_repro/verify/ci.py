"""Checked programs for continuous integration: SARIF 2.1.0 (OASIS) and JUnit's XML. No torch here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree

from asi_repro import __version__
from asi_repro.errors import AsiReproError
from asi_repro.text import one_line
from asi_repro.verify.catalogue import CHECKS
from asi_repro.verify.certificate import NOT_YET
from asi_repro.verify.files import STANDARD_INPUT_NAME, Checked
from asi_repro.verify.results import CheckResult
from asi_repro.verify.wording import line_of, summary

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
# The rule of a program that could not be checked to the end.
UNCHECKED = "program"
_RULES = {row: check.title for check in CHECKS for row in check.rows} | {
    UNCHECKED: "Can the program be checked at all?"
}
_ORDER = {name: number for number, name in enumerate(_RULES)}
_AT_LINE = re.compile(r", line (\d+)")


def sarif(checked: Sequence[Checked]) -> dict[str, Any]:
    """A SARIF log of one run: a result for every row that fails, and for every program that was stopped."""
    rules = [{"id": name, "shortDescription": {"text": title}} for name, title in _RULES.items()]
    driver = {"name": "asi-repro", "version": __version__, "rules": rules}
    notes = [
        {"level": "note", "message": {"text": f"{one.name}: {row.check} was not run: {_clean(summary(row))}"}}
        for one in checked
        for row in asked_for(one)
        if row.verdict == "not run"
    ]
    run = {
        "tool": {"driver": driver},
        "invocations": [
            {
                "executionSuccessful": all(one.problem is None for one in checked),
                "toolExecutionNotifications": notes,
            }
        ],
        "results": [result for one in checked for result in _results(one)],
        "columnKind": "unicodeCodePoints",
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def junit(checked: Sequence[Checked]) -> str:
    """JUnit's XML: a suite for each program, a case for each row."""
    root = ElementTree.Element("testsuites", name="asi-repro verify")
    for one in checked:
        suite = ElementTree.SubElement(root, "testsuite", name=_clean(one.name))
        for row in asked_for(one):
            case = ElementTree.SubElement(suite, "testcase", classname=_clean(one.name), name=row.check)
            kind = {"fail": "failure", "not run": "skipped"}.get(row.verdict)
            if kind is not None:
                ElementTree.SubElement(case, kind, message=_clean(summary(row)))
        if one.problem is not None:
            case = ElementTree.SubElement(suite, "testcase", classname=_clean(one.name), name=UNCHECKED)
            ElementTree.SubElement(case, "error", message=_clean(_problem_text(one.problem)))
        for name, tag in (
            ("tests", "testcase"),
            ("failures", "failure"),
            ("errors", "error"),
            ("skipped", "skipped"),
        ):
            suite.set(name, str(len(list(suite.iter(tag)))))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def asked_for(one: Checked) -> list[CheckResult]:
    """The rows of the checks that were asked for."""
    rows = one.certificate.checks if one.certificate is not None else ()
    return [row for row in rows if row.detail.get("reason") != NOT_YET]


def _results(one: Checked) -> Iterator[dict[str, Any]]:
    class_line = one.mixer.line if one.mixer is not None else 1
    text = one.mixer.text if one.mixer is not None else ""
    for row in asked_for(one):
        if row.verdict == "fail":
            said = f"{row.check} fails: {summary(row)}. {row.method}"
            yield _result(one, row.check, said, line_of(row, text, class_line))
    if one.problem is not None:
        line = _AT_LINE.search(one.problem.where or "")
        yield _result(one, UNCHECKED, _problem_text(one.problem), int(line[1]) if line else class_line)


def _result(one: Checked, rule: str, text: str, line: int) -> dict[str, Any]:
    location = {"artifactLocation": {"uri": _uri(one.name)}, "region": {"startLine": line}}
    return {
        "ruleId": rule,
        "ruleIndex": _ORDER[rule],
        "level": "error",
        "message": {"text": _clean(text)},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"row/v1": f"{rule}:{one.mixer.class_name if one.mixer else ''}"},
    }


def _uri(name: str) -> str:
    """A relative reference for a path below the working folder, a file address for another."""
    if name == STANDARD_INPUT_NAME:
        return "stdin"
    path = Path(name)
    if not path.is_absolute():
        return quote(path.as_posix())
    here = Path.cwd()
    return quote(path.relative_to(here).as_posix()) if path.is_relative_to(here) else path.as_uri()


def _problem_text(problem: AsiReproError) -> str:
    return problem.what if problem.where is None else f"{problem.what} ({problem.where})"


def _clean(text: str) -> str:
    """One line that XML 1.0 can hold and a terminal does not obey."""
    return re.sub("[\ufffe\uffff]", "\ufffd", one_line(text))
