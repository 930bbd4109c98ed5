"""Running the tools that a model calls; its input is checked before a tool sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asi_repro.errors import AsiReproError
from asi_repro.store.json_text import JsonDict


@dataclass(frozen=True)
class Tool:
    """A function that the model may call.

    Attributes:
        name: letters, digits, dashes and underscores.
        description: for the model: what it does and when to call it.
        input_schema: JSON schema (of an object) that each input is checked against before `run` sees it.
        run: takes the input, gives the text for the model. An `AsiReproError` or `ValueError` that it
            raises goes to the model as a failed call. It must give the same text for the same input and
            state, or a replay misses.
    """

    name: str
    description: str
    input_schema: JsonDict
    run: Callable[[JsonDict], str]

    def to_json(self) -> JsonDict:
        """As the API takes it."""
        return {"name": self.name, "description": self.description, "input_schema": self.input_schema}


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool.

    Attributes:
        name: of the tool, as the model wrote it.
        input: as the model wrote it.
        output: what went back to the model.
        failed: the output is an error.
        misfit: it failed because the input does not fit, or no tool has that name.
    """

    name: str
    input: JsonDict
    output: str
    failed: bool = False
    misfit: bool = False


def call_tool(tools: Sequence[Tool], name: str, given: JsonDict) -> ToolCall:
    """Run the tool `name` on `given`."""
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None:
        known = ", ".join(tool.name for tool in tools) or "none"
        return ToolCall(name, given, f"There is no tool {name!r}. The tools are: {known}.", True, True)
    if problem := _problem(tool.input_schema, given):
        return ToolCall(name, given, f"The input does not fit the tool's schema: {problem}", True, True)
    try:
        return ToolCall(name, given, tool.run(given))
    except (AsiReproError, ValueError) as error:
        return ToolCall(name, given, str(error), True)


def _problem(schema: JsonDict, given: JsonDict) -> str | None:
    import jsonschema  # type: ignore[import-untyped]

    found = sorted(jsonschema.Draft202012Validator(schema).iter_errors(given), key=lambda e: e.json_path)
    return "; ".join(f"{error.json_path}: {error.message[:300]}" for error in found[:5]) or None
