"""Lines of labels that say what a key does; a click on one does the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.reactive import Reactive, reactive
from textual.screen import Screen
from textual.widget import Widget

from asi_repro.tui.registry import TABS, VIEWS
from asi_repro.tui.widgets.text import line

_RUN, _NOTICE = 8, 34  # cells of a run's name, and of a notice, for which titles are cut


class Bar(Widget):
    """Labels in one line. Textual's Footer and Tabs mount a widget a label: longer than a view takes."""

    DEFAULT_CSS = """
    Bar { height: 1; background: $panel; color: $text-muted; }
    Bar > .bar--key { color: $footer-key-foreground; text-style: bold; }
    Bar > .bar--current { background: $primary; color: $background; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"bar--key", "bar--current"}
    auto_links: Reactive[bool] = Reactive(False)

    def label(self, key: str, title: str, action: str, *, current: bool = False) -> Text:
        """A key and what it does.

        Args:
            action: done on a click, such as `app.quit`.
            current: whether it is what is shown now.
        """
        key_style = self.get_component_rich_style("bar--current" if current else "bar--key", partial=True)
        shown = Text(" ", no_wrap=True, end="").append(key, style=key_style)
        shown.append(f" {title}" if title else "", style=key_style if current else "").append(" ")
        shown.stylize(Style(meta={"@click": action}))
        return shown


class ViewBar(Bar):
    """Every view with its key, at the right the run, or for a moment a notice instead."""

    DEFAULT_CSS = "ViewBar { dock: top; }"
    current: reactive[str] = reactive("")
    run: reactive[str] = reactive("")
    notice: reactive[str] = reactive("")

    def render(self) -> Text:
        name, layouts = line(self.notice or self.run, "italic"), list(self._layouts())
        fitting = [one for one in layouts if one.cell_len <= self.size.width] or layouts[-1:]
        wanted = min(name.cell_len, _NOTICE if self.notice else _RUN) + 2
        shown = next((one for one in fitting if one.cell_len + wanted <= self.size.width), fitting[0])
        room = self.size.width - shown.cell_len - 1
        name.truncate(max(room - 1, 0), overflow="ellipsis")
        return shown.append(" " * (room - name.cell_len)).append_text(name)

    def _layouts(self) -> Iterator[Text]:
        """With all titles, with all shortened, with that of the open view alone, with none."""
        whole = {spec.name: spec.title for spec in VIEWS}
        own = {name: title for name, title in whole.items() if name == self.current}
        short = {spec.name: spec.short for spec in VIEWS}
        for titles, gap in ((whole, True), (short, False), (own, True), (dict[str, str](), True)):
            shown = Text(no_wrap=True, overflow="crop", end="")
            for spec in VIEWS:
                action, now = f"app.show('{spec.name}')", spec.name == self.current
                label = self.label(spec.key, titles.get(spec.name, ""), action, current=now)
                if not gap:
                    label.right_crop(1)
                shown.append_text(label)
            yield shown


class TabBar(Bar):
    """The tabs of an experiment; a key that does not begin the title stands before it.

    Those in `absent` have nothing to show of this experiment, and say why when they are opened.
    """

    DEFAULT_CSS = """
    TabBar { background: $surface; }
    TabBar > .bar--key { text-style: bold underline; }
    TabBar > .bar--current { background: $accent; }
    """
    current: reactive[str] = reactive("")
    absent: reactive[frozenset[str]] = reactive(frozenset())

    def render(self) -> Text:
        shown = Text()
        # At last only the open tab has a title, so that no key is out of sight.
        for short, space in ((False, "  "), (False, " "), (True, " "), (True, ""), (None, " ")):
            shown = Text("" if space else " ", no_wrap=True, overflow="crop", end="")
            for spec in TABS:
                title = spec.title if short is False else spec.short
                title = spec.key if short is None and spec.name != self.current else title
                shown.append_text(self._tab(spec.name, spec.key, title, space)).append(
                    " " if not space else ""
                )
            if shown.cell_len <= self.size.width:
                break
        return shown

    def _tab(self, name: str, key: str, title: str, space: str) -> Text:
        named = title if title.startswith(key) else f"{key} {title}"
        now = name == self.current
        shown = Text(f"{space}{named}{space}", end="")
        if name in self.absent:
            shown.stylize(Style(dim=True))
        if now:
            shown.stylize(self.get_component_rich_style("bar--current", partial=True))
        else:
            style = self.get_component_rich_style("bar--key", partial=True)
            shown.stylize(style, len(space), len(space) + 1)
        shown.stylize(Style(meta={"@click": f"app.simulate_key('{key}')"}))
        return shown


class KeyBar(Bar):
    """The keys that work where the focus is, as many as there is room for."""

    DEFAULT_CSS = "KeyBar { dock: bottom; }"

    def on_mount(self) -> None:
        self._labels: list[Text] = []
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self._changed(self.screen)

    def _changed(self, screen: Screen[object]) -> None:
        if not self.is_attached or screen is not self.app.screen:
            return
        found = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.action not in found:
                found[binding.action] = binding
        # Help stands last and is never cut: it leads to all the others.
        shown = sorted(found.values(), key=lambda binding: binding.key == "question_mark")
        labels = [
            self.label(self.app.get_key_display(b), b.description, f"app.simulate_key('{b.key}')")
            for b in shown
        ]
        if labels != self._labels:
            self._labels = labels
            self.refresh()

    def render(self) -> Text:
        room = self.size.width - sum(label.cell_len for label in self._labels[-1:])
        text = Text(no_wrap=True, overflow="ellipsis", end="")
        for label in self._labels[:-1]:
            if text.cell_len + label.cell_len > room:
                break
            text.append_text(label)
        return text.append_text(self._labels[-1]) if self._labels else text
