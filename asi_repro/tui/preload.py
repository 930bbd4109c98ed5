"""What makes the first key of a kind as quick as the others: imported and read while nobody asks for it."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial

from rich.style import Style

from asi_repro.archive.search import KINDS
from asi_repro.archive.svg import sanitise_svg
from asi_repro.errors import AsiReproError
from asi_repro.tui.highlight import Highlighted, folds
from asi_repro.tui.registry import TABS
from asi_repro.tui.run_data import Source

_PYTHONS = gc.get_threshold()
_ALLOCATIONS = 50_000  # some megabytes, as the command line has it


def preload(source: Source) -> None:
    """Read for one program what the tabs read, for a thread.

    What is missing or damaged is told where it is asked for.
    """
    for step in _steps(source):
        with suppress(AsiReproError, OSError, ImportError):
            step()


def relax_garbage_collection() -> None:
    """Let Python look for unused cycles seldom, and not among what is there now.

    With a run in memory one search takes 60 ms, with 100,000 experiments a second, in the midst of a key.
    """
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, *_PYTHONS[1:])


def restore_garbage_collection() -> None:
    """As Python has it."""
    gc.unfreeze()
    gc.set_threshold(*_PYTHONS)


def _steps(source: Source) -> Iterator[Callable[[], object]]:
    for spec in TABS:
        yield spec.load_class
    yield source.cognition
    for kind in KINDS:
        yield partial(source.search_index, kind)
    with suppress(AsiReproError, OSError):
        experiments = source.archive.experiments.items()
        index = next((index for index, experiment in experiments if experiment.has_program), None)
        if index is not None:
            yield from _tabs(source, index)


def _tabs(source: Source, index: int) -> Iterator[Callable[[], object]]:
    # Not before the app is there: these are what the app's start is spared.
    from asi_repro.tui.tabs.benchmarks import benchmark_table
    from asi_repro.tui.tabs.motivation import motivation_lines
    from asi_repro.tui.tabs.overview import changed_fact
    from asi_repro.tui.tabs.training import our_curves, run_curves

    archive = source.archive
    program = archive.program(index)
    yield lambda: motivation_lines(program, 80)
    yield lambda: (folds(program.source), Highlighted(program.source, defaultdict(Style)).line(0))
    yield lambda: run_curves(archive, index)
    yield lambda: our_curves(source, index)
    yield lambda: benchmark_table(archive, index)
    yield lambda: source.certificate(index)
    yield lambda: sanitise_svg(program.diagram or "<svg/>")
    yield lambda: changed_fact(archive, archive.get(index))
    if source.has_traces:
        yield lambda: source.spans(index)
