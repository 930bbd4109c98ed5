"""A Typer group that knows its commands' names and one-line help, and imports a command to run it."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

from asi_repro.cli.failures import failures_reported

_COMPLETION_OPTIONS = {
    "--install-completion": "Install shell completion for the current shell.",
    "--show-completion": "Print the completion script of the current shell.",
}


class PlainValue:
    """Takes a value that needs no conversion, or a plain one, and leaves every other to Typer.

    Typer makes a pydantic adapter of every parameter, used or not. Importing pydantic and making them is a
    third of the time of `asi-repro list`.
    """

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        annotation = param.type_descriptor.annotation
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        if annotation is str and isinstance(value, str):
            return value
        if annotation is Path and isinstance(value, str) and value:
            return Path(value)
        if annotation is int and isinstance(value, str) and value.isascii() and value.isdigit():
            info = param.type_descriptor.parameter_info
            if (info.min is None or info.min <= int(value)) and (info.max is None or int(value) <= info.max):
                return int(value)
        elif isinstance(annotation, type) and type(value) is annotation:  # a default
            return value
        elif annotation == list[str] and isinstance(value, tuple):
            return list(value)
        param._runtime_param = None
        return param.get_runtime_param().coerce(value, param=param, ctx=ctx)


class LightParameters:
    """Mixed into a command whose plain values need no pydantic."""

    def get_params(self, ctx: Any) -> list[Any]:
        found: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for parameter in found:
            if getattr(parameter, "_runtime_param", "other versions of Typer") is None:
                parameter._runtime_param = PlainValue()
        return found


class LightCommand(LightParameters, TyperCommand):
    """A verb."""


@dataclass(frozen=True)
class Lazy:
    """Where a command is, and what the list of commands says of it.

    Attributes:
        target: "module:name" of a function with Typer annotations, or of a `typer.Typer` instance.
        help: one line for the list of commands.
    """

    target: str
    help: str

    def load(self, name: str) -> Any:
        """Import the command and make it what Typer runs."""
        module, _, attribute = self.target.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            command = typer.main.get_command(found)
        else:
            single = typer.Typer(add_completion=False, rich_markup_mode=None)
            single.command(name, cls=LightCommand, short_help=self.help)(found)
            command = typer.main.get_command(single)
        command.name = name
        return command

    def placeholder(self, name: str) -> Any:
        """A stand-in that has the name and the help, for lists of commands and completion."""
        return TyperCommand(name, short_help=self.help, rich_markup_mode=None)


class LazyGroup(LightParameters, TyperGroup):
    """A group for `typer.Typer(cls=..., add_completion=False)`; a subclass states the attributes.

    Typer makes a pydantic adapter of every option it parses or prints, which costs more than all
    the rest of `--help`. So the group answers its own options, which are few, without making any.

    Attributes:
        panels: heading of a part of the help -> command name -> where it is.
        default: the command that no command means.
        version: what `--version` prints.
    """

    panels: ClassVar[dict[str, dict[str, Lazy]]]
    default: ClassVar[str]
    version: ClassVar[str]

    @property
    def table(self) -> dict[str, Lazy]:
        """Every command by name."""
        return {name: lazy for panel in self.panels.values() for name, lazy in panel.items()}

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        first = args[0] if args else None
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        if first is None:
            return super().parse_args(ctx, [self.default])
        if first in ctx.help_option_names:
            print(ctx.get_help())
            raise typer.Exit
        if first == "--version":
            print(self.version)
            raise typer.Exit
        if first.partition("=")[0] in _COMPLETION_OPTIONS:
            self.params.extend(typer.main.get_install_completion_arguments())
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return ["[OPTIONS]", "COMMAND [ARGS]..."]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Options"):
            formatter.write_dl(
                [
                    ("--version", "Print the version and exit."),
                    *_COMPLETION_OPTIONS.items(),
                    (", ".join(ctx.help_option_names), "Show this message and exit."),
                ]
            )
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for title, panel in self.panels.items():
            with formatter.section(title):
                formatter.write_dl([(name, lazy.help) for name, lazy in panel.items()])

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        # Completion asks for every command to read its help; `resolve_command` loads the one to run.
        if cmd_name in self.table and cmd_name not in self.commands:
            self.commands[cmd_name] = self.table[cmd_name].placeholder(cmd_name)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        for name in self.table:  # Typer suggests from the names in `commands`
            self.get_command(ctx, name)
        found, command, rest = super().resolve_command(ctx, args)
        if found in self.table:
            command = self.commands[found] = self.table[found].load(found)
        return found, command, rest

    def make_context(self, *words: Any, **options: Any) -> Any:
        with failures_reported():  # Ctrl-C while the words are read
            return super().make_context(*words, **options)

    def invoke(self, ctx: Any) -> Any:
        with failures_reported():
            return super().invoke(ctx)
