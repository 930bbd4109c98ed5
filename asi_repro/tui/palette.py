"""The command palette: every view, every action that has a key, every theme."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from asi_repro.tui.help import has_title, owner_title
from asi_repro.tui.registry import VIEWS
from asi_repro.tui.theme import THEMES

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

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, about, run in self._commands():
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), run, help=about)
