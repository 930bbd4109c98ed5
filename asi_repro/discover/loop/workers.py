"""Several processes on one run: each takes what nobody has, and none of them is in charge."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asi_repro.discover.loop.exploration import Loop
from asi_repro.discover.loop.verification import Verification
from asi_repro.discover.run.folder import DiscoveryRun
from asi_repro.discover.teams import LabMode, LlmMode, build_lab, build_team, first_program
from asi_repro.discover.types import Lab, Proposal, Team
from asi_repro.errors import AsiReproError, fault_place
from asi_repro.executor.children import deaf_to_ctrl_c, end_with_parent

if TYPE_CHECKING:
    from asi_repro.discover.lab.nodes import Nodes

Told = Callable[[str, int, str], None]
"""Called with the stage, the index and a line for a person when a piece of work is over."""


@dataclass(frozen=True)
class Order:
    """What a process is to do; holds what it needs to open the rest itself.

    Attributes:
        folder: of the run, which has been begun.
        root: of the project.
        experiments: how many there are to be.
        lab, llm, nodes: see `arms.build_team`; with nodes an order stays in its process.
    """

    folder: Path
    root: Path
    experiments: int
    lab: LabMode = "live"
    llm: LlmMode = "record"
    nodes: Nodes | None = None

    def open(self) -> DiscoveryRun:
        """The run."""
        return DiscoveryRun(self.folder)

    def team(self, run: DiscoveryRun) -> Team:
        """Who works on it."""
        return build_team(run, self.root, lab=self.lab, llm=self.llm, nodes=self.nodes)

    def second_lab(self, run: DiscoveryRun) -> Lab:
        """The lab of the second stage."""
        settings, stage = run.discover.verification, run.settings.verification
        return build_lab(run, self.root, settings, stage, self.lab, self.nodes)

    def first(self) -> Proposal:
        """The first program."""
        return first_program()


def do_order(
    order: Order,
    told: Told = lambda stage, index, text: None,
    stop: threading.Event | None = None,
) -> None:
    """Work on a run in this process until both stages are over, or `stop` is set.

    Raises:
        AsiReproError: where something failed that is no fault of a program.
    """
    run = order.open()
    loop = Loop(
        run,
        order.team(run),
        order.first,
        told=lambda news: told("experiment", news.index, news.text),
        stop=stop,
    )
    loop.work(order.experiments)
    if run.discover.promote != 0 and not (stop is not None and stop.is_set()):
        second = Verification(
            run, order.second_lab(run), told=lambda index, text: told("verified", index, text), stop=stop
        )
        second.work(order.experiments)


def work(order: Order, workers: int, told: Told = lambda stage, index, text: None) -> None:
    """Work on a run with so many processes; an error in one ends them all.

    KeyboardInterrupt ends them too. Nothing that is finished is lost either way.

    Raises:
        AsiReproError: what failed, or which process died.
    """
    if workers == 1:
        do_order(order, told)
        return
    context = multiprocessing.get_context("spawn")
    news: Any = context.Queue()
    children: list[BaseProcess] = [
        context.Process(target=_child, args=(order, news, os.getpid()), name=f"discover-{number}")
        for number in range(workers)
    ]
    started: list[BaseProcess] = []
    try:
        with _own_threads(), deaf_to_ctrl_c():
            for child in children:
                child.start()
                started.append(child)
        _listen(children, news, told, order.folder)
    except BaseException:
        for child in started:
            if child.is_alive():
                child.terminate()
        raise
    finally:
        for child in started:
            child.join(20)
            if child.is_alive():
                child.kill()
                child.join()


def work_in_threads(order: Order, workers: int, stop: threading.Event, told: Told) -> None:
    """Work on a run with so many threads of this process, which wait for what other machines do.

    An error in one, or KeyboardInterrupt, sets `stop` and ends them all.

    Raises:
        AsiReproError: what failed.
    """
    errors: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    lock = threading.Lock()

    def tell(stage: str, index: int, text: str) -> None:
        with lock:
            told(stage, index, text)

    def one() -> None:
        try:
            do_order(order, tell, stop)
        except BaseException as error:
            errors.put(error)
        else:
            errors.put(None)

    # Daemons: a thread that waits for a model's answer does not hold up the end.
    threads = [threading.Thread(target=one, name=f"discover-{n}", daemon=True) for n in range(workers)]
    for thread in threads:
        thread.start()
    try:
        for _ in threads:
            if (error := errors.get()) is not None:
                raise error
    finally:
        stop.set()
        for thread in threads:
            thread.join(20)


def _listen(children: list[BaseProcess], news: Any, told: Told, folder: Path) -> None:
    """Pass on what the children say until all have ended well."""
    over = 0
    while over < len(children):
        try:
            kind, *rest = news.get(timeout=0.5)
        except queue.Empty:
            dead = [child for child in children if child.exitcode not in (None, 0)]
            if dead:
                raise AsiReproError(
                    f"the process {dead[0].name} died (exit status {dead[0].exitcode})",
                    where=str(folder),
                    hint="run the command again: it goes on where it was",
                ) from None
            continue
        if kind == "over":
            over += 1
        elif kind == "failed":
            what, where, hint, code = rest
            error = AsiReproError(what, where=where, hint=hint)
            error.exit_code = code
            raise error
        else:
            told(*rest)


def _child(order: Order, news: Any, parent: int) -> None:
    """A child process, which ends when the parent does."""
    signal.signal(signal.SIGTERM, _leave)
    end_with_parent(parent)
    try:
        from asi_repro.models.memory import keep_freed_memory

        keep_freed_memory()
        do_order(order, lambda stage, index, text: news.put(("told", stage, index, text)))
    except AsiReproError as error:
        news.put(("failed", error.what, error.where, error.hint, error.exit_code))
    except Exception as error:
        what = f"{type(error).__name__}: {str(error)[:500]}"
        news.put(("failed", what, fault_place(error), "this is a fault of asi_repro", 1))
    else:
        news.put(("over",))


def _leave(number: int, frame: object) -> None:
    raise SystemExit(0)


@contextlib.contextmanager
def _own_threads() -> Iterator[None]:
    """One thread a child, or they would share the CPUs badly; torch reads it when it is imported."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("OMP_NUM_THREADS", None)
