"""YAML from outside as plain data: every way to be wrong is one error, and nothing in it can grow."""

from __future__ import annotations

from typing import Any

import yaml

from asi_repro.errors import DataError


class _Loader(yaml.SafeLoader):
    """No aliases: a few lines of them can stand for gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(None, None, "aliases (*name) are not taken: write it out", mark)
        return super().compose_node(parent, index)


def plain_yaml(text: str | bytes, *, where: str, hint: str | None = None) -> Any:
    """The value of a YAML document of plain data.

    Args:
        text: bytes are UTF-8.
        where, hint: of the error.

    Raises:
        DataError: where it is not UTF-8, not YAML, or has aliases.
    """
    try:
        return yaml.load(text if isinstance(text, str) else text.decode("utf-8"), Loader=_Loader)  # noqa: S506
    except UnicodeDecodeError as error:
        raise DataError(f"the file is not UTF-8 (byte {error.start})", where=where, hint=hint) from error
    except yaml.YAMLError as error:
        raise DataError(f"the file is not YAML: {_said(error)}", where=where, hint=hint) from error
    # PyYAML's constructors of dates, numbers and truth values let these out for what does not fit their tag.
    except (ValueError, AttributeError, LookupError, TypeError, OverflowError, RecursionError) as error:
        raise DataError(
            f"the file is not YAML: {type(error).__name__} in a value", where=where, hint=hint
        ) from error


def _said(error: yaml.YAMLError) -> str:
    problem, mark = getattr(error, "problem", None), getattr(error, "problem_mark", None)
    said = str(problem or (str(error).splitlines() or ["unreadable"])[0])
    return f"{said} in line {mark.line + 1}" if mark else said
