"""Write the code that each stage of dvc.yaml depends on, as the imports say, into dvc.yaml.

python scripts/make_stages.py            write it
python scripts/make_stages.py --check    exit with 1 where it is not current
"""

from __future__ import annotations

import sys
from pathlib import Path

import yaml

from asi_repro.cli import COMMANDS
from asi_repro.provenance.code import PackageCode
from asi_repro.provenance.stages import as_dependencies, stage_modules, with_code

ROOT = Path(__file__).resolve().parent.parent
VERBS = {
    verb: command.target.partition(":")[0] for panel in COMMANDS.values() for verb, command in panel.items()
}


def current(root: Path = ROOT) -> str:
    """The text of dvc.yaml as it should be."""
    text = (root / "dvc.yaml").read_text(encoding="utf-8")
    code = PackageCode(root / "asi_repro")
    return with_code(
        text,
        {
            name: as_dependencies(code.files(stage_modules(stage, VERBS, code)))
            for name, stage in yaml.safe_load(text)["stages"].items()
        },
    )


def main() -> int:
    """Write or check; the exit status."""
    path, text = ROOT / "dvc.yaml", current()
    if path.read_text(encoding="utf-8") == text:
        return 0
    if "--check" in sys.argv[1:]:
        print(
            "dvc.yaml does not name the code its stages depend on: run scripts/make_stages.py",
            file=sys.stderr,
        )
        return 1
    path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
