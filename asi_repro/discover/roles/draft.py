"""The program that an agent works on, and the tools by which it reads and writes it."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from asi_repro.errors import NotFound
from asi_repro.llm.client import Tool
from asi_repro.sandbox.static_check import check_program
from asi_repro.store.files import sha256_bytes
from asi_repro.traces.spans import Trace
from asi_repro.verify.static_facts import static_facts

MAIN_CLASS = "DeltaNet"
_LARGEST = 100_000
_SHOWN = 12
_PROGRAM = {"type": "string", "description": "The whole module, Python source."}


class Draft:
    """A program in the making; every version that was written is in the trace.

    Args:
        program: what it begins with.
        others: further programs that may be read, by name.
        trace: gets a span for each version.
    """

    def __init__(self, program: str, others: Mapping[str, str], trace: Trace) -> None:
        self.program = program
        self.versions = 0
        self._first = program
        self._others = dict(others)
        self._trace = trace

    @property
    def changed(self) -> bool:
        """Whether it differs from what it began with."""
        return self.program.strip() != self._first.strip()

    def problems(self) -> list[str]:
        """What keeps the draft from going on: unchanged, not readable, or not allowed."""
        if not self.changed:
            return ["the draft is still the program it began with"]
        return program_problems(self.program)

    def tools(self) -> list[Tool]:
        """read_program, write_program and check_program, for `LLM.ask`."""
        names = ["draft", *self._others]
        which = {"type": "string", "enum": names, "description": "Which program to read."}
        return [
            Tool("read_program", "Read a program.", _object({"which": which}), self._read),
            Tool(
                "write_program",
                "Replace the draft by a whole program. Answers with what is wrong in its text.",
                _object({"program": _PROGRAM}),
                self._write,
            ),
            Tool(
                "check_program",
                "Check the draft's syntax, imports, names and main class. It is not run.",
                _object({}),
                lambda given: self.report(),
            ),
        ]

    def report(self) -> str:
        """What the text check says of the draft, for the model."""
        problems = program_problems(self.program)
        advice = _advice(self.program) if not problems else []
        if problems:
            return "The draft cannot go on:\n" + "\n".join(f"- {problem}" for problem in problems)
        return "\n".join(["The draft's text is in order. It has not been run.", *advice])

    def _read(self, given: Mapping[str, Any]) -> str:
        which = str(given["which"])
        if which == "draft":
            return self.program
        if which not in self._others:
            raise NotFound(f"there is no program {which!r}", hint=f"draft, {', '.join(self._others)}")
        return self._others[which]

    def _write(self, given: Mapping[str, Any]) -> str:
        self.program = _bare(str(given["program"]))
        self.versions += 1
        with self._trace.span("program version", "CHAIN") as span:
            span.set(
                **{
                    "program.version": self.versions,
                    "program.sha256": sha256_bytes(self.program.encode()),
                    "program.source": self.program,
                    "program.problems": program_problems(self.program),
                }
            )
        return self.report()


def program_problems(source: str) -> list[str]:
    """Why a program cannot be loaded, as its text tells; empty where nothing is in the way."""
    if len(source) > _LARGEST:
        return [f"the program has {len(source)} characters; {_LARGEST} are the limit"]
    if refusals := check_program(source):
        return [str(refusal) for refusal in refusals[:_SHOWN]]
    return _contract_problems(ast.parse(source))


def _contract_problems(tree: ast.Module) -> list[str]:
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    if MAIN_CLASS not in classes:
        return [f"there is no class {MAIN_CLASS} at the top level; found: {', '.join(classes) or 'none'}"]
    methods = {node.name: node for node in classes[MAIN_CLASS].body if isinstance(node, ast.FunctionDef)}
    inherited = any(isinstance(base, ast.Name) and base.id in classes for base in classes[MAIN_CLASS].bases)
    problems = []
    for name in ("__init__", "forward"):
        method = methods.get(name)
        if method is None and not inherited:
            problems.append(f"{MAIN_CLASS} has no {name}")
        elif method is not None and method.args.kwarg is None:
            problems.append(f"{MAIN_CLASS}.{name} does not take **kwargs")
    return problems


def _advice(source: str) -> list[str]:
    lines = static_facts(source).reshape_lines
    if not lines:
        return []
    return [f"Advice: `view` or `reshape` in lines {', '.join(map(str, lines))}; use einops there."]


def _bare(text: str) -> str:
    """The source without a Markdown fence around it, with one newline at its end, and writable as UTF-8."""
    # JSON can carry half a surrogate pair, which no file can.
    text = text.encode("utf-8", "replace").decode("utf-8").replace("\r\n", "\n").strip("\n")
    lines = text.split("\n")
    if lines[0].startswith("```") and lines[-1].strip() == "```":
        lines = lines[1:-1]
    return "\n".join(lines).rstrip() + "\n"


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
