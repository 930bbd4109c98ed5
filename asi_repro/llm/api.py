"""One call of the Messages API over the anthropic SDK, tried again where it fails for the moment.

The SDK's own retries are off; decision 6 says why (docs/explanation/decisions/0006-own-retries.md).
"""

from __future__ import annotations

import os
import random
import time
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any

import anthropic
import httpx2

from asi_repro.config.llm import LlmSettings, Price
from asi_repro.errors import DataError, MissingInput
from asi_repro.llm.budget import Ledger, Reservation
from asi_repro.llm.concurrency import Slots
from asi_repro.llm.errors import Unreachable
from asi_repro.llm.message import MALFORMED, check_message
from asi_repro.llm.request import with_cache_markers
from asi_repro.llm.usage import Usage, cost, estimate, worst_case
from asi_repro.store.json_text import JsonDict
from asi_repro.text import terminal_safe

_PASSING_STATUS = frozenset({408, 409, 429})
_PASSING_TYPES = frozenset({"overloaded_error", "rate_limit_error", "api_error", "timeout_error"})
_CONNECT_SECONDS = 15.0
_CREDENTIALS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
NO_KEY = "none"
"""What is sent to a server of one's own where no key is set: the SDK sends nothing without one."""


class _Passing(Exception):
    """A failure that may be gone at the next attempt."""

    def __init__(self, said: str, *, wait: float | None = None, malformed: JsonDict | None = None) -> None:
        super().__init__(said)
        self.wait = wait
        self.malformed = malformed


class Api:
    """The way to the API.

    Args:
        settings: attempts, time-outs, caching.
        ledger: that every attempt is reserved in.
        slots: that bound how many calls are under way.
        base_url: of another server than the SDK's default.
        api_key: else the SDK looks for credentials in its own way (ANTHROPIC_API_KEY first). Where there is
            none and another server is named, by `base_url` or ANTHROPIC_BASE_URL, `NO_KEY` is sent.
    """

    def __init__(
        self,
        settings: LlmSettings,
        ledger: Ledger,
        slots: Slots,
        *,
        base_url: str | None,
        api_key: str | None,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._slots = slots
        self._base_url = base_url
        self._api_key = api_key

    def send(self, request: JsonDict, price: Price | None) -> JsonDict:
        """The answer to `request`, with every failed attempt charged to the budget as far as it is known.

        Where the model writes tool inputs that are not JSON, again and again, the SDK gives no message. The
        answer is then one with the stop reason `malformed_tool_input`, so that it is recorded as others are.

        Raises:
            BudgetExceeded: before an attempt that could pass the budget.
            Unreachable: after the last attempt, or at once where the API rejects the request.
            MissingInput: without credentials.
        """
        malformed = 0
        for attempt in range(1, self._settings.attempts + 1):
            try:
                return self._attempt(request, price)
            except _Passing as failure:
                if failure.malformed is not None:
                    malformed += 1
                    if malformed > self._settings.repairs:
                        return failure.malformed
                if attempt == self._settings.attempts:
                    raise Unreachable(
                        f"no answer in {attempt} attempts; the last one: {failure}",
                        hint="look at the network and the API's status, then resume: nothing is asked twice",
                    ) from failure
                time.sleep(self._wait(failure, attempt))
        raise AssertionError("there is at least one attempt")

    def close(self) -> None:
        """Close the connections."""
        if "_client" in self.__dict__:
            self._client.close()

    def _wait(self, failure: _Passing, attempt: int) -> float:
        longest = self._settings.longest_wait
        if failure.wait is None:
            # Jitter, so that workers that failed together do not come back together.
            wait: float = self._settings.first_wait * 2.0 ** (attempt - 1) * random.uniform(0.75, 1.0)
            return min(wait, longest)
        if failure.wait > longest:
            raise Unreachable(
                f"the API asks to wait {failure.wait:.0f} s, longer than llm.longest_wait ({longest:g} s)",
                where=str(failure),
                hint="resume the run later, or raise llm.longest_wait",
            )
        return failure.wait

    def _attempt(self, request: JsonDict, price: Price | None) -> JsonDict:
        worst = worst_case(request)
        with self._slots.one(), self._ledger.reserve(worst.total, cost(worst, price) or 0.0) as reservation:
            # Until the API says more, its input may have been read and charged.
            charge(reservation, Usage(input=worst.cache_write), price)
            return self._stream(request, price, reservation)

    def _stream(self, request: JsonDict, price: Price | None, reservation: Reservation) -> JsonDict:
        arguments = self._arguments(request)
        opened: list[Any] = []
        try:
            return self._read(arguments, opened)
        except Exception as error:
            stream = opened[0] if opened else None
            failure = _translated(error, stream, request)
            if stream is None and isinstance(error, anthropic.APIStatusError):
                charge(reservation, Usage(), price)  # refused before anything was read
            if failure is error:
                raise
            raise failure from error
        finally:
            if opened:
                _charge_stream(reservation, opened[0], price)

    def _read(self, arguments: JsonDict, opened: list[Any]) -> JsonDict:
        deadline = time.monotonic() + self._settings.call_timeout
        with self._client.messages.stream(**arguments) as stream:
            opened.append(stream)
            ended = False
            for event in stream:
                ended = ended or event.type == "message_stop"
                if time.monotonic() > deadline:
                    raise _Passing(f"the answer took longer than {self._settings.call_timeout:g} s")
            message = _so_far(stream)
        if message is not None and ended and message.get("stop_reason") is None:
            calls = any(block.get("type") == "tool_use" for block in message.get("content", ()))
            message["stop_reason"] = "tool_use" if calls else "end_turn"  # some servers do not say
        if message is None or message.get("stop_reason") is None:
            raise _Passing("the connection ended before the answer did")
        return check_message(message, "the API's answer")

    def _arguments(self, request: JsonDict) -> JsonDict:
        arguments = with_cache_markers(request, self._settings)
        output = arguments.get("output_config", {})
        if "format" in output:
            output["format"]["schema"] = anthropic.transform_schema(output["format"]["schema"])
        # The SDK has no argument for it any more, and recent models do not take it.
        if "temperature" in arguments:
            arguments["extra_body"] = {"temperature": arguments.pop("temperature")}
        return arguments

    @cached_property
    def _client(self) -> anthropic.Anthropic:
        own = self._base_url or os.environ.get("ANTHROPIC_BASE_URL")
        key = self._api_key
        if own and not key and not any(os.environ.get(name) for name in _CREDENTIALS):
            key = NO_KEY
        return anthropic.Anthropic(
            api_key=key,
            base_url=self._base_url,
            max_retries=0,
            timeout=anthropic.Timeout(self._settings.idle_timeout, connect=_CONNECT_SECONDS),
        )


def charge(reservation: Reservation, usage: Usage, price: Price | None) -> None:
    """Put what an attempt took into its reservation."""
    reservation.tokens = usage.total
    reservation.usd = cost(usage, price) or 0.0


def _charge_stream(reservation: Reservation, stream: Any, price: Price | None) -> None:
    message = _so_far(stream)
    try:
        usage = Usage.of(check_message({**(message or {}), "stop_reason": "any"}, "the API's answer"))
    except DataError:
        return  # nothing that can be counted came: the estimate stays
    if message is not None and message.get("stop_reason") is None:
        # The count of the output comes last; without it, what came is counted.
        usage += Usage(output=estimate(str(message["content"])))
    charge(reservation, usage, price)


def _malformed(stream: Any, request: JsonDict, said: str) -> JsonDict:
    begun = _so_far(stream) or {}
    return {
        "role": "assistant",
        "model": begun.get("model", request["model"]),
        "content": [{"type": "text", "text": said}],
        "stop_reason": MALFORMED,
        "usage": begun.get("usage", {"input_tokens": 0, "output_tokens": 0}),
    }


def _so_far(stream: Any) -> JsonDict | None:
    try:
        message: JsonDict = stream.current_message_snapshot.to_dict(mode="json")
    except (AssertionError, AttributeError):
        return None  # before the first event
    return message


def _translated(error: Exception, stream: Any, request: JsonDict) -> Exception:
    """What a failure of the SDK, the network or the API means; `error` itself where it is a bug of ours."""
    if isinstance(error, anthropic.APIStatusError):
        return _of_status(error)
    if isinstance(error, (anthropic.APIConnectionError, httpx2.HTTPError)):
        return _Passing(f"{type(error).__name__}: {_first_line(error)}")
    if isinstance(error, DataError):
        return _Passing(error.what)
    no_key = isinstance(error, TypeError) and "authentication" in str(error)
    if no_key or isinstance(error, anthropic.CredentialsError):
        return MissingInput(
            "there is no API key",
            where=_first_line(error),
            hint="set ANTHROPIC_API_KEY, or use the mode replay or the arm operators, which need no key",
        )
    if isinstance(error, ValueError) and "tool parameter JSON" in str(error):
        said = f"the model's tool input is not JSON: {_first_line(error)}"
        return _Passing(said, malformed=_malformed(stream, request, said))
    if isinstance(error, (ValueError, RuntimeError, anthropic.APIResponseValidationError)):
        return _Passing(f"the API's answer is not what it should be: {_first_line(error)}")
    return error


def _of_status(error: Any) -> Exception:
    kind = error.type or ""
    said = f"HTTP {error.status_code} {kind}".strip() + f": {_first_line(error.api_message or error.message)}"
    status = int(error.status_code)
    if status in _PASSING_STATUS or status >= 500 or kind in _PASSING_TYPES:
        return _Passing(said, wait=_retry_after(error.response.headers))
    hints = {
        401: "check ANTHROPIC_API_KEY",
        403: "the key may not use this model or feature",
        404: "check the model's id in params.yaml, llm.roles",
        413: "the request is too large: shorten the prompt",
    }
    return Unreachable(
        f"the API rejected the request: {said}",
        where=f"request {error.request_id}" if error.request_id else None,
        hint=hints.get(status, "check the role's settings in params.yaml, llm.roles"),
    )


def _retry_after(headers: Any) -> float | None:
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            return max(0.0, float(value) * unit)
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
        except (TypeError, ValueError):
            pass
    return None


def _first_line(value: object) -> str:
    lines = terminal_safe(str(value)).splitlines()
    return lines[0][:300] if lines else ""
