"""What the agents did: the spans of an experiment as a timeline that unfolds."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from asi_repro.errors import MissingInput
from asi_repro.tui.spans import Part, Step, steps_of
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.widgets.listing import Line, Listing
from asi_repro.tui.widgets.text import safe_block, safe_line
from asi_repro.tui.widgets.tones import Tones, tones

_GLYPHS = {
    "AGENT": "◉", "LLM": "✦", "TOOL": "⚒", "RETRIEVER": "⌕", "EVALUATOR": "⚖", "GUARDRAIL": "▣", "CHAIN": "∘",
}  # fmt: skip
_MAX_LINES = 2_000


class TraceTab(Tab):
    """Steps; enter unfolds what was asked, thought, called and answered."""

    TITLE = "Trace"
    FLUID = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "fold", "Fold", tooltip="Fold or unfold the step"),
        Binding("z", "fold_all", "Fold all", tooltip="Unfold every step, or fold them all"),
    ]

    def __init__(self, view: object, name: str) -> None:
        super().__init__(view, name)  # type: ignore[arg-type]
        self.steps: list[Step] = []
        self.unfolded: set[int] = set()

    def compose(self) -> ComposeResult:
        yield Listing(empty="the trace has no steps")

    def read(self, index: int) -> list[Step]:
        records = self.source.spans(index)
        if not records:
            raise MissingInput(f"the traces have no spans of experiment {index}")
        return steps_of(records)

    def fill(self, data: list[Step]) -> None:
        self.steps = data
        self.unfolded &= {step.sequence for step in data}
        self._lay_out(keep=False)

    def _lay_out(self, *, keep: bool = True) -> None:
        look = tones(self.app)
        lines: list[Line] = []
        for step in self.steps:
            lines.append(Line(self._line(step, look), key=step.sequence))
            if step.sequence in self.unfolded:
                for part in step.parts:
                    lines += self._part(step, part, look)
        self.query_one(Listing).show(lines, head=_totals(self.steps), keep=keep)

    def _line(self, step: Step, look: Tones) -> Text:
        mark = "▾" if step.sequence in self.unfolded else "▸" if step.parts else " "
        text = Text(f"{'  ' * step.depth}{mark} ", style=look.muted, no_wrap=True, end="")
        text.append(f"{_GLYPHS.get(step.kind, '?')} {step.kind:<9} ", style=look.primary)
        text.append(safe_line(step.name, 120), style=look.strong)
        if step.role:
            text.append(f"  {safe_line(step.role, 40)}", style=look.accent)
        if step.tokens:
            text.append(f"  {step.tokens[0]:,} → {step.tokens[1]:,} tokens")
        if step.cost:
            text.append(f"  ${step.cost:.4f}")
        if step.seconds is not None:
            text.append(f"  {step.seconds:.1f} s", style=look.muted)
        if step.status == "ERROR":
            text.append(f"  ✗ {safe_line(step.message, 200)}", style=look.bad)
        return text

    def _part(self, step: Step, part: Part, look: Tones) -> list[Line]:
        indent = "  " * step.depth + "    "
        lines = [Line(Text(f"{indent}{part.title}", style="bold underline"), key=(step.sequence, part.title))]
        width = max(self.room - len(indent), 20)
        shown = 0
        for raw in safe_block(part.text).split("\n"):
            for piece in _wrapped(raw, width):
                if shown == _MAX_LINES:
                    more = Text(f"{indent}⋯ the rest is left out", style=look.muted)
                    return [*lines, Line(more, rest=False)]
                text = Text(indent, no_wrap=True, end="").append(piece)
                lines.append(Line(text, key=(step.sequence, part.title, shown)))
                shown += 1
        return lines

    def on_listing_chosen(self, message: Listing.Chosen) -> None:
        message.stop()
        self.action_fold()

    def action_fold(self) -> None:
        line = self.query_one(Listing).line
        if line is None:
            return
        sequence = line.key[0] if isinstance(line.key, tuple) else line.key
        if isinstance(sequence, int):
            self.unfolded ^= {sequence}
            self._lay_out()
            self.query_one(Listing).go(sequence)

    def action_fold_all(self) -> None:
        self.unfolded = set() if self.unfolded else {step.sequence for step in self.steps if step.parts}
        self._lay_out()


def _wrapped(line: str, width: int) -> list[str]:
    from textwrap import wrap

    return wrap(line, width, drop_whitespace=False, replace_whitespace=False) or [""]


def _totals(steps: list[Step]) -> Text:
    asked = sum(step.tokens[0] for step in steps if step.tokens)
    given = sum(step.tokens[1] for step in steps if step.tokens)
    cost = sum(step.cost or 0.0 for step in steps)
    calls = sum(step.kind == "LLM" for step in steps)
    return Text(
        f"{len(steps)} steps, {calls} calls of a model, {asked:,} → {given:,} tokens, ${cost:.4f}",
        no_wrap=True,
        overflow="ellipsis",
    )
