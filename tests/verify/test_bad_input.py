"""A file that is none, or does what it may not: one error that says what and where, and nothing left behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from in_process import call

from asi_repro.check import check_source
from asi_repro.errors import AsiReproError

HEAD = """\
import torch
from torch import nn


class Mine(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.proj = nn.Linear(dim, dim)

    def forward(self, x):
"""


def forward(*lines: str) -> str:
    """A program whose forward, from line 11 on, has these lines."""
    return HEAD + "".join(f"        {line}\n" for line in (*lines, "return self.proj(x)"))


# name: (text, what is said, where)
REFUSED = {
    "does not parse": ("def (:\n", "does not parse", "line 1"),
    "no text": ("\x00", "refused", "bad.py"),
    "nested": (f"x = {'(' * 900}1{')' * 900}\n", "refused", "line 1"),
    "no module": ("import torch\n", "no nn.Module class", "bad.py"),
    "needs an argument": (
        HEAD.replace("dim):", "dim, window):") + "        return x\n",
        "needs window",
        "line 6",
    ),
    "imports": ("import socket\n" + forward(), "socket", "line 1"),
    "opens a socket": (
        forward("import socket", "socket.create_connection(('127.0.0.1', 80))"),
        "socket",
        "line 11",
    ),
    "forks": (forward("import os", "os.fork()"), "os", "line 11"),
    "writes": (forward("open('PLACE/written', 'w')"), "open may not be used", "line 11"),
    "saves": (forward("torch.save(x, 'PLACE/written')"), "save", "line 11"),
    "loops at import": ("while True:\n    pass\n", "at import", "line 1"),
}
STOPPED = {
    "loops": (forward("while True:", "    x = x + 1"), "cpu: used more than 3 s", "while it was loaded and tried"),
    "loops late": (
        forward("while x.shape[1] > 128:", "    x = x + 1"), "cpu: used more than 3 s", "in the check causality",
    ),
    # The kernel refuses the memory, or the watchdog sees it first: the program's line, or its class's.
    "takes all memory": (
        forward("kept = []", "while True:", "    kept.append(torch.ones(20_000_000))"), "memory", "line",
    ),
    "prints a gigabyte": (
        forward("for _ in range(1_000_000):", "    print('0123456789' * 100)"), "output_limit", "while it was loaded and tried",
    ),
}  # fmt: skip


@pytest.fixture
def nothing_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files, in which none may be left, nor a process that was not there before."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield tmp_path
    after = {child.pid for child in psutil.Process().children(recursive=True)}
    assert after <= before
    assert [path.name for path in folder.iterdir()] == []
    assert not (tmp_path / "written").exists()


def by_command(path: Path, seconds: int) -> str:
    """What the command says of a file, in one line."""
    done = call("verify", str(path), "--quick", "--timeout", str(seconds))
    assert done.returncode not in (0, None)
    assert done.stdout == ""
    errors = done.stderr[done.stderr.index("error: ") :].splitlines()
    assert all(line.startswith(("error: ", "  where: ", "  what to do: ")) for line in errors)
    return " ".join(errors)


def by_python(path: Path, seconds: int) -> str:
    """What Python says of it."""
    with pytest.raises(AsiReproError) as caught:
        check_source(path, quick=True, seconds=seconds)
    return f"{caught.value.what} {caught.value.where}"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_never_runs(nothing_left: Path, name: str) -> None:
    text, what, where = REFUSED[name]
    path = nothing_left / "bad.py"
    path.write_text(text.replace("PLACE", str(nothing_left)))
    for line in (by_command(path, 60), by_python(path, 60)):
        assert what in line
        assert where in line
        assert "bad.py" in line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "ask", "seconds"),
    [
        ("loops", by_command, 3),
        ("loops late", by_python, 3),
        ("takes all memory", by_command, 30),
        ("prints a gigabyte", by_python, 30),
    ],
)
def test_what_runs_over_a_bound_is_stopped(
    nothing_left: Path, name: str, ask: Callable[[Path, int], str], seconds: int
) -> None:
    text, what, where = STOPPED[name]
    path = nothing_left / "bad.py"
    path.write_text(text)
    line = ask(path, seconds)
    assert what in line
    assert "bad.py, line " in line
    assert where in line


def test_what_raises_is_named_by_its_line(nothing_left: Path) -> None:
    path = nothing_left / "bad.py"
    path.write_text(forward("y = x", "y = self.nothing(x)"))
    done = call("verify", str(path), "--only", "batch")
    assert done.returncode == 3
    assert "no attribute 'nothing'" in done.stderr
    assert "bad.py, line 12" in done.stderr
