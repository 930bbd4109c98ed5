"""The app in a browser: what it serves over HTTP and WebSocket, and a headless Chromium that looks at it."""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from asi_repro.errors import AsiReproError
from asi_repro.tui.theme import DARK
from asi_repro.tui.web import HOST, command, serve

pytest.importorskip("textual_serve")
aiohttp = pytest.importorskip("aiohttp")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_SECONDS = 60


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


@asynccontextmanager
async def serving(root: Path, port: int, home: Path) -> AsyncIterator[Any]:
    """`asi-repro browse --web` in a process of its own, and a client of it."""
    place = ["--archive", str(root / "artifacts" / "archive"), "--port", str(port)]
    process = subprocess.Popen(
        [sys.executable, "-m", "asi_repro.cli", "browse", "--web", *place],
        stdout=subprocess.DEVNULL, env={**os.environ, "XDG_STATE_HOME": str(home)},
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession() as client:
            for _ in range(_SECONDS * 10):
                with suppress(aiohttp.ClientConnectionError):
                    await (await client.get(f"http://{HOST}:{port}/")).read()
                    break
                await asyncio.sleep(0.1)
            yield client
    finally:
        process.terminate()
        process.wait(timeout=_SECONDS)


async def until(socket_: Any, text: str) -> str:
    """What the app writes until `text` is in it."""
    seen = b""
    while text.encode() not in seen:
        message = await socket_.receive(timeout=_SECONDS)
        if message.type == aiohttp.WSMsgType.BINARY:
            seen += message.data
        assert message.type not in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR), seen[-500:]
    return seen.decode(errors="replace")


def test_the_page_shows_the_lineage_and_takes_keys(synthetic_root: Path, port: int, tmp_path: Path) -> None:
    async def go() -> None:
        async with serving(synthetic_root, port, tmp_path) as client:
            async with client.get(f"http://{HOST}:{port}/") as page:
                assert page.status == 200
                assert "default-src 'none'" in page.headers["Content-Security-Policy"]
            address = f"http://{HOST}:{port}/ws?width=100&height=30"
            for origin in ("https://example.org", f"http://example.org:{port}", "null"):
                with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                    await client.ws_connect(address, headers={"Origin": origin})
            own = {"Origin": f"http://{HOST}:{port}"}
            async with client.ws_connect(address, headers=own) as page_socket:
                assert "300 · tree by index" in await until(page_socket, "tree by")
                await page_socket.send_json(["stdin", "7"])
                await until(page_socket, "Nothing to compare yet")
                await page_socket.send_json(["resize", {"width": 60, "height": 20}])
                await page_socket.send_json(["stdin", "1"])
                await until(page_socket, "tree by")

    asyncio.run(go())


def test_a_port_that_is_taken_is_told(port: int) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, port))
        taken.listen()
        with pytest.raises(AsiReproError, match=f"port {port}"):
            serve(port)


def test_the_command_is_quoted() -> None:
    assert command(Path("/a b;rm"), {"at": "x'$(y)", "tab": None}).endswith(
        "--archive '/a b;rm' '--at=x'\"'\"'$(y)'"
    )


class Page:
    """A page of Chromium, driven by its DevTools protocol."""

    def __init__(self, socket_: Any) -> None:
        self._socket, self._calls = socket_, 0

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._calls += 1
        await self._socket.send_json({"id": self._calls, "method": method, "params": parameters})
        while (answer := await self._socket.receive_json()).get("id") != self._calls:
            pass
        return dict(answer["result"])

    async def tab_at(self) -> int | None:
        """The column of pixels where the bar of views has its chosen tab; None where there is no bar."""
        from PIL import Image

        taken = await self.call("Page.captureScreenshot")
        picture = Image.open(BytesIO(base64.b64decode(taken["data"]))).convert("RGB")
        wanted = tuple(bytes.fromhex(DARK.primary[1:]))
        row = [picture.getpixel((x, 3)) for x in range(picture.width)]
        return row.index(wanted) if wanted in row else None

    async def tab_moves_to(self, wanted: range) -> None:
        for _ in range(_SECONDS * 2):
            if (place := await self.tab_at()) is not None and place in wanted:
                return
            await asyncio.sleep(0.5)
        pytest.fail(f"the chosen tab is at {place}")


@asynccontextmanager
async def chromium(client: Any, profile: Path) -> AsyncIterator[Page]:
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--remote-debugging-port=0",
        "--window-size=1280,800",
    ]
    process = subprocess.Popen(
        [str(CHROMIUM), *flags, f"--user-data-dir={profile}", "about:blank"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        said = profile / "DevToolsActivePort"
        for _ in range(_SECONDS * 10):
            if said.is_file() and (words := said.read_text().split()):
                break
            await asyncio.sleep(0.1)
        async with client.get(f"http://127.0.0.1:{words[0]}/json/list") as listed:
            (target, *_) = [one for one in await listed.json() if one["type"] == "page"]
        async with client.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0) as page_socket:
            yield Page(page_socket)
    finally:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_in_a_real_browser(synthetic_root: Path, port: int, tmp_path: Path) -> None:
    async def go() -> None:
        async with (
            serving(synthetic_root, port, tmp_path) as client,
            chromium(client, tmp_path / "c") as page,
        ):
            await page.call("Page.navigate", url=f"http://{HOST}:{port}/")
            await page.tab_moves_to(range(60))
            for kind in ("mousePressed", "mouseReleased"):  # the page has no keys before it is clicked
                await page.call(
                    "Input.dispatchMouseEvent", type=kind, x=300, y=200, button="left", clickCount=1
                )
            for kind, text in (("keyDown", "7"), ("keyUp", "")):
                await page.call("Input.dispatchKeyEvent", type=kind, text=text, key="7")
            await page.tab_moves_to(range(500, 800))

    asyncio.run(go())
