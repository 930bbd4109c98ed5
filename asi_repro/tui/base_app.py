"""What the views share of the app: the run, what is remembered of it, the colours of scores, notices."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from textual.app import App

from asi_repro.archive.reader import Archive, Experiment
from asi_repro.errors import AsiReproError
from asi_repro.store.locks import locked
from asi_repro.tui.dialogs import Choose
from asi_repro.tui.run_data import Source
from asi_repro.tui.state import RunState, State, load_state, merge_state, save_state
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
        self._bookmarks_read: dict[str, list[int]] = {}
        self.open_run_state()
        self._last_notice = ""
        self._scale: tuple[Archive, ScoreScale] | None = None

    def open_run_state(self) -> None:
        """Take what is remembered of the source's run."""
        folder = self.source.paths.archive
        self.run_state: RunState = self.saved.run(folder)
        self._bookmarks_read.setdefault(str(folder), list(self.run_state.bookmarks))

    async def open_experiment(self, index: int, tab: str | None = None, part: str | None = None) -> None:
        """Open an experiment before the next key is read: held down, a key goes on from where it came to.

        Args:
            tab: to open.
            part: of the tab, to put the cursor on.
        """
        raise NotImplementedError

    async def find_experiment(self, typed: str) -> int | None:
        """The experiment of an index or name, any case; of several, the one that is chosen. For a worker."""
        name = typed.casefold()
        try:
            every = self.source.archive.experiments.values()
            several = [e for e in every if name in (e.name.casefold(), e.label.casefold())]
            if len(several) > 1:
                return await self.choose_experiment(f"{len(several)} are called {typed}", several)
            return self.source.archive.find(typed).index
        except AsiReproError as error:
            self.report(error)
            return None

    async def choose_experiment(self, title: str, some: Sequence[Experiment]) -> int | None:
        """One of some experiments. For a worker."""
        rows = [
            (
                e.index,
                f"{e.index:>6}  {self.scale.text(e.score).plain}  {'★ ' * e.in_gallery}{safe_line(e.label)}",
            )
            for e in some
        ]
        return await self.push_screen_wait(Choose(safe_line(title, 60), rows))

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
            try:
                # Another session that saves now waits: neither loses what the other has.
                with locked(self._state_file.with_suffix(".lock"), required=False):
                    with suppress(AsiReproError):  # damaged meanwhile: what is here replaces it
                        merge_state(self.saved, load_state(self._state_file), self._bookmarks_read)
                    error = save_state(self.saved, self._state_file)
            except AsiReproError as unwritable:
                error = unwritable
            if error is not None:
                self.report(error)

    def report(self, error: AsiReproError | OSError) -> None:
        """Tell of an error without ending anything; the same one twice running is told once."""
        known = self.source.for_run(error) if isinstance(error, AsiReproError) else AsiReproError(str(error))
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
            self._scale = (
                self.source.archive,
                ScoreScale(scores, dark=dark, objective=self.source.archive.objective),
            )
        return self._scale[1]
