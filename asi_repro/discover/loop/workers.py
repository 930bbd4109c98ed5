"""Several processes on one run: each takes what nobody has, and none of them is in charge."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from asi_repro.discover.arms import LlmMode, build_team, first_program, stage_lab
from asi_repro.discover.lab.live import LiveLabs
from asi_repro.discover.loop.events import Event, OnEvent, ignore
from asi_repro.discover.loop.exploration import Exploration
from asi_repro.discover.loop.verification import Verification
from asi_repro.discover.run.folder import PLAN, TIMINGS, DiscoveryRun
from asi_repro.discover.types import Lab, Proposal, Team
from asi_repro.errors import AsiReproError, fault_place
from asi_repro.executor.children import deaf_to_ctrl_c, end_with_parent
from asi_repro.models.memory import keep_freed_memory
from asi_repro.store.json_lines import append_line


@dataclass(frozen=True)
class WorkerJob:
    """What a worker is to do; holds what it needs to open the rest itself.

    Attributes:
        folder: of the run, which has been begun.
        root: of the project.
        experiments: how many there are to be.
        labs: who trains and checks; None where a run is reproduced from its record. A job with those of a
            cluster stays in its process.
        llm: how models are asked.
    """

    folder: Path
    root: Path
    experiments: int
    labs: LiveLabs | None = None
    llm: LlmMode = "record"

    def open(self) -> DiscoveryRun:
        """The run."""
        return DiscoveryRun(self.folder)

    def team(self, run: DiscoveryRun) -> Team:
        """Who works on it."""
        return build_team(run, self.root, self.labs, self.llm)

    def second_lab(self, run: DiscoveryRun) -> Lab:
        """The lab of the second stage."""
        return stage_lab(run, self.labs, "verification")

    def first(self) -> Proposal:
        """The first program."""
        return first_program()


def run_job(job: WorkerJob, on_event: OnEvent = ignore, stop: threading.Event | None = None) -> None:
    """Work on a run in this process until both stages are over, or `stop` is set.

    Raises:
        AsiReproError: where something failed that is no fault of a program.
    """
    run = job.open()
    append_line(run.folder / TIMINGS, {"kind": PLAN, "experiments": job.experiments})
    Exploration(run, job.team(run), job.first, on_event=on_event, stop=stop).work(job.experiments)
    if run.discover.promote != 0 and not (stop is not None and stop.is_set()):
        Verification(run, job.second_lab(run), on_event=on_event, stop=stop).work(job.experiments)


def work(job: WorkerJob, workers: int, on_event: OnEvent = ignore) -> None:
    """Work on a run with so many processes; an error in one ends them all.

    KeyboardInterrupt ends them too. Nothing that is finished is lost either way.

    Raises:
        AsiReproError: what failed, or which process died.
    """
    if workers == 1:
        run_job(job, on_event)
        return
    context = multiprocessing.get_context("spawn")
    messages: Any = context.Queue()
    children: list[BaseProcess] = [
        context.Process(target=_child, args=(job, messages, os.getpid()), name=f"discover-{number}")
        for number in range(workers)
    ]
    started: list[BaseProcess] = []
    try:
        with _own_threads(), deaf_to_ctrl_c():
            for child in children:
                child.start()
                started.append(child)
        _listen(children, messages, on_event, job.folder)
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


def work_in_threads(job: WorkerJob, workers: int, stop: threading.Event, on_event: OnEvent) -> None:
    """Work on a run with so many threads of this process, which wait for what other machines do.

    An error in one, or KeyboardInterrupt, sets `stop` and ends them all.

    Raises:
        AsiReproError: what failed.
    """
    errors: queue.SimpleQueue[BaseException | None] = queue.SimpleQueue()
    lock = threading.Lock()

    def one_at_a_time(event: Event) -> None:
        with lock:
            on_event(event)

    def one() -> None:
        try:
            run_job(job, one_at_a_time, stop)
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


def _listen(children: list[BaseProcess], messages: Any, on_event: OnEvent, folder: Path) -> None:
    """Pass on the children's events until all have ended well.

    A message is an event, the error that ended a child, or None from a child that has ended well.
    """
    over = 0
    while over < len(children):
        try:
            message = messages.get(timeout=0.5)
        except queue.Empty:
            dead = [child for child in children if child.exitcode not in (None, 0)]
            if dead:
                raise AsiReproError(
                    f"the process {dead[0].name} died (exit status {dead[0].exitcode})",
                    where=str(folder),
                    hint="run the command again to resume",
                ) from None
            continue
        if message is None:
            over += 1
        elif isinstance(message, AsiReproError):
            raise message
        else:
            on_event(message)


def _child(job: WorkerJob, messages: Any, parent: int) -> None:
    """A child process, which ends when the parent does."""
    signal.signal(signal.SIGTERM, _leave)
    end_with_parent(parent)
    keep_freed_memory()
    try:
        run_job(job, messages.put)
    except AsiReproError as error:
        messages.put(error)
    except Exception as error:
        what = f"{type(error).__name__}: {str(error)[:500]}"
        hint = "this is a fault of asi_repro"
        messages.put(AsiReproError(what, where=fault_place(error), hint=hint))
    else:
        messages.put(None)


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
