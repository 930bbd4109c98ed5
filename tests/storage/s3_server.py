"""A server that speaks S3 (moto), whose writes can be held or refused half-way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

BUCKET = "storage"
KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class Gate:
    """Lets so many writes through; later ones wait until it is opened, or are refused."""

    def __init__(self, app: Callable[..., Iterable[bytes]]) -> None:
        self.app = app
        self.left: int | None = None
        self.refuses = False
        self.reached = threading.Event()
        self.opened = threading.Event()
        self.counting = threading.Lock()

    def shut(self, after: int, *, refuses: bool = False) -> None:
        self.left, self.refuses = after, refuses
        self.reached.clear()
        self.opened.clear()

    def open(self) -> None:
        self.left = None
        self.opened.set()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "PUT" and not self.passes():
            self.reached.set()
            if not self.refuses:
                self.opened.wait(60)
            start("503 Service Unavailable", [("Content-Length", "0"), ("Connection", "close")])
            return [b""]
        return self.app(environ, start)

    def passes(self) -> bool:
        with self.counting:
            if self.left is None:
                return True
            self.left -= 1
            return self.left >= 0


class Bucket:
    """What is in the bucket, past DVC."""

    def __init__(self, client: Any, gate: Gate, address: str) -> None:
        self.client, self.gate, self.address = client, gate, address

    def keys(self, prefix: str) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", ())]

    def settled(self, prefix: str) -> list[str]:
        """The keys, once the server has ended what a killed client had sent whole."""
        keys = self.keys(prefix)
        while True:
            time.sleep(0.2)
            before, keys = keys, self.keys(prefix)
            if keys == before:
                return keys

    def read(self, key: str) -> bytes:
        data: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return data

    def write(self, key: str, data: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=data)

    def remove(self, key: str) -> None:
        self.client.delete_object(Bucket=BUCKET, Key=key)


@contextmanager
def s3_bucket() -> Iterator[Bucket]:
    """The server on a free port of this machine, with one bucket."""
    import boto3
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_: Any) -> None:
            """A line a request would bury what a failing test says."""

    gate = Gate(DomainDispatcherApplication(create_backend_app))
    server = make_server("127.0.0.1", 0, gate, threaded=True, request_handler=Quiet)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    address = f"http://127.0.0.1:{server.server_port}"
    client = boto3.client(
        "s3",
        endpoint_url=address,
        aws_access_key_id=KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=KEYS["AWS_SECRET_ACCESS_KEY"],
        region_name=KEYS["AWS_DEFAULT_REGION"],
    )
    client.create_bucket(Bucket=BUCKET)
    try:
        yield Bucket(client, gate, address)
    finally:
        gate.open()
        server.shutdown()
        serving.join(10)
