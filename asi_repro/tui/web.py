"""The app in a browser: textual-serve runs `asi-repro browse` for each page that is opened.

Whoever can reach the server can use the app, so it listens on this machine only. That alone keeps no other
web page out, as a page of any origin may open a WebSocket to localhost: the origin is checked here, which
textual-serve does not.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from asi_repro.errors import AsiReproError, MissingInput

if TYPE_CHECKING:
    from aiohttp.web import Application, Request, StreamResponse
    from textual_serve.server import Server

HOST = "localhost"
# Scripts and styles are textual-serve's own, some of them within its page; its font from the web is not
# fetched.
_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self' ws:; frame-ancestors 'none'; base-uri 'none'"
)


def command(archive: Path | None, options: Mapping[str, str | None]) -> str:
    """What runs for each page, as a line for the shell; the options are those of `asi-repro browse`."""
    words = [sys.executable, "-m", "asi_repro.cli", "browse"]
    words += [] if archive is None else ["--archive", str(archive.resolve())]
    words += [f"--{name}={value}" for name, value in options.items() if value is not None]
    return shlex.join(words)


def server(port: int, line: str) -> Server:
    """A server of `line` on localhost that answers pages of its own origin only.

    Raises:
        MissingInput: where textual-serve is not installed.
    """
    try:
        from aiohttp import web
        from textual_serve.server import Server
    except ModuleNotFoundError as error:
        raise MissingInput(
            f"the app in a browser needs {error.name}", hint="pip install 'asi-repro[web]'"
        ) from error

    origins = {f"http://{host}:{port}" for host in (HOST, "127.0.0.1", "[::1]")}

    async def add_policy(request: Request, response: StreamResponse) -> None:
        response.headers.setdefault("Content-Security-Policy", _POLICY)

    class OwnPagesOnly(Server):
        async def _make_app(self) -> Application:
            app = await super()._make_app()
            app.on_response_prepare.append(add_policy)
            return app

        async def handle_websocket(self, request: Request) -> web.WebSocketResponse:
            # A program of this machine sends no origin, and could as well start the app itself.
            if request.headers.get("Origin", f"http://{HOST}:{port}") not in origins:
                raise web.HTTPForbidden(text="this page is of another origin")
            return await super().handle_websocket(request)

    return OwnPagesOnly(line, host=HOST, port=port, title="asi-repro browse")


def serve(port: int, *, archive: Path | None = None, **options: str | None) -> None:
    """Serve the app on localhost until ctrl+c.

    Raises:
        AsiReproError: where the port cannot be had.
    """
    served = server(port, command(archive, options))
    try:
        served.serve()
    except OSError as error:
        raise AsiReproError(
            f"cannot serve on port {port}: {error.strerror or error}", hint="take another with --port"
        ) from error
