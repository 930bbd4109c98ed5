"""The command palette: every view, every action, every theme, and what is in the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from asi_repro.errors import AsiReproError
from asi_repro.tui.base_app import BaseApp
from asi_repro.tui.help import has_title, owner_title
from asi_repro.tui.messages import OpenExperiment, OpenView
from asi_repro.tui.registry import VIEWS
from asi_repro.tui.theme import THEMES
from asi_repro.tui.widgets.text import safe_line
from asi_repro.verify.catalogue import ROW_NAMES

_MOST = 8
Command = tuple[str, str, Callable[[], object]]


class Commands(Provider):
    """What can be done where the focus is, and where one can go."""

    def _commands(self) -> Iterator[Command]:
        for spec in VIEWS:
            show = partial(self.app.run_action, f"app.show('{spec.name}')")
            yield f"View: {spec.title}", f"{spec.about} · key {spec.key}", show
        done: set[str] = set()
        # What the app can do everywhere before what the focus can: moving up and down is known to anyone.
        active_bindings = self.screen.active_bindings.values()
        for active in sorted(active_bindings, key=lambda one: one.node is not self.app):
            binding = active.binding
            title = f"{owner_title(active.node)}: {binding.tooltip or binding.description}"
            if not binding.description or not has_title(active.node) or not active.enabled:
                continue
            if title in done or binding.action == "command_palette" or binding.action.startswith("show("):
                continue
            done.add(title)
            run = partial(self.app.run_action, binding.action, active.node)
            yield title, f"key {self.app.get_key_display(binding)}", run
        own = [theme.name for theme in THEMES]
        for name in [*own, *sorted(set(self.app.available_themes) - set(own))]:
            yield f"Theme: {name}", "Colours of the app", partial(setattr, self.app, "theme", name)

    async def discover(self) -> Hits:
        for title, about, run in self._commands():
            yield DiscoveryHit(title, run, help=about)

    def _things(self, asked: str) -> Iterator[Command]:
        """Experiments, claims, facts, checks and tasks whose name has what was asked for."""
        from asi_repro.data.benchmarks import BENCHMARKS  # pydantic is what the start is spared

        app = self.app
        assert isinstance(app, BaseApp)
        source, word = app.source, asked.casefold()
        with suppress(AsiReproError):
            every = source.archive.experiments.values()
            found = [
                e for e in every if word in e.label.casefold() or word in f"{e.index} {e.name}".casefold()
            ]
            found.sort(key=lambda e: (str(e.index) != asked, not e.in_gallery, e.index))
            for e in found[:_MOST]:
                go = partial(app.post_message, OpenExperiment(e.index))
                yield f"Experiment: {e.index} {safe_line(e.label, 60)}", app.scale.text(e.score).plain, go
        named: list[tuple[str, str, str, str]] = []
        with suppress(AsiReproError):
            named += [("claims", "Claim", one.id, one.claimed) for one in source.ledger().claims]
        with suppress(AsiReproError):
            named += [("facts", "Fact", one.id, one.question) for one in source.facts().facts]
        for view, kind, name, said in [n for n in named if word in f"{n[2]} {n[3]}".casefold()][: 2 * _MOST]:
            go = partial(app.post_message, OpenView(view, {"id": name}))
            yield f"{kind}: {safe_line(name, 40)}", safe_line(said, 80), go
        for check in [row for row in ROW_NAMES if word in row.casefold()]:
            go = partial(app.post_message, OpenView("certificates", {"part": check}))
            yield f"Check: {check}", "in the certificates", go
        index = app.run_state.index
        for task in [name for name in BENCHMARKS if word in name] if index is not None else []:
            go = partial(app.post_message, OpenExperiment(index or 0, "benchmarks"))
            yield f"Task: {task}", f"benchmarks of {index}", go

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, about, run in self._things(query):
            yield Hit(max(matcher.match(title), 0.5), matcher.highlight(title), run, help=about)
        for title, about, run in self._commands():
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), run, help=about)
