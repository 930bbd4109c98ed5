"""Frames on the channel between the caller and a worker: a length, then JSON.

Four bytes of length (big-endian), then that many bytes of UTF-8 JSON whose top is an object. Both sides
bound the length before they allocate, refuse NaN and infinities, and check the fields they read.
"""

from __future__ import annotations

import json
import struct
from typing import Any, NoReturn

from asi_repro.sandbox.outcome import REPORTED, BadResult

HEADER = struct.Struct(">I")
_TEXT_FIELDS = ("detail", "traceback")
_MAX_TEXT = 64 << 10


def encode(frame: dict[str, Any], limit: int) -> bytes:
    """One frame as bytes.

    Raises:
        BadResult: for values that JSON does not have, or more than `limit` bytes.
    """
    try:
        # Surrogates in a string survive json.dumps with ASCII output, but not a later UTF-8 file.
        body = json.dumps(frame, allow_nan=False, ensure_ascii=False).encode("utf-8")
    except (TypeError, ValueError, RecursionError) as error:
        raise BadResult(f"not JSON: {error}") from None
    if len(body) > limit:
        raise BadResult(f"a frame of {len(body)} bytes is over the limit of {limit}")
    return HEADER.pack(len(body)) + body


def decode(body: bytes) -> dict[str, Any]:
    """The object in a frame's body.

    Raises:
        BadResult: for anything that is not a JSON object.
    """
    try:
        frame = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadResult(f"not JSON: {str(error)[:200]}") from None
    if not isinstance(frame, dict):
        raise BadResult(f"a frame must be a JSON object, not {type(frame).__name__}")
    return frame


class FrameBuffer:
    """Bytes as they arrive, cut into frames."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._bytes = bytearray()

    def feed(self, data: bytes) -> dict[str, Any] | None:
        """Add `data`; the frame if it is complete now.

        Raises:
            BadResult: for a length over the limit, a body that is no JSON object, or bytes after the frame.
        """
        self._bytes += data
        if len(self._bytes) < HEADER.size:
            return None
        (length,) = HEADER.unpack_from(self._bytes)
        if length > self._limit:
            raise BadResult(f"a frame announces {length} bytes, over the limit of {self._limit}")
        if len(self._bytes) < HEADER.size + length:
            return None
        body = bytes(self._bytes[HEADER.size : HEADER.size + length])
        if len(self._bytes) > HEADER.size + length:
            raise BadResult("more bytes than one frame: something else writes to the channel")
        self._bytes.clear()
        return decode(body)


def check_reply(frame: dict[str, Any], expected_id: int) -> dict[str, Any]:
    """`frame` if it is a well-formed reply to request `expected_id`.

    Raises:
        BadResult: naming the field that is wrong.
    """
    if unknown := set(frame) - {"id", "kind", "value", *_TEXT_FIELDS}:
        raise BadResult(f"a reply has unknown fields: {sorted(unknown)[:5]}")
    if type(frame.get("id")) is not int or frame["id"] != expected_id:
        raise BadResult("a reply's id is not the request's")
    if not isinstance(frame.get("kind"), str) or frame["kind"] not in REPORTED:
        raise BadResult("a reply's kind is not one that a worker may report")
    for name in _TEXT_FIELDS:
        text = frame.get(name, "")
        if not isinstance(text, str) or len(text) > _MAX_TEXT:
            raise BadResult(f"a reply's {name} is not a short string")
    if frame["kind"] == "ok" and not isinstance(frame.get("value"), dict):
        raise BadResult("a reply's value is not an object")
    if frame["kind"] != "ok" and frame.get("value") is not None:
        raise BadResult("a reply has a value and an error")
    return frame


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
