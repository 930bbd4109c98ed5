"""Keys of one's own: a file that says which key does what another key does."""

from __future__ import annotations

import json
import os
from pathlib import Path

from asi_repro.errors import DataError

_MAX_BYTES = 1 << 16


def keys_file() -> Path:
    """Where the keys are: `$XDG_CONFIG_HOME/asi-repro/keys.json`."""
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "asi-repro" / "keys.json"


def read_keys(path: Path) -> dict[str, str]:
    """The key that each key stands for, such as {"ctrl+f": "F"}; none where there is no such file.

    Keys are named as Textual names them: `a`, `A`, `ctrl+f`, `f5`, `slash`, `greater_than_sign`.

    Raises:
        DataError: where the file is no object of names.
    """
    hint = 'it maps a key to the one it stands for: {"ctrl+f": "F"}; `?` lists the keys'
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it is too large")
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"the keys cannot be read: {error}", where=str(path), hint=hint) from error
    if not isinstance(found, dict) or not all(isinstance(one, str) and one for one in found.values()):
        raise DataError("the keys are no object of names", where=str(path), hint=hint)
    return {str(key): value for key, value in found.items()}
