"""Static facts as rows: reshaping without einops, compile decorators, components used. No torch here."""

from __future__ import annotations

from asi_repro.verify.results import CheckResult, at_most, measurement, not_run
from asi_repro.verify.static_facts import static_facts

ROWS = ("einops_only", "compile_decorators", "components")
METHODS = {
    "einops_only": "Calls of `view` and `reshape` in the syntax tree, as methods or functions.",
    "compile_decorators": "Functions decorated with torch.compile in the syntax tree.",
    "components": (
        "Components recognised by identifiers and calls in the syntax tree, whether or not the line is "
        "reached; how many kinds."
    ),
}


def check(source: str) -> list[CheckResult]:
    """Rows `einops_only`, `compile_decorators`, `components`."""
    try:
        facts = static_facts(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        return [not_run(name, f"does not parse: {error}", method=METHODS[name]) for name in ROWS]
    einops = at_most(
        "einops_only",
        facts.view + facts.reshape,
        0,
        unit="calls",
        method=METHODS["einops_only"],
        detail={
            "view": facts.view,
            "reshape": facts.reshape,
            "lines": facts.reshape_lines,
            "einops": facts.einops,
            "other_reshapes": facts.other_reshapes,
        },
    )
    compiled = measurement(
        "compile_decorators",
        facts.compile_decorators,
        unit="functions",
        method=METHODS["compile_decorators"],
        detail={"lines": facts.lines, "classes": facts.classes, "functions": facts.functions},
    )
    found = measurement(
        "components",
        len(facts.components),
        unit="components",
        method=METHODS["components"],
        detail={"components": facts.components},
    )
    return [einops, compiled, found]
