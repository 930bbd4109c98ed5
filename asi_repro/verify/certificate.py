"""Certificates at rest: one JSON file an architecture. No torch here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from asi_repro.archive.reader import Program
from asi_repro.errors import DataError, MissingInput, NotFound
from asi_repro.store.files import atomic_write, sha256_bytes
from asi_repro.store.json_text import dump_json
from asi_repro.verify.catalogue import BY_NAME, CHECKS, ROW_NAMES
from asi_repro.verify.results import VERDICTS, CheckResult, not_run, row_from_json

FORMAT = 1
_SUM = "certificate"
# The index of a program that is in no archive.
OF_A_FILE = -1
NOT_YET = "not run yet"
_FIELDS: dict[str, tuple[type, ...]] = {
    "format": (int,),
    "index": (int,),
    "name": (str,),
    "display_name": (str, type(None)),
    "program_sha256": (str,),
    "parameters_stated": (int, type(None)),
    "environment": (dict,),
    "probe": (dict,),
    "keys": (dict,),
    "checks": (list,),
}


@dataclass(frozen=True)
class Certificate:
    """What the checks found about one architecture.

    Attributes:
        index, name, display_name: the experiment.
        program_sha256: of its program's text.
        parameters_stated: the count that its run states.
        environment: torch's version and the sandbox tier that the checks ran in.
        probe: what the probes stood on: width, heads, casts mapped to run in fp32 and fp64.
        keys: content key of each check whose rows are final; a check that has none runs again.
        checks: the rows, in the catalogue's order.
    """

    index: int
    name: str
    display_name: str | None
    program_sha256: str
    parameters_stated: int | None
    environment: dict[str, str]
    probe: dict[str, Any]
    keys: dict[str, str] = field(default_factory=dict)
    checks: tuple[CheckResult, ...] = ()

    def row(self, name: str) -> CheckResult:
        """The row called `name`.

        Raises:
            NotFound: where the certificate has none.
        """
        for row in self.checks:
            if row.check == name:
                return row
        raise NotFound(f"the certificate of {self.index} has no row {name!r}", hint=", ".join(ROW_NAMES))

    def counts(self) -> dict[str, int]:
        """How many rows have each verdict."""
        found = Counter(row.verdict for row in self.checks)
        return {verdict: found[verdict] for verdict in VERDICTS}

    def to_json(self) -> dict[str, Any]:
        """The certificate as JSON data, as it is kept and printed."""
        return {"format": FORMAT, **vars(self), "checks": [row.to_json() for row in self.checks]}


def in_order(rows: Iterable[CheckResult]) -> tuple[CheckResult, ...]:
    """One row for every name of the catalogue, in its order; what is missing is "not run"."""
    by_name = {row.check: row for row in rows}
    return tuple(by_name.get(name) or not_run(name, NOT_YET) for name in ROW_NAMES)


def path_of(folder: Path, index: int) -> Path:
    """Where the certificate of experiment `index` is kept."""
    return folder / f"{index}.json"


def write_certificate(certificate: Certificate, folder: Path) -> None:
    """Write one certificate, whole or not at all, with a checksum of it among its keys."""
    data = certificate.to_json()
    data["keys"] = {**data["keys"], _SUM: _checksum(data)}
    atomic_write(path_of(folder, certificate.index), dump_json(data))


def _checksum(data: dict[str, Any]) -> str:
    keys = {name: key for name, key in data["keys"].items() if name != _SUM}
    return sha256_bytes(dump_json({**data, "keys": keys}).encode())


def read_certificate(path: Path) -> Certificate:
    """The certificate in the file `path`.

    Raises:
        MissingInput: where the file is not there.
        DataError: where it is not a certificate of this format.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise MissingInput(
            f"there is no certificate of {path.stem} yet",
            where=str(path),
            hint=f"run `asi-repro verify {path.stem}`",
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(f"it cannot be read: {error}", path) from error
    return certificate_from_json(data, path)


def certificate_from_json(data: Any, path: Path) -> Certificate:
    """The certificate in JSON data from `path`.

    Raises:
        DataError: where a field is missing, unknown or not of its type.
    """
    if not isinstance(data, dict) or set(data) != set(_FIELDS):
        raise _damaged(f"its fields are not {', '.join(_FIELDS)}", path)
    for name, types in _FIELDS.items():
        if not isinstance(data[name], types) or isinstance(data[name], bool):
            raise _damaged(f"{name} is {type(data[name]).__name__}", path)
    if data["format"] != FORMAT:
        raise _damaged(f"its format is {data['format']}, not {FORMAT}", path)
    if _SUM in data["keys"]:  # certificates made before there were checksums have none
        try:
            same = data["keys"][_SUM] == _checksum(data)
        except ValueError:  # NaN and infinity, which Python reads and nothing here writes
            same = False
        if not same:
            raise _damaged("it is not what was written", path)
        data = {**data, "keys": {name: key for name, key in data["keys"].items() if name != _SUM}}
    rows = [row_from_json(row, where=str(path)) for row in data["checks"]]
    fields = {name: data[name] for name in _FIELDS if name not in ("format", "checks")}
    return Certificate(**fields, checks=in_order(rows))


def certificates_if_any(folder: Path | None) -> list[Certificate]:
    """All certificates in `folder`, in index order; none where it is missing or empty.

    Raises:
        DataError: where one is damaged.
    """
    paths = [] if folder is None else [p for p in folder.glob("*.json") if p.stem.isdigit()]
    return [read_certificate(path) for path in sorted(paths, key=lambda p: int(p.stem))]


def read_certificates(folder: Path) -> list[Certificate]:
    """All certificates in `folder`, in index order.

    Raises:
        MissingInput: where there is none.
        DataError: where one is damaged.
    """
    if found := certificates_if_any(folder):
        return found
    raise MissingInput(
        "there are no certificates yet",
        where=str(folder),
        hint="run `asi-repro verify --all` or `dvc repro verify`",
    )


def current_certificates(folder: Path | None, programs: Iterable[Program]) -> dict[int, Certificate]:
    """By index, the certificates of `programs` as they are; those of others or of other texts are left out.

    Raises:
        DataError: where one is damaged.
    """
    sources = {program.index: program.sha256 for program in programs}
    return {
        one.index: one for one in certificates_if_any(folder) if sources.get(one.index) == one.program_sha256
    }


def leaks(certificates: Iterable[Certificate]) -> dict[int, bool]:
    """Whether each program sees the future; one of which neither is known is left out.

    One failed row of the check `causality` is enough; none is where all its rows passed.
    """
    rows = BY_NAME["causality"].rows
    found: dict[int, bool] = {}
    for certificate in certificates:
        verdicts = {certificate.row(name).verdict for name in rows}
        if "fail" in verdicts or verdicts == {"pass"}:
            found[certificate.index] = "fail" in verdicts
    return found


def leaking_programs(folder: Path | None) -> set[str] | None:
    """SHA-256 of the certified programs that see the future; None where there are no certificates.

    Raises:
        DataError: where one is damaged.
    """
    listed = certificates_if_any(folder)
    seen = leaks(listed)
    return {one.program_sha256 for one in listed if seen.get(one.index)} if listed else None


def find_certificate(folder: Path, key: str) -> Certificate:
    """The certificate of the architecture with that index, name or display name.

    Raises:
        MissingInput: where there are no certificates.
        NotFound: where none or several have it.
    """
    listed = read_certificates(folder)
    if key.isascii() and key.isdigit():
        found = [one for one in listed if one.index == int(key)]
    else:
        exact = [one for one in listed if key in (one.name, one.display_name)]
        folded = key.casefold()
        found = exact or [
            one for one in listed if folded in (one.name.casefold(), (one.display_name or "").casefold())
        ]
    if len(found) == 1:
        return found[0]
    if found:
        indices = ", ".join(str(one.index) for one in found)
        raise NotFound(
            f"{len(found)} certificates match {key!r}", hint=f"give the index of one of them: {indices}"
        )
    names = {name for one in listed for name in (one.name, one.display_name) if name}
    near = get_close_matches(key, sorted(names), n=3, cutoff=0.5)
    raise NotFound(
        f"there is no certificate for {key!r}",
        hint=(f"similar: {', '.join(near)}; " if near else "") + f"run `asi-repro verify {key}` to make one",
    )


def summary(certificates: Iterable[Certificate]) -> dict[str, Any]:
    """Counts for a metrics file: of each row, how many architectures have which verdict."""
    listed = list(certificates)
    rows: dict[str, dict[str, int]] = {}
    for name in ROW_NAMES:
        found = Counter(certificate.row(name).verdict for certificate in listed)
        rows[name] = {verdict.replace(" ", "_"): found[verdict] for verdict in VERDICTS}
    return {"architectures": len(listed), "checks": len(CHECKS), "rows": rows}


def _damaged(what: str, path: Path) -> DataError:
    return DataError(
        f"this is not a certificate: {what}",
        where=str(path),
        hint="delete the file and run `asi-repro verify` again",
    )
