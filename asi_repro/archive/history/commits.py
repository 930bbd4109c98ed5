"""Experiments as commits: git fast-import streams, and the object ids they must come to."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from asi_repro.archive.history.content import AUTHOR, commit_date, commit_message, experiment_files
from asi_repro.archive.history.records import ExperimentRecord

# Every commit is written on one scratch ref, which is thrown away. A ref each would be a file each:
# that took twice the time.
SCRATCH_REF = b"refs/asi-repro/scratch"
STREAM_HEAD = b"feature done\n"
STREAM_END = b"reset %s\n\ndone\n" % SCRATCH_REF  # a ref without a commit is not written


@dataclass(frozen=True)
class Commit:
    """What a commit is made of; the same parts give the same object id.

    Attributes:
        index: of the experiment, which sets its date.
        files: names to bytes.
        message: in UTF-8.
        parent: object id of the parent's commit, None for a root; in a stream also ':mark'.
        others: the same of further parents, where an experiment combines several.
    """

    index: int
    files: Mapping[str, bytes]
    message: bytes
    parent: str | None
    others: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """The object id, worked out without git."""
        head = self.head(tree_id(self.files))
        return object_id(b"commit", head + b"\n" + self.message)

    def head(self, tree: str) -> bytes:
        """The commit object up to its message, for the tree of that object id."""
        parent = "".join(f"parent {one}\n" for one in self._parents)
        return f"tree {tree}\n{parent}author {self._signature}\ncommitter {self._signature}\n".encode()

    def stream(self, mark: int) -> bytes:
        """The commit in fast-import's language, between `STREAM_HEAD` and `STREAM_END`.

        Args:
            mark: the number by which later commits of the stream name this one, from 1.
        """
        signature = self._signature.encode()
        parts = [
            b"reset %s\n\ncommit %s\nmark :%d\nauthor %s\ncommitter %s\n"
            % (SCRATCH_REF, SCRATCH_REF, mark, signature, signature),
            b"data %d\n%s\n" % (len(self.message), self.message),
        ]
        # 'merge' with no 'from' makes it the first parent and starts from an empty tree; 'from'
        # would read the parent's commit and tree back out of the pack.
        parts += [b"merge %s\n" % one.encode() for one in self._parents]
        for name, data in sorted(self.files.items()):
            parts.append(b"M 100644 inline %s\ndata %d\n%s\n" % (name.encode(), len(data), data))
        parts.append(b"\n")
        return b"".join(parts)

    @property
    def _parents(self) -> tuple[str, ...]:
        return (*filter(None, [self.parent]), *self.others)

    @property
    def _signature(self) -> str:
        return f"{AUTHOR} {commit_date(self.index)} +0000"


def commit_of(record: ExperimentRecord, parent: str | None, others: tuple[str, ...] = ()) -> Commit:
    """The commit of an experiment; see `Commit` for its parents."""
    return Commit(record.index, experiment_files(record), commit_message(record), parent, others)


def object_id(kind: bytes, data: bytes) -> str:
    """The SHA-1 id git gives an object of that kind and content."""
    digest = hashlib.sha1(b"%s %d\0" % (kind, len(data)), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


def tree_id(files: Mapping[str, bytes]) -> str:
    """The object id of the git tree of those files."""
    entries = (
        b"100644 %s\0%s" % (name.encode(), bytes.fromhex(object_id(b"blob", data)))
        for name, data in sorted(files.items())
    )
    return object_id(b"tree", b"".join(entries))
