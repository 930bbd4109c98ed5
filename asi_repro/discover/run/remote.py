"""Files at a path or a URL, by what DVC reaches remotes with (http, S3, Google Cloud, SSH, …)."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asi_repro.errors import AsiReproError, MissingInput
from asi_repro.store.files import unwritable

# Of this machine's disk, wherever the other end is.
_OF_THE_DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO})


@contextmanager
def reaching(place: str) -> Iterator[tuple[Any, str]]:
    """The file system of a place, and the path there; its errors become ours.

    Credentials are the environment's, as for a DVC remote of the same kind (`AWS_ENDPOINT_URL` names what
    speaks S3).

    Raises:
        MissingInput: where DVC lacks the package for such a URL.
        AsiReproError: where it cannot be reached, read or written.
    """
    from dvc.exceptions import DvcException
    from dvc.fs import RemoteMissingDepsError, parse_external_url

    try:
        filesystem, path = parse_external_url(place)
    except RemoteMissingDepsError as error:
        scheme = place.split("://")[0]
        raise MissingInput(
            f"support for {scheme}:// is not installed", where=place, hint=f"pip install 'dvc[{scheme}]'"
        ) from error
    except (DvcException, ImportError, ValueError) as error:
        raise AsiReproError(
            f"this is not a place that can be reached: {_first(error)}", where=place
        ) from error
    try:
        yield filesystem, path
    except AsiReproError:
        raise
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise _unreachable(place, error) from error
        raise unwritable(Path(error.filename2 or error.filename or place), error) from error
    except Exception as error:  # botocore, aiohttp, asyncssh, … each have their own
        raise _unreachable(place, error) from error


def _unreachable(place: str, error: Exception) -> AsiReproError:
    return AsiReproError(
        f"the place cannot be reached: {type(error).__name__}: {_first(error)}",
        where=place,
        hint="check the address, the network and the credentials",
    )


def _first(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:200]
