"""The bundle file of a history: a v2 header (object ids and refs) before the pack git fast-import wrote.

The header is written here. `git bundle create` would pack everything a second time, and git before 2.49
compares every ref with every other. Nothing in the pack is compressed or delta-coded, so its bytes do
not hang on how well a zlib compresses or a git finds deltas.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from io import BufferedReader, FileIO
from pathlib import Path

from asi_repro.archive.history.content import experiment_ref, gallery_tag, main_rank
from asi_repro.archive.node_model import Objective
from asi_repro.archive.reader import Experiment
from asi_repro.errors import DataError, MissingInput

SIGNATURE = b"# v2 git bundle\n"
MAIN_REF = "refs/heads/main"
HEAD = "HEAD"

REMAKE = "make it again with `dvc repro --force history`"

_MAX_LINE = 4096
_REF_LINE = re.compile(rb"([0-9a-f]{40}) ([!-~]+)\n")


def history_refs(
    experiments: Iterable[Experiment], commits: Mapping[int, str], objective: Objective
) -> dict[str, str]:
    """Every ref of a history with its commit: experiments, gallery tags, main and HEAD."""
    listed = list(experiments)
    refs = {experiment_ref(e.index): commits[e.index] for e in listed}
    refs |= {f"refs/tags/{gallery_tag(e)}": commits[e.index] for e in listed if e.in_gallery}
    refs[MAIN_REF] = refs[HEAD] = commits[best(listed, objective).index]
    return dict(sorted(refs.items()))


def best(experiments: Iterable[Experiment], objective: Objective) -> Experiment:
    """The experiment that branch main stands on; `main_rank` says which."""
    return max(experiments, key=lambda experiment: main_rank(experiment, objective))


def write_bundle(path: Path, refs: Mapping[str, str], pack: Path) -> None:
    """Write the header and then the pack's bytes to `path`."""
    with path.open("wb") as stream, pack.open("rb") as packed:
        stream.write(SIGNATURE)
        stream.writelines(f"{commit} {ref}\n".encode() for ref, commit in refs.items())
        stream.write(b"\n")
        shutil.copyfileobj(packed, stream, 1 << 20)


def open_bundle(path: Path) -> FileIO:
    """The bundle file, open for reading and unbuffered, so that git can read on where we stop.

    Raises:
        MissingInput: where it is not there.
        DataError: where it cannot be read.
    """
    try:
        return path.open("rb", buffering=0)
    except FileNotFoundError:
        raise MissingInput(
            f"there is no history at {path}", where=str(path), hint="run `dvc repro history`"
        ) from None
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=str(path)) from error


def read_header(path: Path) -> tuple[dict[str, str], int]:
    """The refs of a bundle, and the offset at which its pack starts.

    Raises:
        MissingInput: where there is no such file.
        DataError: where it is no v2 bundle, or one that needs other commits.
    """
    refs: dict[str, str] = {}
    try:
        with open_bundle(path) as raw, BufferedReader(raw) as stream:
            if stream.read(len(SIGNATURE)) != SIGNATURE:
                raise DataError("the file is not a version 2 git bundle", where=str(path), hint=REMAKE)
            while (line := stream.readline(_MAX_LINE)) != b"\n":
                match = _REF_LINE.fullmatch(line)
                if match is None or (ref := match[2].decode()) in refs:
                    place = f"{path}, line {len(refs) + 2}"
                    raise DataError("the bundle's header is damaged", where=place, hint=REMAKE)
                refs[ref] = match[1].decode()
            return refs, stream.tell()
    except OSError as error:
        raise DataError(f"the file cannot be read: {error.strerror}", where=str(path)) from error
