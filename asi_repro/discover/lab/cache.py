"""Results of trainings and checks by content key (lab.jsonl), so that a run is reproduced without torch.

One line a result. A key is made of the program and of what the run's settings say of training, scoring and
checking; the versions that made a result stand beside it and are not part of the key. The first line of a
key counts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from asi_repro.discover.json_values import from_json, to_json
from asi_repro.discover.lab.result import decode_result, encode_result
from asi_repro.discover.types import Checker, Lab, Metrics, Proposal, Verdict
from asi_repro.errors import DataError, MissingInput
from asi_repro.store.files import sha256_bytes
from asi_repro.store.json_lines import append_line, read_lines
from asi_repro.store.json_text import JsonDict, dump_json
from asi_repro.traces.spans import Trace


class ResultCache:
    """The results in one file, read again when another process has added to it.

    Args:
        made_with: versions, which are kept beside what is added; for a reader.
    """

    def __init__(self, path: Path, made_with: JsonDict | None = None) -> None:
        self.path = path
        self._made_with = made_with or {}
        self._known: dict[str, JsonDict] = {}
        self._size = -1

    def get(self, key: str) -> JsonDict | None:
        """The result of a key, or None."""
        if key not in self._known:
            self._read()
        return self._known.get(key)

    def get_or_make(self, key: str, kind: str, program: str, make: Callable[[], JsonDict] | None) -> JsonDict:
        """The result of a key; made and kept where there is none.

        Raises:
            MissingInput: where there is none and nobody can make it (None), as where a run is reproduced.
        """
        result = self.get(key)
        if result is None:
            if make is None:
                what = "training" if kind == "train" else kind
                raise MissingInput(
                    f"the record contains no {what} for this program (key {key[:16]}…)",
                    where=str(self.path),
                    hint="the program or the settings differ from those recorded; "
                    "--lab live makes results anew",
                )
            result = make()
            if (there := self.get(key)) is not None:
                return there
            digest = sha256_bytes(program.encode())
            line = {"key": key, "kind": kind, "program": digest, "result": result}
            append_line(self.path, {**line, "made_with": self._made_with})
            result = self.get(key) or result
        return result

    def _read(self) -> None:
        size = self.path.stat().st_size if self.path.is_file() else 0
        if size == self._size:
            return
        for line in read_lines(self.path):
            key, result = line.get("key"), line.get("result")
            if not isinstance(key, str) or not isinstance(result, dict):
                raise DataError("a line has no key or no result", where=str(self.path))
            self._known.setdefault(key, result)
        self._size = size


class CachedLab:
    """A lab that trains only what the cache does not have.

    Args:
        stage: what identifies training and scoring, of settings.json.
        live: who trains; None where a run is reproduced from its record.
        traced: whether its spans are part of the experiment's trace. A cache that several runs share is not:
            the trace must not show what others had trained.
    """

    def __init__(self, cache: ResultCache, stage: JsonDict, live: Lab | None, *, traced: bool = True) -> None:
        self._cache, self._stage, self._live, self._traced = cache, stage, live, traced

    def run(self, program: str, seed: int, trace: Trace, *, baseline: Metrics | None = None) -> Metrics:
        """See `discover.types.Lab`.

        Raises:
            MissingInput: where a run is reproduced and the cache has no such training.
        """
        live, key = self._live, training_key(program, seed, self._stage)
        trace = trace if self._traced else Trace("shared")
        with trace.span("train and evaluate", "TOOL") as span:
            span.set(**{"lab.key": key, "lab.program": sha256_bytes(program.encode()), "lab.seed": seed})

            def make() -> JsonDict:
                assert live is not None
                return encode_result(lambda: live.run(program, seed, trace, baseline=baseline))

            result = self._cache.get_or_make(key, "train", program, make if live else None)
            span.set(**{"lab.result": {k: v for k, v in result.items() if k != "metrics"}})
            metrics = decode_result(result, f"{self._cache.path}, key {key}")
            span.set(**{"lab.train_loss": metrics.train_loss, "lab.benchmark": metrics.benchmark})
            return metrics


class CachedChecker:
    """A checker that checks only what the cache does not have; a verdict hangs on the program alone.

    Args:
        rows: the rows of the certificate that a proposal must pass.
        live: who checks; None where a run is reproduced from its record.
        traced: see `CachedLab`.
    """

    def __init__(
        self, cache: ResultCache, rows: list[str], live: Checker | None, *, traced: bool = True
    ) -> None:
        self._cache, self._rows, self._live, self._traced = cache, rows, live, traced

    def check(self, proposal: Proposal, trace: Trace) -> Verdict:
        """See `discover.types.Checker`.

        Raises:
            MissingInput: where a run is reproduced and the cache has no such check.
        """
        live, key = self._live, check_key(proposal.program, self._rows)
        trace = trace if self._traced else Trace("shared")
        with trace.span("check the program", "GUARDRAIL") as span:
            span.set(**{"check.key": key, "check.rows": self._rows})

            def make() -> JsonDict:
                assert live is not None
                return {"verdict": to_json(live.check(proposal, trace))}

            result = self._cache.get_or_make(key, "check", proposal.program, make if live else None)
            found = from_json(Verdict, result.get("verdict"), f"{self._cache.path}, key {key}")
            span.set(**{"check.accepted": found.accepted, "check.reason": found.reason})
            return found


def training_key(program: str, seed: int, stage: JsonDict) -> str:
    """The content key of a training in a stage."""
    return _content_key("train", program, {"seed": seed, "stage": stage})


def check_key(program: str, rows: list[str]) -> str:
    """The content key of the checks that make these rows."""
    return _content_key("check", program, {"rows": rows})


def _content_key(kind: str, program: str, settings: JsonDict) -> str:
    parts = {"kind": kind, "program": sha256_bytes(program.encode()), **settings}
    return sha256_bytes(dump_json(parts).encode())
