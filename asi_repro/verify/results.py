"""What one check says about one program. No torch here: certificates are read without it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from asi_repro.errors import DataError

Verdict = Literal["pass", "fail", "not run"]
VERDICTS: tuple[Verdict, ...] = ("pass", "fail", "not run")
Comparison = Literal["<=", ">=", "within", "none"]
Number = float | int | None


@dataclass(frozen=True)
class CheckResult:
    """One row of a certificate.

    Attributes:
        check: the row's name.
        verdict: "pass", "fail", or "not run" (which `detail["reason"]` explains).
        value: the number measured; None where nothing was measured.
        threshold: what `value` is held against; None for a row that only measures.
        comparison: how the two are held together ("within": a relative tolerance around a stated number,
            in `detail["stated"]`; "none": the row only measures, and "pass" says that it could).
        unit: what `value` counts.
        method: one sentence on how it was measured.
        detail: JSON data behind the number: where the worst case was, which names, which error.
    """

    check: str
    verdict: Verdict
    value: Number
    threshold: Number
    comparison: Comparison
    unit: str
    method: str
    detail: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The row as JSON data; numbers rounded, so that the last bits of a sum do not change a file."""
        row = asdict(self)
        return {key: _json_safe(value) for key, value in row.items()}


def at_most(
    check: str, value: Number, threshold: float, *, unit: str, method: str, detail: Mapping[str, Any]
) -> CheckResult:
    """A row that passes where `value <= threshold`, and is "not run" where `value` is None.

    A relative change below the threshold is kept as 0 with the threshold as `detail["below"]`.
    """
    # A NaN compares false with everything, so it fails.
    verdict: Verdict = "not run" if value is None else "pass" if value <= threshold else "fail"
    found = dict(detail)
    if verdict == "pass" and threshold > 0 and unit.startswith("relative"):
        # What lies below is rounding, and no two kinds of CPU round alike.
        value, found["below"] = 0.0, threshold
    return CheckResult(check, verdict, value, threshold, "<=", unit, method, found)


def measurement(
    check: str, value: Number, *, unit: str, method: str, detail: Mapping[str, Any]
) -> CheckResult:
    """A row without a threshold."""
    verdict: Verdict = "not run" if value is None else "pass"
    return CheckResult(check, verdict, value, None, "none", unit, method, dict(detail))


def not_run(
    check: str, reason: str, *, threshold: Number = None, unit: str = "", method: str = "", **detail: Any
) -> CheckResult:
    """A row for what could not be measured, and why."""
    return CheckResult(check, "not run", None, threshold, "none", unit, method, {"reason": reason, **detail})


def row_from_json(row: Any, *, where: str) -> CheckResult:
    """A row read back from a certificate or received from a sandbox.

    Raises:
        DataError: where a field is missing or is not of its type.
    """
    if not isinstance(row, dict):
        raise DataError("a check's result is not a JSON object", where=where)
    spec: dict[str, tuple[type, ...]] = {
        "check": (str,),
        "verdict": (str,),
        "value": (int, float, type(None)),
        "threshold": (int, float, type(None)),
        "comparison": (str,),
        "unit": (str,),
        "method": (str,),
        "detail": (dict,),
    }
    if set(row) != set(spec):
        raise DataError(f"a check's result has the fields {sorted(row)}, not {sorted(spec)}", where=where)
    for name, types in spec.items():
        if not isinstance(row[name], types) or isinstance(row[name], bool):
            raise DataError(f"{name} is {type(row[name]).__name__}", where=f"{where}, {row.get('check')!r}")
    if row["verdict"] not in VERDICTS:
        raise DataError(f"verdict {row['verdict']!r} is not one of {VERDICTS}", where=where)
    if row["comparison"] not in ("<=", ">=", "within", "none"):
        raise DataError(f"comparison {row['comparison']!r} is unknown", where=where)
    return CheckResult(**row)


def rounded(value: float, digits: int = 3) -> float:
    """`value` to `digits` significant digits."""
    short = float(f"{value:.{digits - 1}e}")
    return short if math.isfinite(short) else value


def _json_safe(value: Any) -> Any:
    if isinstance(value, bool) or value is None or isinstance(value, str | int):
        return value
    if isinstance(value, float):
        # JSON has no NaN or infinity.
        return rounded(value, 4) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value) if isinstance(value, set | frozenset) else value
        return [_json_safe(item) for item in items]
    raise TypeError(f"{type(value).__name__} in a check's result")
