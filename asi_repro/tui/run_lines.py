"""A run of our own as lines: how it stands, who is at what, and its results."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from asi_repro.discover.run.listing import RunRow
from asi_repro.discover.run.monitor import ExperimentResult, RunStatus, UnfinishedWork
from asi_repro.text import counted
from asi_repro.tui.theme import ThemeStyles
from asi_repro.tui.widgets.line_layout import heading
from asi_repro.tui.widgets.line_list import Line
from asi_repro.tui.widgets.text import safe_line

_RECENT = 200
_NAME = 52


def run_line(row: RunRow, current: bool, overlaid: bool, theme: ThemeStyles) -> Line:
    """A run in the list."""
    shown = Text(end="").append("►" if current else " ", style=theme.accent)
    shown.append("◉" if overlaid else " ", style=theme.accent)
    shown.append(f"{safe_line(row.name, 20):<20} ", style=theme.strong)
    shown.append(f"{row.kind:<9}", style=theme.bad if row.kind == "damaged" else theme.muted)
    shown.append(f"{safe_line(row.arm or '–', 10):<10}{row.experiments:>6,}")
    shown.append(f"{'–' if row.failed is None else row.failed:>4}", style=theme.muted)
    return Line(shown, row.name)


def plain_lines(row: RunRow, theme: ThemeStyles) -> list[Line]:
    """What is known of a run that is not looked at."""
    facts = [("kind", row.kind), ("experiments", f"{row.experiments:,}")]
    if row.kind == "imported":
        better = "no direction is stated" if row.beat_baseline is None else f"{row.beat_baseline:,}"
        facts += [("system", row.arm or "–"), ("failed", f"{row.failed or 0:,}"), ("beat first", better)]
    else:
        facts.append(("gallery", "–" if row.verified is None else f"{row.verified:,}"))
    facts.append(("archive", row.archive or "none yet"))
    if row.note:
        facts.append(("note", row.note))
    return [
        Line(Text(end="").append(f"{name:<13}", style=theme.muted).append(safe_line(value)), rest=False)
        for name, value in facts
    ]


def headline(row: RunRow, status: RunStatus, following: bool, theme: ThemeStyles) -> Text:
    """How a run stands, in two lines."""
    shown = Text(end="").append(f"{safe_line(row.name, 40)} ", style=theme.strong)
    if row.kind == "live":
        at_work = status.workers
        if at_work:
            shown.append(f"● {at_work} at work ", style=theme.good)
        else:
            shown.append("○ nobody at work ", style=theme.muted)
        shown.append(
            "following" if following else "held: f follows", style=theme.accent if following else theme.warn
        )
    over = len(status.results)
    shown.append("\n")
    if status.planned:
        filled = min(20 * over // status.planned, 20)
        shown.append(f"{over:,} of {status.planned:,} ")
        shown.append("█" * filled + "░" * (20 - filled) + " ", style=theme.primary)
    if (left := status.seconds_left) is not None:
        shown.append(f"about {_span(left)} left  ", style=theme.accent)
    for training in [one.training for one in status.unfinished if one.training is not None]:
        step, loss = training.losses[-1]
        shown.append(f"loss {loss:.4f} at step {step:,} of {training.steps:,}  ", style=theme.strong)
    shown.append(f"{len(status.committed):,} done", style=theme.good)
    failed = len(status.results) - len(status.committed)
    shown.append(f"  {failed:,} failed  {counted(status.rejected, 'proposal')} turned down")
    shown.append(f"  {sum(r.beats_baseline for r in status.results):,} beat the baseline")
    if status.best is not None:
        best = status.best
        shown.append(f"  best {best.fitness:.4f} ({best.index})", style=theme.accent)
    return shown


def status_lines(status: RunStatus, theme: ThemeStyles) -> list[Line]:
    """Who is at what, what was spent, and the last results."""
    lines = heading("At work", theme.primary + theme.strong)[1:]
    if not status.unfinished:
        lines.append(Line(Text("  nothing is unfinished", style=theme.muted), rest=False))
    lines += [_doing_line(one, theme) for one in status.unfinished]
    if status.tokens is not None:
        lines += heading("Budget", theme.primary + theme.strong)
        tokens, usd = status.limits
        lines.append(Line(_budget("tokens", status.tokens, tokens, "{:,.0f}", theme), rest=False))
        lines.append(Line(_budget("US dollars", status.usd or 0.0, usd, "{:,.2f}", theme), rest=False))
    if status.verified:
        lines += heading("Second stage", theme.primary + theme.strong)
        over = ", ".join(map(str, status.verified))
        lines.append(Line(Text(f"  over for {over}"), rest=False))
    recent = list(reversed(status.results[-_RECENT:]))
    count = len(status.results)
    said = (
        f"Results, the last first ({count:,})"
        if count <= _RECENT
        else f"The last {_RECENT} results of {count:,}"
    )
    lines += heading(said, theme.primary + theme.strong)
    head = f"  {'index':>6} {'parent':>6}  {'fitness':>8} {'loss':>8} {'bench.':>7} {'took':>8}  name"
    lines.append(Line(Text(head, style=theme.muted), rest=False))
    return [*lines, *(_result_line(one, status, theme) for one in recent)]


def _doing_line(one: UnfinishedWork, theme: ThemeStyles) -> Line:
    at_work = one.worker is not None
    shown = Text(end="").append("  ● " if at_work else "  ○ ", style=theme.good if at_work else theme.muted)
    shown.append(f"{safe_line(one.name, 20):>7} ", style=theme.strong)
    shown.append(f"{safe_line(one.step, 24):<16}", style=theme.accent if at_work else theme.muted)
    since = f"{_span(one.seconds)} in it, {_span(one.spent)} before" if at_work else "waits for a worker"
    shown.append(f" {since}  ", style=theme.muted)
    if one.training is not None:
        step, loss = one.training.losses[-1]
        shown.append(f"step {step:,} of {one.training.steps:,}, loss {loss:.4f}  ", style=theme.strong)
    shown.append(f"after {counted(len(one.done), 'step')}" if one.done else "just begun", style=theme.muted)
    if at_work:
        shown.append(f"  process {one.worker}", style=theme.muted)
    return Line(shown, f"doing {one.name}")


def _result_line(one: ExperimentResult, status: RunStatus, theme: ThemeStyles) -> Line:
    parent = "–" if one.parent is None else str(one.parent)
    took = "–" if one.seconds is None else _took(one.seconds)
    glyph, style = (
        ("✗", theme.bad) if one.failed else ("▲", theme.good) if one.beats_baseline else (" ", theme.muted)
    )
    shown = Text(end="").append(f"{glyph} ", style=style).append(f"{one.index:>6} {parent:>6}  ")
    if one.failed:
        shown.append(f"{'failed':>8} {'–':>8} {'–':>7} {took:>8}  ", style=theme.bad)
        shown.append(f"{safe_line(one.name, _NAME)} {safe_line(one.why, 160)}", style=theme.muted)
    else:
        best = status.best is not None and status.best.index == one.index
        shown.append(f"{one.fitness:8.4f} ", style=theme.accent + theme.strong if best else theme.strong)
        shown.append(f"{one.train_loss:8.4f} {one.benchmark:7.4f} {took:>8}  {safe_line(one.name, 200)}")
    return Line(shown, one.index)


def _budget(name: str, spent: float, limit: float | None, pattern: str, theme: ThemeStyles) -> Text:
    shown = Text(end="").append(f"  {name:<11}{pattern.format(spent)}")
    if limit is None:
        return shown.append(" of no limit", style=theme.muted)
    share = spent / limit if limit else 1.0
    filled = min(int(share * 20), 20)
    style = theme.bad if share >= 0.9 else theme.warn if share >= 0.7 else theme.good
    shown.append(f" of {pattern.format(limit)} ").append("█" * filled + "░" * (20 - filled), style=style)
    return shown.append(f" {share:.0%}", style=style)


def _took(seconds: float) -> str:
    """In the unit that makes a short number; below ten seconds it is overhead."""
    for size, unit in ((3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else "<10 s"


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    return f"{minutes} min {seconds % 60:.0f} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def best_so_far(values: Sequence[float | None]) -> list[tuple[float, float]]:
    """(number, value) of each that was better than all before it."""
    points: list[tuple[float, float]] = []
    for number, value in enumerate(values, 1):
        if value is not None and (not points or value > points[-1][1]):
            points.append((float(number), value))
    return [*points, (float(len(values)), points[-1][1])] if points else []
