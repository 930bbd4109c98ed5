"""What is shown where there is nothing to show: what is missing, and what to type."""

from __future__ import annotations

from rich.text import Text
from textual.containers import VerticalScroll
from textual.widgets import Static

from asi_repro.errors import AsiReproError
from asi_repro.tui.widgets.text import block


class Empty(VerticalScroll):
    """A sentence, and commands to type.

    Args:
        title: what is missing, in a few words.
        body: a sentence or two more.
        hint: what to do.
    """

    DEFAULT_CSS = """
    Empty { align: center middle; padding: 0 2; height: 1fr; }
    Empty > Static { width: 100%; max-width: 90; margin: 0 0 1 0; }
    Empty > .empty--title { text-style: bold; color: $warning; }
    Empty > .empty--hint { color: $accent; }
    """
    BORDER_TITLE = ""

    def __init__(self, title: str, body: str = "", hint: str = "", *, id: str | None = None) -> None:
        parts = [("title", title), ("body", body), ("hint", f"→ {hint}" if hint else "")]
        super().__init__(
            *(Static(block(text), classes=f"empty--{kind}") for kind, text in parts if text), id=id
        )

    @classmethod
    def from_error(cls, error: AsiReproError, *, id: str | None = None) -> Empty:
        """The error as a person can act on it."""
        return cls(error.what, error.where or "", error.hint or "", id=id)

    def text(self) -> str:
        """All it says."""
        shown = (part.content for part in self.query(Static))
        return "\n".join(part.plain if isinstance(part, Text) else str(part) for part in shown)
