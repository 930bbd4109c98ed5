"""Jobs for the tests of the sweep; child processes import this."""

from __future__ import annotations

import os
import time

from asi_repro.train.sweep import Job, Report


def made_up(job: Job) -> Report:
    """Writes a file in the project's folder; fails or dies where the model's name says so."""
    name = job.subject.slug
    with (job.root / "order").open("a") as stream:
        stream.write(f"{name}\n")
    if "dies" in name:
        os._exit(9)
    if "fails" in name:
        return Report(name, job.seed, "train", "failed", "as asked")
    time.sleep(0.05)
    return Report(name, job.seed, "evaluate", "done")
