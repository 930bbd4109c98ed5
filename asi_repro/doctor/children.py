"""Questions asked of child processes: what must not be imported here, and what may hang."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from asi_repro.doctor.findings import Finding

Judge = Callable[[int, str, str], Finding]
_HUB_SECONDS = 4.0

_TORCH = """
import importlib, json, warnings
warnings.simplefilter("ignore")
import torch
answer = {"version": torch.__version__, "cuda": torch.cuda.is_available(), "devices": []}
answer["cuda_version"] = torch.version.cuda
for number in range(torch.cuda.device_count() if answer["cuda"] else 0):
    known = torch.cuda.get_device_properties(number)
    answer["devices"].append({"name": known.name, "bytes": known.total_memory})
for name, used in (("triton", "triton"), ("fla", "fla.modules")):
    missing = False
    try:
        module = importlib.import_module(name)
        importlib.import_module(used)
        works, detail = True, str(getattr(module, "__version__", "version unknown"))
        if name == "triton":
            try:
                module.runtime.driver.active.get_current_device()
            except Exception as error:
                works, detail = False, f"{detail}, no active driver: {str(error)[:100]}"
        elif not answer["triton"]["works"]:
            works, detail = False, f"{detail} is importable, but its kernels need a GPU supported by triton"
    except Exception as error:
        works, detail = False, f"{type(error).__name__}: {str(error)[:150]}"
        missing = isinstance(error, ImportError)
    answer[name] = {"works": works, "missing": missing, "detail": detail}
print(json.dumps(answer))
"""

_HUB = """
import sys, urllib.error, urllib.request
try:
    urllib.request.urlopen(urllib.request.Request(sys.argv[1], method="HEAD"), timeout=3)
except urllib.error.HTTPError as error:
    sys.exit(0 if error.code < 500 else str(error))
except OSError as error:
    sys.exit(str(getattr(error, "reason", error)))
"""


class Child:
    """A process that answers in a bounded time; started at once, read by `finding`."""

    def __init__(self, name: str, command: Sequence[str], seconds: float, judge: Judge) -> None:
        self._name = name
        self._deadline = time.monotonic() + seconds
        self._seconds = seconds
        self._judge = judge
        self._error = ""
        self._process: subprocess.Popen[str] | None = None
        try:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
        except OSError as error:
            self._error = f"{command[0]}: {error.strerror}"

    def finding(self) -> Finding:
        """The judged answer; "not run" where there is none in time."""
        if self._process is None:
            return Finding(self._name, "not run", self._error)
        try:
            out, err = self._process.communicate(timeout=max(self._deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            self.kill()
            found = self._judge(-1, "", "")
            detail = f"no answer within {self._seconds:g} s"
            todo = "run `asi-repro doctor` again when the machine is less busy"
            return replace(found, status="not run", detail=detail, todo=todo)
        return self._judge(self._process.returncode, out, err)

    def kill(self) -> None:
        """End it and read what is left."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def torch_child() -> Child:
    """torch, CUDA, triton and fla, in one interpreter."""
    return Child("torch", [sys.executable, "-c", _TORCH], 120, _judge_torch)


def dvc_child() -> Child:
    """DVC's command line, as `dvc repro` will start it."""
    return Child("dvc", [sys.executable, "-m", "dvc", "--version"], 60, _judge_dvc)


def hub_child() -> Child:
    """One HEAD request to the hub that data sets and tokenizers come from."""
    address = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
    return Child("hub", [sys.executable, "-c", _HUB, address], _HUB_SECONDS, _judge_hub)


def _judge_torch(status: int, out: str, err: str) -> Finding:
    journeys = ("verify", "rerun", "discover")
    if status != 0:
        todo = "run `pip install torch`, or rebuild the environment from constraints.txt"
        return Finding("torch", "gap", _last_line(err), todo, journeys)  # type: ignore[arg-type]
    facts = json.loads(out.strip().splitlines()[-1])
    return Finding("torch", "ok", str(facts["version"]), "", journeys, facts)  # type: ignore[arg-type]


def _judge_dvc(status: int, out: str, err: str) -> Finding:
    if status != 0:
        return Finding("dvc", "gap", _last_line(err), "run `pip install dvc`", ("verify", "rerun"))
    return Finding("dvc", "ok", out.strip(), "", ("verify", "rerun"))


def _judge_hub(status: int, out: str, err: str) -> Finding:
    if status != 0:
        todo = (
            "not needed for verify and browse; large-scale training downloads its data from the hub: "
            "give this machine access to it, or set HF_ENDPOINT to a mirror"
        )
        return Finding("hub", "gap", f"not reachable: {_last_line(err)}", todo)
    return Finding("hub", "ok", "reachable")


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else "no output"
