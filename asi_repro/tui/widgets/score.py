"""Scores as colours that colour-blind people tell apart, with a bar that says the same without colour."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

from rich.color import Color
from rich.style import Style
from rich.text import Text
from textual.widget import Widget

from asi_repro.archive.node_model import Objective

# One bar a step; eighths of a cell are in every terminal font.
BARS = "▁▂▃▄▅▆▇█"
# viridis: its lightness grows evenly, so it can be told apart in any colour vision and in grey. The ends that
# would not be seen on the background are left out: more contrast is always more score.
_ON_DARK = ("#7a6fae", "#6a86b8", "#4f9bb4", "#35ada2", "#3fbe85", "#77cf5f", "#b6dc42", "#fde725")
_ON_LIGHT = ("#4a8014", "#2a7d45", "#1c7867", "#206e7b", "#2b5f82", "#374d82", "#413474", "#440154")
_ABSENT = "·"


class ScoreScale:
    """Eight steps that each hold an eighth of the scores, from the worst to the best.

    Args:
        scores: of the run; None where there is none.
        dark: whether the background is.
        objective: which way is better; a higher score where None.
    """

    def __init__(
        self, scores: Iterable[float | None], *, dark: bool = True, objective: Objective | None = None
    ) -> None:
        self.objective = objective or Objective()
        self._sign = self.objective.sign
        known = sorted(self._sign * score for score in scores if score is not None and score == score)
        starts = [known[len(known) * step // 8] for step in range(8)] if known else []
        self._bounds = starts[1:]
        self.starts = [self._sign * start for start in starts]
        self.best = self._sign * known[-1] if known else 0.0
        self.dark = dark
        colours = _ON_DARK if dark else _ON_LIGHT
        self.styles = [Style(color=Color.parse(colour)) for colour in colours]

    def step(self, score: float) -> int:
        """Which eighth, 0 for the worst."""
        return bisect_right(self._bounds, self._sign * score)

    def style(self, score: float | None) -> Style:
        """The colour of a score."""
        return Style(dim=True) if score is None or not self._bounds else self.styles[self.step(score)]

    def bar(self, score: float | None) -> str:
        """The glyph of a score."""
        return _ABSENT if score is None or not self._bounds else BARS[self.step(score)]

    def text(self, score: float | None) -> Text:
        """Bar and number in their colour."""
        number = "     -" if score is None else f"{score:6.3f}"
        return Text(f"{self.bar(score)} {number}", style=self.style(score), end="")


class Legend(Widget):
    """The scale in one line: each step's bar with the score it begins at."""

    DEFAULT_CSS = "Legend { height: 1; color: $text-muted; }"

    def __init__(self, scale: ScoreScale, *, gallery: bool = True) -> None:
        super().__init__()
        self.scale, self.gallery = scale, gallery

    def show(self, scale: ScoreScale) -> None:
        """Explain another scale."""
        self.scale = scale
        self.refresh()

    def render(self) -> Text:
        scale = self.scale
        if not scale.starts:
            return Text("no scores", style="dim")
        wide, exact = self.size.width >= 72, self.size.width >= 96
        shown = Text("score ", no_wrap=True, overflow="crop")
        for step, (bar, style, start) in enumerate(zip(BARS, scale.styles, scale.starts, strict=True)):
            label = f"{bar}{start:.{2 if exact else 1}f} " if wide or step in (0, 4, 7) else bar
            shown.append(label, style=style)
        shown.append(f"to {scale.best:.2f}", style=scale.styles[-1])
        marks = "★ gallery ◆ program" if self.gallery else "◆ program"
        shown.append(f"  {marks}" if wide else " ★gallery" * self.gallery)
        return shown
