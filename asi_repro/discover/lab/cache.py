"""The lab's book: results of trainings and checks by content key, so that a replay needs no torch.

One line a result. A key is made of the program and of what the run's settings say of training, scoring and
checking; the versions that made a result stand beside it and are not part of the key. The first line of a
key counts.
"""

from __future__ import annotations

from pathlib import Path

from asi_repro.discover.records import from_json, to_json
from asi_repro.discover.run.lines import append_line, read_lines
from asi_repro.discover.types import (
    Checker,
    Lab,
    LabFailure,
    LeakSuspected,
    Metrics,
    Proposal,
    Verdict,
)
from asi_repro.errors import DataError, MissingInput
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_text import JsonDict, dump_json
from asi_repro.traces.spans import Trace

_LOG_CHARACTERS = 4000


class Book:
    """The results in one file, read again when another process has added to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._known: dict[str, JsonDict] = {}
        self._size = -1

    def get(self, key: str) -> JsonDict | None:
        """The result of a key, or None."""
        if key not in self._known:
            self._read()
        return self._known.get(key)

    def add(self, key: str, kind: str, result: JsonDict, made_with: JsonDict, program: str) -> JsonDict:
        """Keep a result; the one that is kept, which is an earlier one where there was one."""
        there = self.get(key)
        if there is None:
            line = {"key": key, "kind": kind, "program": program, "result": result, "made_with": made_with}
            append_line(self.path, line)
            there = self.get(key)
        return there if there is not None else result

    def _read(self) -> None:
        size = self.path.stat().st_size if self.path.is_file() else 0
        if size == self._size:
            return
        for line in read_lines(self.path):
            try:
                key, result = line["key"], line["result"]
            except KeyError as error:
                raise DataError(f"a result without {error}", where=str(self.path)) from error
            if not isinstance(key, str) or not isinstance(result, dict):
                raise DataError("a key that is no text, or a result that is no object", where=str(self.path))
            self._known.setdefault(key, result)
        self._size = size


class BookedLab:
    """A lab that looks into the book first.

    Args:
        book: the run's.
        stage: what identifies training and scoring, of settings.json.
        live: who trains what is not in the book; None in a replay.
        made_with: versions, for a reader.
    """

    def __init__(self, book: Book, stage: JsonDict, live: Lab | None, made_with: JsonDict) -> None:
        self._book, self._stage, self._live, self._made_with = book, stage, live, made_with

    def key(self, program: str, seed: int) -> str:
        """The content key of a training."""
        return content_key("train", program, {"seed": seed, "stage": self._stage})

    def run(self, program: str, seed: int, trace: Trace, *, baseline: Metrics | None = None) -> Metrics:
        """See `discover.types.Lab`.

        Raises:
            MissingInput: in a replay, where the book has no such training.
        """
        key = self.key(program, seed)
        with trace.span("train and evaluate", "TOOL") as span:
            span.set(
                **{"lab.key": key, "lab.program": sha256_bytes(program.encode()), "lab.seed": seed},
            )
            result = self._book.get(key)
            if result is None:
                result = self._train(key, program, seed, trace, baseline)
            span.set(**{"lab.result": {k: v for k, v in result.items() if k != "metrics"}})
            if "failure" in result:
                failure = result["failure"]
                raise LabFailure(failure["log"], reason=failure["reason"])
            if "leak" in result:
                raise LeakSuspected(result["leak"])
            metrics = from_json(Metrics, result.get("metrics"), f"{self._book.path}, key {key}")
            span.set(**{"lab.train_loss": metrics.train_loss, "lab.benchmark": metrics.benchmark})
            return metrics

    def _train(self, key: str, program: str, seed: int, trace: Trace, baseline: Metrics | None) -> JsonDict:
        if self._live is None:
            raise _miss("training", key, self._book.path)
        result: JsonDict
        try:
            result = {"metrics": to_json(self._live.run(program, seed, trace, baseline=baseline))}
        except LabFailure as error:
            result = {"failure": {"reason": error.reason, "log": error.log[-_LOG_CHARACTERS:]}}
        except LeakSuspected as error:
            result = {"leak": error.detail}
        return self._book.add(key, "train", result, self._made_with, sha256_bytes(program.encode()))


class BookedChecker:
    """A checker that looks into the book first; for checks whose verdict hangs on the program alone.

    Args:
        rows: the rows that a proposal must pass.
        live: who checks what is not in the book; None in a replay.
    """

    def __init__(self, book: Book, rows: list[str], live: Checker | None, made_with: JsonDict) -> None:
        self._book, self._rows, self._live, self._made_with = book, rows, live, made_with

    def check(self, proposal: Proposal, trace: Trace) -> Verdict:
        """See `discover.types.Checker`.

        Raises:
            MissingInput: in a replay, where the book has no such check.
        """
        key = content_key("check", proposal.program, {"rows": self._rows})
        with trace.span("check the program", "GUARDRAIL") as span:
            span.set(**{"check.key": key, "check.rows": self._rows})
            result = self._book.get(key)
            if result is None:
                if self._live is None:
                    raise _miss("check", key, self._book.path)
                verdict = to_json(self._live.check(proposal, trace))
                program = sha256_bytes(proposal.program.encode())
                result = self._book.add(key, "check", {"verdict": verdict}, self._made_with, program)
            found = from_json(Verdict, result.get("verdict"), f"{self._book.path}, key {key}")
            span.set(**{"check.accepted": found.accepted, "check.reason": found.reason})
            return found


def content_key(kind: str, program: str, settings: JsonDict) -> str:
    """SHA-256 over the program and the settings of a result."""
    parts = {"kind": kind, "program": sha256_bytes(program.encode()), **settings}
    return sha256_bytes(dump_json(parts).encode())


def _miss(what: str, key: str, path: Path) -> MissingInput:
    return MissingInput(
        f"the record has no {what} of this program (key {key[:16]}…)",
        where=str(path),
        hint="the program or the settings differ from those recorded; --lab live makes results anew",
    )
