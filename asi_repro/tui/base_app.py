"""What the views share of the app: the run, what is remembered of it, the colours of scores, notices."""

from __future__ import annotations

from pathlib import Path

from textual.app import App

from asi_repro.archive.reader import Archive
from asi_repro.errors import AsiReproError
from asi_repro.tui.source import Source
from asi_repro.tui.state import RunState, State, load_state, save_state
from asi_repro.tui.widgets.score import ScoreScale
from asi_repro.tui.widgets.text import safe_line


class BaseApp(App[object]):
    """The app as a view sees it.

    Args:
        source: of the run.
        state: file that keeps the state; None keeps none.
    """

    def __init__(self, source: Source, *, state: Path | None = None) -> None:
        super().__init__()
        self.source = source
        self._state_file = state
        self._state_error: AsiReproError | None = None
        self.saved = State()
        if state is not None:
            try:
                self.saved = load_state(state)
            except AsiReproError as error:
                self._state_error = error
        self.run_state: RunState = self.saved.run(source.paths.archive)
        self._last_notice = ""
        self._scale: tuple[Archive, ScoreScale] | None = None

    async def open_experiment(self, index: int, tab: str | None = None) -> None:
        """Open an experiment before the next key is read: held down, a key goes on from where it came to."""
        raise NotImplementedError

    def collect_view_states(self) -> None:
        """Put what each view keeps into `run_state`."""

    @property
    def bookmarks(self) -> list[int]:
        """Indices of the bookmarked experiments."""
        return self.run_state.bookmarks

    def toggle_bookmark(self, index: int) -> bool:
        """Bookmark an experiment or not any more; whether it is now. Kept at once."""
        marked = index not in self.bookmarks
        if marked:
            self.bookmarks.append(index)
        else:
            self.bookmarks.remove(index)
        self.save()
        return marked

    def save(self) -> None:
        """Write the state file, if one is kept."""
        if self._state_file is not None:
            self.collect_view_states()
            self.saved.theme = self.theme
            if (error := save_state(self.saved, self._state_file)) is not None:
                self.report(error)

    def report(self, error: AsiReproError | OSError) -> None:
        """Tell of an error without ending anything; the same one twice running is told once."""
        known = error if isinstance(error, AsiReproError) else AsiReproError(str(error))
        parts = [known.where, known.hint and f"→ {known.hint}"]
        body = "\n".join(safe_line(part, 400) for part in parts if part)
        shown = f"{safe_line(known.what, 400)}\n{body}".strip()
        if shown == self._last_notice:
            return
        self._last_notice = shown
        self.set_timer(3, self._forget_notice)
        self.notify(shown, title="Could not do that", severity="error", timeout=10, markup=False)

    def _forget_notice(self) -> None:
        self._last_notice = ""

    @property
    def scale(self) -> ScoreScale:
        """The colours of the run's scores in the theme that is on."""
        dark = self.current_theme.dark
        if self._scale is None or self._scale[0] is not self.source.archive or self._scale[1].dark != dark:
            scores = [e.score for e in self.source.archive.experiments.values()]
            self._scale = (self.source.archive, ScoreScale(scores, dark=dark))
        return self._scale[1]
