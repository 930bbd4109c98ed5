"""Same seed, same bits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch


@cache
def warm_up() -> None:
    """Make the first calls of vectorised functions, once a process.

    torch 2.13 on a CPU with two threads now and then computes half of a process's first large `cos` or `exp`
    less exactly; after a small first call it does not.
    """
    x = torch.linspace(0.1, 1.0, 64)
    for function in (torch.cos, torch.sin, torch.exp, torch.log, torch.tanh, torch.sigmoid, torch.erf):
        for dtype in (torch.float32, torch.float64):
            function(x.to(dtype))


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Random numbers from `seed` inside; the caller's generators are as they were afterwards."""
    warm_up()
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield
