"""A hash of Python code that comments, docstrings and layout do not change."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Collection, Iterable
from pathlib import Path

from asi_repro.store.files import sha256_bytes, sha256_file
from asi_repro.store.json_text import dump_json

_PACKAGE = Path(__file__).resolve().parent.parent
_LAYOUT = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.ENCODING, tokenize.ENDMARKER})
_STARTS = frozenset({tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING})


def code_sha256(source: bytes) -> str:
    """SHA-256 over the tokens of Python source, without comments, and strings that stand by themselves."""
    kept: list[str] = []
    before = tokenize.ENCODING
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        alone = token.type == tokenize.STRING and before in _STARTS
        if token.type not in _LAYOUT and not alone:
            # Indentation is by its depth, not its width.
            layout = token.type in (tokenize.INDENT, tokenize.DEDENT)
            kept.append(tokenize.tok_name[token.type] if layout else token.string)
        elif token.type == tokenize.NEWLINE:
            kept.append("\n")
        if token.type not in (tokenize.COMMENT, tokenize.NL):
            before = token.type
    return sha256_bytes("\0".join(kept).encode())


def package_code(names: Iterable[str], without: Collection[str] = ()) -> str:
    """One hash over modules, folders of modules and YAML files of this package, by their paths in it.

    Args:
        names: paths in the package.
        without: modules in those folders that change nothing of what the hash stands for.
    """
    listed: dict[str, str] = {}
    for name in names:
        place = _PACKAGE / name
        for file in [place] if place.suffix else place.rglob("*"):
            path = file.relative_to(_PACKAGE).as_posix()
            if path in without:
                continue
            if file.suffix == ".py":
                listed[path] = code_sha256(file.read_bytes())
            elif file.suffix == ".yaml":
                listed[path] = sha256_file(file)
    return sha256_bytes(dump_json(listed).encode())
