"""Experiments as commits: git fast-import streams, and the object ids they must come to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from asi_repro.archive.history.content import AUTHOR, commit_date, commit_message, experiment_files
from asi_repro.archive.history.records import ExperimentRecord

# Every commit is written on one scratch ref, which is thrown away. A ref each would be a file each:
# that took twice the time.
SCRATCH_REF = b"refs/asi-repro/scratch"
STREAM_HEAD = b"feature done\n"
STREAM_END = b"reset %s\n\ndone\n" % SCRATCH_REF  # a ref without a commit is not written


def commit_block(record: ExperimentRecord, mark: int, parent: str | None) -> bytes:
    """One experiment in fast-import's language.

    Args:
        mark: the number by which later commits name this one, from 1.
        parent: the parent's commit, as ':mark' or an object id; None for a root.
    """
    message = commit_message(record)
    signature = f"{AUTHOR} {commit_date(record.index)} +0000".encode()
    parts = [
        b"reset %s\n\ncommit %s\nmark :%d\nauthor %s\ncommitter %s\n"
        % (SCRATCH_REF, SCRATCH_REF, mark, signature, signature),
        b"data %d\n%s\n" % (len(message), message),
    ]
    if parent is not None:
        # 'merge' with no 'from' makes it the first parent and starts from an empty tree; 'from'
        # would read the parent's commit and tree back out of the pack.
        parts.append(b"merge %s\n" % parent.encode())
    for name, data in experiment_files(record).items():
        parts.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data))
    parts.append(b"\n")
    return b"".join(parts)


def object_id(kind: bytes, data: bytes) -> str:
    """The SHA-1 id git gives an object of that kind and content."""
    digest = hashlib.sha1(b"%s %d\0" % (kind, len(data)), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


def tree_bytes(files: Mapping[str, bytes]) -> bytes:
    """The git tree object of those files."""
    return b"".join(
        b"100644 %s\0%s" % (name.encode(), bytes.fromhex(object_id(b"blob", data)))
        for name, data in sorted(files.items())
    )


def commit_bytes(record: ExperimentRecord, tree: str, parent: str | None) -> bytes:
    """The git commit object of an experiment.

    Args:
        tree: object id of its tree.
        parent: object id of the parent experiment's commit; None for a root.
    """
    signature = f"{AUTHOR} {commit_date(record.index)} +0000"
    head = f"tree {tree}\n" + (f"parent {parent}\n" if parent else "")
    return f"{head}author {signature}\ncommitter {signature}\n\n".encode() + commit_message(record)


def commit_id(record: ExperimentRecord, parent: str | None) -> str:
    """The object id of an experiment's commit, worked out without git."""
    tree = object_id(b"tree", tree_bytes(experiment_files(record)))
    return object_id(b"commit", commit_bytes(record, tree, parent))
