#!/usr/bin/env python3
"""Look for keys and tokens in what is committed and in what runs recorded.

    python scripts/secret_scan.py [FOLDER]

Read: every file that Git tracks, and all of artifacts/runs, artifacts/recorded and traces, tracked or not:
also the text columns of Parquet files and every blob of a run's repository. The patterns are those by which
records and traces are scrubbed (asi_repro/traces/scrub.py), and the values of this process's own secret
environment variables. They are narrow: a key of a form that is not among them is not found.

Exit status: 0 nothing found, 1 something found (file and line are named, the secret is not shown), 2 not a
checkout.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from asi_repro.errors import AsiReproError
from asi_repro.store.files import sha256_bytes
from asi_repro.traces.scrub import environment_secrets, find_secrets

RECORDED = ("artifacts/runs", "artifacts/recorded", "traces")
# SHA-256 of what looks like a key in the tests, made up there.
MADE_UP = frozenset(
    {
        "c6993495acf391f7fb38278d11364339c39fcd958acce43f4cd9fcd4e3aeeed1",  # roles/test_distil.py
        "9db63ffdb6c350f418a872a9f811d8df70386b665c91df74dfa096858dec6c8e",  # llm/conftest.py
        "3336e90ab53860e7f82bec1bce33f836ec09d7d768746c3a72e71e941b90a30b",  # sandbox/test_doctor.py
    }
)
_PLACEHOLDER = re.compile(r"\{.*\}|<.*>|\$\{?\w+\}?|\*+|\.\.\.|x{8,}|\[.*", re.DOTALL)
_KEY_HEAD = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:\\n|\s)*")
_KEY_BODY = re.compile(r"[A-Za-z0-9+/=]{40}")


def scan(root: Path) -> Iterator[str]:
    """What was found, as `place:line: what`.

    Raises:
        OSError: where a file cannot be read.
        subprocess.CalledProcessError: where Git fails.
    """
    secrets = environment_secrets(os.environ)
    for place, text in texts(root):
        for start, found in sorted(set(find_secrets(text, secrets))):
            if is_secret(found):
                line = text.count("\n", 0, start) + 1
                yield f"{place}:{line}: looks like a secret: {found[:4]}… ({len(found)} characters)"


def is_secret(found: str) -> bool:
    """Whether a match is neither a placeholder, nor a heading without a key, nor made up for a test."""
    if _PLACEHOLDER.fullmatch(found) or sha256_bytes(found.encode("utf-8", "replace")) in MADE_UP:
        return False
    head = _KEY_HEAD.match(found)
    return head is None or _KEY_BODY.match(found, head.end()) is not None


def texts(root: Path) -> Iterator[tuple[str, str]]:
    """Name and text of all that is read."""
    for path in sorted(listed(root)):
        name = path.relative_to(root).as_posix()
        if path.suffix == ".parquet":
            yield from ((f"{name}, column {column}", text) for column, text in columns(path))
        elif path.is_file() and not path.is_symlink():
            yield name, path.read_bytes().decode("utf-8", "replace")
    for folder in RECORDED:
        for store in sorted((root / folder).rglob("*.git")):
            yield from ((f"{store.relative_to(root).as_posix()}, {oid}", text) for oid, text in blobs(store))


def listed(root: Path) -> set[Path]:
    """Files that Git tracks, and those of recorded runs that are not inside a repository."""
    out = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    found = {root / name for name in out.decode("utf-8", "surrogateescape").split("\0") if name}
    for folder in RECORDED:
        for path in (root / folder).rglob("*"):
            if path.is_file() and not any(parent.suffix == ".git" for parent in path.parents):
                found.add(path)
    return found


def columns(path: Path) -> Iterator[tuple[str, str]]:
    """The texts of a Parquet file, a value a line, by column."""
    import pyarrow as pa

    from asi_repro.archive.tables import read_parquet

    table = read_parquet(path)
    for name, column in zip(table.column_names, table.columns, strict=True):
        if pa.types.is_list(column.type):
            column = column.combine_chunks().flatten()
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            yield name, "\n".join(value for value in column.to_pylist() if value is not None)


def blobs(store: Path) -> Iterator[tuple[str, str]]:
    """Every object of a bare repository but its trees."""
    git = ["git", f"--git-dir={store}", "cat-file", "--batch-all-objects", "--unordered"]
    with subprocess.Popen([*git, "--batch"], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while header := process.stdout.readline():
            oid, kind, size = header.decode().split()
            data = process.stdout.read(int(size) + 1)[:-1]
            if kind != "tree":
                yield oid[:12], data.decode("utf-8", "replace")


def main() -> int:
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    try:
        found = list(scan(root))
    except (subprocess.CalledProcessError, OSError, AsiReproError) as error:
        print(f"secret scan: cannot read {root}: {error}", file=sys.stderr)
        return 2
    for line in found:
        print(line)
    print(f"secret scan: {len(found)} found" if found else "secret scan: nothing found", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
