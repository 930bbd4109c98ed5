"""A server, and a checkout whose push to it was killed and then made again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from checkouts import Checkout, Interrupted, checkout_with_outputs, killed_push
from s3_server import Bucket, s3_bucket


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    pytest.importorskip("moto.server")
    pytest.importorskip("dvc_s3")
    with s3_bucket() as made:
        yield made


@pytest.fixture(scope="session")
def interrupted(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    owner = checkout_with_outputs(tmp_path_factory.mktemp("storage") / "owner", bucket, "run")
    return Interrupted(owner, killed_push(owner, bucket), bucket.settled("run/"))


@pytest.fixture(scope="session")
def pushed(interrupted: Interrupted) -> Checkout:
    """The same command again."""
    interrupted.owner.dvc("push")
    return interrupted.owner


@pytest.fixture(scope="session")
def pulled(pushed: Checkout) -> Checkout:
    """A stranger's clone with all of it."""
    from outputs import PUBLISHED, STAGES

    clone = pushed.clone(pushed.folder.with_name("stranger"))
    clone.pull(*STAGES, *PUBLISHED)
    return clone
