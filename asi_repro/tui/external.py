"""A text given to another program: an editor, a pager. The app's screen is left for as long as it runs."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from textual.app import App, SuspendNotSupported

from asi_repro.errors import AsiReproError
from asi_repro.store.files import atomic_write


def open_text(app: App[object], text: str, name: str, variables: tuple[str, ...], default: str) -> None:
    """Run the command of the first variable that is set on a copy of the text, and wait for its end.

    The copy is removed afterwards: what an editor changes in it is lost unless it is saved elsewhere.

    Raises:
        AsiReproError: where there is no such command, it cannot be run here, or the copy cannot be written.
    """
    command = next((os.environ[v] for v in variables if os.environ.get(v, "").strip()), default)
    how = f"set {' or '.join(variables)} to a command that is installed"
    try:
        words = shlex.split(command)
        with tempfile.TemporaryDirectory(prefix="asi-repro-") as folder:
            path = Path(folder) / name
            path.write_text(text, encoding="utf-8")
            with app.suspend():
                subprocess.run([*words, str(path)], check=False)
    except SuspendNotSupported as error:
        raise AsiReproError("another program cannot be started here", hint="w saves the program") from error
    except (OSError, ValueError) as error:
        raise AsiReproError(f"cannot run {command}: {error}", hint=how) from error
    app.refresh()


def save_text(text: str, typed: str) -> Path:
    """Write a new file.

    Raises:
        AsiReproError: where there is a file of that name, or it cannot be written.
    """
    path = Path(typed).expanduser()
    if path.exists():
        raise AsiReproError(f"{path} is there already", hint="give another name, or remove it first")
    atomic_write(path, text)
    return path
