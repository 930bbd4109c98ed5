"""Tasks on this machine: in threads where each drives a child of its own, else in processes."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from asi_repro.executor.base import ONE_CPU, Call, LostTask, OnResult, Resources
from asi_repro.executor.children import deaf_to_ctrl_c, end_with_parent


@dataclass(frozen=True)
class ThreadExecutor:
    """Threads: for tasks that wait for a process of their own.

    Attributes:
        workers: tasks at a time.
    """

    workers: int

    def run(
        self, call: Call, tasks: Sequence[Any], *, on_result: OnResult, resources: Resources = ONE_CPU
    ) -> list[LostTask]:
        """As `Executor.run`."""
        stop = threading.Event()
        with ThreadPoolExecutor(max_workers=max(self.workers, 1)) as pool:
            try:
                return _collect({pool.submit(call, task, stop): task for task in tasks}, on_result)
            except BaseException:
                stop.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise


@dataclass(frozen=True)
class ProcessExecutor:
    """Processes that live for many tasks, so that what tasks import is imported once a process.

    Attributes:
        workers: tasks at a time.
    """

    workers: int

    def run(
        self, call: Call, tasks: Sequence[Any], *, on_result: OnResult, resources: Resources = ONE_CPU
    ) -> list[LostTask]:
        """As `Executor.run`. Where a process dies its pool is lost: each task in it is then run alone."""
        lost = self._wave(call, tasks, on_result)
        kept = [one for one in lost if one.error is not None]
        for broken in (one for one in lost if one.error is None):
            kept += self._wave(call, [broken.task], on_result)  # alone it can only harm itself
        return kept

    def _wave(self, call: Call, tasks: Sequence[Any], on_result: OnResult) -> list[LostTask]:
        if not tasks:
            return []
        pool = ProcessPoolExecutor(
            min(max(self.workers, 1), len(tasks)),
            multiprocessing.get_context("spawn"),
            initializer=_set_up_child,
            initargs=(os.getpid(),),
        )
        try:
            with deaf_to_ctrl_c():
                running = {pool.submit(_in_child, call, task): task for task in tasks}
            lost = _collect(running, on_result)
        except BaseException:
            children = list((pool._processes or {}).values())  # shutdown forgets them
            pool.shutdown(wait=False, cancel_futures=True)
            for child in children:
                child.terminate()
            raise
        pool.shutdown()
        return lost


def _collect(running: dict[Future[Any], Any], on_result: OnResult) -> list[LostTask]:
    lost: list[LostTask] = []
    waiting = set(running)
    while waiting:
        finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        for future in finished:
            task = running[future]
            try:
                value = future.result()
            except BrokenProcessPool:
                lost.append(LostTask(task, "its process died"))
            except Exception as error:
                lost.append(LostTask(task, f"{type(error).__name__}: {error}", error))
            else:
                on_result(task, value)
    return lost


def _in_child(call: Call, task: Any) -> Any:
    return call(task, threading.Event())


def _set_up_child(parent: int) -> None:
    """One thread a child, and an end with its parent: left alone it would wait for work for ever."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported; two models share the CPUs else
    end_with_parent(parent)
