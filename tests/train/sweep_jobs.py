"""Jobs for the tests of the sweep and of torchrun; child processes import this."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from pathlib import Path

from asi_repro.sweep.jobs import Job, Report


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


def on_a_full_disk(job: Job) -> Report:
    """Trains for real, outside the sandbox; where the model's name says so, no file may grow over a megabyte."""
    from tiny_training import spec_of

    from asi_repro.data.blocks import open_corpus
    from asi_repro.errors import AsiReproError
    from asi_repro.train.run import train_model

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    bound = 1 << 20 if "full" in job.subject.slug else hard
    resource.setrlimit(resource.RLIMIT_FSIZE, (bound, hard))
    corpus = open_corpus(job.root / "corpus")
    try:
        train_model(spec_of(corpus, job.subject), corpus, job.root / "trained", unsafe=True)
    except AsiReproError as error:
        return Report(job.subject.slug, job.seed, "train", "failed", error.what, error.hint or "")
    return Report(job.subject.slug, job.seed, "train", "done")


if __name__ == "__main__":  # one of torchrun's processes
    import dataclasses
    import json

    from tiny_training import program, spec_of

    from asi_repro.data.blocks import open_corpus
    from asi_repro.train.run import train_model

    opened, how = open_corpus(Path(sys.argv[1])), json.loads(sys.argv[3])
    spec = dataclasses.replace(spec_of(opened, **how["recipe"]), parallel=how["parallel"])
    if how["program"]:
        spec = dataclasses.replace(spec, subject=program(how["program"]))
    train_model(spec, opened, Path(sys.argv[2]), unsafe=True)
