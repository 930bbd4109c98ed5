"""What the agents did: the spans of an experiment as a timeline that unfolds."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from textwrap import wrap
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from asi_repro.errors import MissingInput
from asi_repro.text import counted
from asi_repro.tui.spans import Part, Step, steps_of
from asi_repro.tui.tabs.tab import Tab
from asi_repro.tui.theme import ThemeStyles, theme_styles
from asi_repro.tui.widgets.line_list import Line, LineList
from asi_repro.tui.widgets.text import safe_block, safe_line

_GLYPHS = {
    "AGENT": "◉", "LLM": "✦", "TOOL": "□", "RETRIEVER": "⌕", "EVALUATOR": "△", "GUARDRAIL": "▣", "CHAIN": "∘",
}  # fmt: skip
_MAX_LINES = 2_000
# From this width a track shows when each step was; cells of it, and those before it.
_WIDE, _TRACK, _BEFORE_TRACK = 100, 24, 18


class TraceTab(Tab):
    """Steps; enter unfolds what was asked, thought, called and answered."""

    TITLE = "Trace"
    NAMED = True
    FLUID = True
    steps: tuple[Step, ...] = ()
    unfolded: frozenset[int] = frozenset()
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "fold", "Fold", tooltip="Fold or unfold the step"),
        Binding("z", "fold_all", "Fold all", tooltip="Unfold every step, or fold them all"),
    ]

    def compose(self) -> ComposeResult:
        yield LineList(empty="the trace has no steps")

    def read(self, index: int) -> list[Step]:
        records = self.source.spans(index)
        if not records:
            raise MissingInput(f"the traces have no spans of experiment {index}")
        return steps_of(records)

    def fill(self, data: list[Step]) -> None:
        self.steps = tuple(data)
        self.unfolded &= {step.sequence for step in data}
        self._lay_out(keep=False)

    def _lay_out(self, *, keep: bool = True) -> None:
        theme = theme_styles(self.app)
        lines: list[Line] = []
        whole = max((step.began + step.seconds for step in self.steps if _timed(step)), default=0.0)  # type: ignore[operator]
        for step in self.steps:
            lines.append(Line(self._line(step, theme, whole), key=step.sequence))
            if step.sequence in self.unfolded:
                for part in step.parts:
                    lines += self._part(step, part, theme)
        self.query_one(LineList).show(lines, head=_totals(self.steps), keep=keep)

    def _line(self, step: Step, theme: ThemeStyles, whole: float) -> Text:
        mark = "▾" if step.sequence in self.unfolded else "▸" if step.parts else " "
        text = Text(no_wrap=True, end="")
        text.append(f"{'  ' * step.depth}{mark} ", style=theme.muted)
        text.append(f"{_GLYPHS.get(step.kind, '?')} {safe_line(step.kind, 12):<9} ", style=theme.primary)
        if self.room >= _WIDE and whole > 0:
            text.append(" " * max(_BEFORE_TRACK - text.cell_len, 0))
            text.append(f"{track(step, whole)}  ", style=theme.accent)
        text.append(safe_line(step.name, 120), style=theme.strong)
        if step.role:
            text.append(f"  {safe_line(step.role, 40)}", style=theme.accent)
        if step.tokens:
            text.append(f"  {step.tokens[0]:,} → {step.tokens[1]:,} tokens")
        if step.cost:
            text.append(f"  ${step.cost:.4f}")
        if step.seconds is not None:
            took = f"{step.seconds:.1f} s" if step.seconds >= 1 else f"{step.seconds * 1e3:.0f} ms"
            text.append(f"  {took}", style=theme.muted)
        if step.status == "ERROR":
            text.append(f"  ✗ {safe_line(step.message, 200)}", style=theme.bad)
        return text

    def _part(self, step: Step, part: Part, theme: ThemeStyles) -> list[Line]:
        indent = "  " * step.depth + "    "
        title = Text(indent, end="").append(part.title, style=theme.primary)
        lines = [Line(title, key=(step.sequence, part.title))]
        width = max(self.room - len(indent), 20)
        shown = 0
        said = safe_block(part.text)
        if "\n" not in said and len(said) + len(part.title) + 2 <= width:
            title.append(f"  {said}")  # a word or two need no line of their own
            return lines
        for raw in said.split("\n"):
            for piece in _wrapped(raw, width):
                if shown == _MAX_LINES:
                    more = Text(f"{indent}⋯ the rest is left out", style=theme.muted)
                    return [*lines, Line(more, rest=False)]
                text = Text(indent, no_wrap=True, end="").append(piece)
                lines.append(Line(text, key=(step.sequence, part.title, shown)))
                shown += 1
        return lines

    def on_line_list_selected(self, message: LineList.Selected) -> None:
        message.stop()
        self.action_fold()

    def action_fold(self) -> None:
        line = self.query_one(LineList).line
        if line is None:
            return
        sequence = line.key[0] if isinstance(line.key, tuple) else line.key
        if isinstance(sequence, int):
            self.unfolded ^= {sequence}
            self._lay_out()
            self.query_one(LineList).go(sequence)

    def unfold(self, key: Hashable) -> None:
        if isinstance(key, int):
            self.unfolded |= {key}
            self._lay_out()

    def action_fold_all(self) -> None:
        every = frozenset(step.sequence for step in self.steps if step.parts)
        self.unfolded = frozenset() if self.unfolded else every
        self._lay_out()


def _wrapped(line: str, width: int) -> list[str]:
    return wrap(line, width, drop_whitespace=False, replace_whitespace=False) or [""]


def _totals(steps: Sequence[Step]) -> Text:
    asked = sum(step.tokens[0] for step in steps if step.tokens)
    given = sum(step.tokens[1] for step in steps if step.tokens)
    costs = [step.cost for step in steps if step.cost is not None]
    calls = sum(step.kind == "LLM" for step in steps)
    spent = f"{counted(calls, 'call')} of a model, {asked:,} → {given:,} tokens"
    spent += f", ${sum(costs):.4f}" if costs else ", cost not known"
    return Text(f"{counted(len(steps), 'step')}, {spent if calls else 'no model asked'}", no_wrap=True)


def _timed(step: Step) -> bool:
    return step.began is not None and step.seconds is not None


def track(step: Step, whole: float) -> str:
    """When the step was, of the whole time: `│  ━━      │`; empty where the run keeps no times."""
    if step.began is None or step.seconds is None:
        return " " * (_TRACK + 2)
    first = min(int(step.began / whole * _TRACK), _TRACK - 1)
    last = min(max(round((step.began + step.seconds) / whole * _TRACK), first + 1), _TRACK)
    return f"│{' ' * first}{'━' * (last - first)}{' ' * (_TRACK - last)}│"
