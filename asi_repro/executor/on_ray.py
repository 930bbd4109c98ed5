"""Tasks on a Ray cluster: an existing one (RAY_ADDRESS, or `executor.ray_address`), or one on this machine.

Results do not go through Ray's object store: tasks write them below the project's folder, which every node
must see under the same path (a shared file system). What comes back is a report of a few hundred bytes.
"""

from __future__ import annotations

import itertools
import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.executor.base import ONE_CPU, Call, LostTask, OnResult, Resources

_LOOK_SECONDS, _WAIT_SECONDS = 0.5, 5.0


@dataclass(frozen=True)
class RayExecutor:
    """A Ray cluster.

    Attributes:
        shared: the folder that all nodes must see.
        address: of a cluster; None takes RAY_ADDRESS, else starts Ray on this machine.
        retries: how often a task is begun again when its node or process dies.
        workers: tasks at a time; None lets the cluster's resources decide.
    """

    shared: Path
    address: str | None = None
    retries: int = 3
    workers: int | None = None

    def run(
        self, call: Call, tasks: Sequence[Any], *, on_result: OnResult, resources: Resources = ONE_CPU
    ) -> list[LostTask]:
        """As `Executor.run`.

        Raises:
            AsiReproError: where Ray cannot be reached, or no node has what one task needs.
        """
        if not tasks:
            return []
        with self.session() as session:
            _check_fits(session.ray, resources)
            return self._drive(
                session.ray, lambda task: session.submit(call, task, resources), tasks, on_result, resources
            )

    @contextmanager
    def session(self) -> Iterator[RaySession]:
        """The cluster, for tasks that come one by one and from several threads.

        Raises:
            AsiReproError: where Ray cannot be reached, or the folder cannot be written.
        """
        with _connected(self.address, self.workers) as ray, _token(self.shared) as token:
            yield RaySession(ray, str(token), self.retries)

    def _drive(
        self,
        ray: Any,
        submit: Callable[[Any], Any],
        tasks: Sequence[Any],
        on_result: OnResult,
        resources: Resources,
    ) -> list[LostTask]:
        waiting: dict[Any, Any] = {}
        left = iter(tasks)
        lost: list[LostTask] = []
        try:
            while True:
                # Twice what fits keeps every node busy; the rest stays here, where it costs nothing.
                bound = self.workers or 2 * _slots(ray, resources)
                for task in itertools.islice(left, max(bound - len(waiting), 0)):
                    waiting[submit(task)] = task
                if not waiting:
                    return lost
                finished, _ = ray.wait(list(waiting), num_returns=1, timeout=_WAIT_SECONDS)
                for reference in finished:
                    task = waiting.pop(reference)
                    found = _fetch(ray, reference, task)
                    if isinstance(found, LostTask):
                        lost.append(found)
                    else:
                        on_result(task, found[0])
        except BaseException:
            for reference in waiting:
                ray.cancel(reference, force=True)
            raise


class Stopped(BaseException):
    """The run is being stopped; no error of a task, so nothing that handles errors takes it."""


@dataclass(frozen=True)
class RaySession:
    """A cluster that this process is connected to.

    Attributes:
        ray: the module.
        token: see `_token`.
        retries: see `RayExecutor`.
    """

    ray: Any
    token: str
    retries: int

    def submit(self, call: Call, task: Any, resources: Resources) -> Any:
        """Hand a task to the cluster; a reference to its value."""
        remote = self.ray.remote(_on_node).options(
            num_cpus=resources.cpus,
            num_gpus=resources.gpus,
            memory=resources.memory or None,
            max_retries=self.retries,
            retry_exceptions=False,
            scheduling_strategy="SPREAD",
        )
        return remote.remote(call, task, self.token)

    def call(self, call: Call, task: Any, *, resources: Resources = ONE_CPU, stop: threading.Event) -> Any:
        """The value of one task.

        Raises:
            Stopped: where `stop` was set; the task is then stopped too.
            Exception: what the task raised.
            AsiReproError: where no node has what it needs, or its nodes died, and those of every retry.
        """
        _check_fits(self.ray, resources)
        reference = self.submit(call, task, resources)
        while not self.ray.wait([reference], timeout=_LOOK_SECONDS)[0]:
            if stop.is_set():
                self.ray.cancel(reference, force=True)
                raise Stopped
        found = _fetch(self.ray, reference, task)
        if not isinstance(found, LostTask):
            return found[0]
        if found.error is not None:
            raise found.error
        raise AsiReproError(
            f"a task was lost: {found.reason}", hint="run the command again: finished results are kept"
        )


def _on_node(call: Call, task: Any, token: str) -> Any:
    if not Path(token).is_file():
        raise MissingInput(
            f"node {os.uname().nodename} cannot access {Path(token).parent}",
            hint="put the project on storage that every node mounts at the same path",
        )
    return call(task, threading.Event())


def _fetch(ray: Any, reference: Any, task: Any) -> LostTask | tuple[Any]:
    try:
        return (ray.get(reference),)
    except ray.exceptions.RayTaskError as error:
        cause = getattr(error, "cause", None)
        cause = cause if isinstance(cause, Exception) else error
        return LostTask(
            task, f"{type(cause).__name__}: {str(cause).splitlines()[0] if str(cause) else ''}", cause
        )
    except ray.exceptions.RayError as error:
        return LostTask(task, f"its process or node died, and so did every retry ({type(error).__name__})")


def _slots(ray: Any, resources: Resources) -> int:
    """How many such tasks the cluster as it is now can hold; at least one."""
    return max(1, sum(_fits(node.get("Resources", {}), resources) for node in _alive(ray)))


def _fits(node: dict[str, float], resources: Resources) -> int:
    counts = [
        int(node.get(name, 0.0) / need)
        for name, need in (("CPU", resources.cpus), ("GPU", resources.gpus), ("memory", resources.memory))
        if need
    ]
    return min(counts) if counts else 1


def _alive(ray: Any) -> list[dict[str, Any]]:
    return [node for node in ray.nodes() if node.get("Alive")]


def _check_fits(ray: Any, resources: Resources) -> None:
    if not any(_fits(node.get("Resources", {}), resources) for node in _alive(ray)):
        raise AsiReproError(
            f"no node of the Ray cluster has {resources.cpus:g} CPUs, {resources.gpus:g} GPUs and "
            f"{resources.memory / 2**30:.1f} GiB for one task",
            hint="add such a node, or lower `executor.resources` in params.yaml",
        )


@contextmanager
def _connected(address: str | None, workers: int | None) -> Iterator[Any]:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise MissingInput("Ray is not installed", hint="pip install 'asi-repro[cluster]'") from error
    if ray.is_initialized():
        yield ray
        return
    where = address or os.environ.get("RAY_ADDRESS")
    more: dict[str, Any] = {} if where else {"num_cpus": workers, "include_dashboard": False}
    try:
        _knock(where)
        ray.init(address=where or "local", log_to_driver=False, logging_level=logging.ERROR, **more)
    except Exception as error:  # a node that is too slow to start is a plain Exception of Ray's
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise AsiReproError(
            f"cannot reach a Ray cluster at {where or 'this machine'}: {reason}",
            hint="set RAY_ADDRESS to a running one (`ray status`), or use `--executor local`",
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _knock(address: str | None) -> None:
    """Ray ends the whole process where nothing answers at an address, so ask first."""
    host, _, port = (address or "").rpartition(":")
    if host and port.isdigit() and "/" not in host:
        socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()


@contextmanager
def _token(shared: Path) -> Iterator[Path]:
    """A file that proves to a task that its node sees the driver's folder."""
    token = shared / f".ray-{uuid.uuid4().hex}"
    try:
        token.touch()
    except OSError as error:
        raise AsiReproError(f"cannot write to {shared}: {error.strerror}") from error
    try:
        yield token
    finally:
        token.unlink(missing_ok=True)
