"""A verb of the command line in this process: much quicker than a process of its own.

Use a process where the test is about one: what is imported, pipes, terminals, signals, locales.
"""

from __future__ import annotations

import subprocess

from typer.testing import CliRunner


def call(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What `asi-repro WORDS` prints and its exit status; a bug's exception is raised here."""
    from asi_repro.cli import app

    result = CliRunner().invoke(app, list(words), env=environment, prog_name="asi-repro")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return subprocess.CompletedProcess(words, result.exit_code, result.stdout, result.stderr)
