"""The door of the console: nothing under ``/agent`` answers without a login, but what the login needs.

Streamlit serves more than the page (health, media, uploads, an agent API, its socket); all of it is behind
this, whatever a later version adds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_console.assets import PREFIX
from agent_console.cookies import token_of
from ponte.accounts import Accounts
from ponte.errors import StoreUnavailable, Unauthenticated

_ROOT: Final = "/agent"
_PAGES: Final = frozenset({_ROOT, f"{_ROOT}/"})
_OPEN: Final = frozenset({f"{_ROOT}/login", f"{_ROOT}/logout"})
# Streamlit's public scripts, styles and fonts: the same for everybody.
_OPEN_FOLDERS: Final = (f"{PREFIX}/", f"{_ROOT}/static/")

# Streamlit needs inline styles, and loads a component's script from a blob.
_POLICY: Final = (
    "default-src 'self'; "
    "script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' blob:; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; "
    "font-src 'self' data:; connect-src 'self'; "
    "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """ASGI middleware: checks the session and adds the security headers.

    Args:
        app: what is behind the door.
        accounts: returns the accounts; called on each request, since they open with the lifespan.
    """

    def __init__(self, app: ASGIApp, accounts: Callable[[], Accounts]) -> None:
        self._app = app
        self._accounts = accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, send it to the login, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if refusal := await self._refusal(scope):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            else:
                await refusal(scope, receive, _with_headers(send))
            return
        await self._app(scope, receive, _with_headers(send))

    async def _refusal(self, scope: Scope) -> Response | None:
        path: str = scope["path"]
        inside = path == _ROOT or path.startswith(f"{_ROOT}/")
        if not inside or path in _OPEN or path.startswith(_OPEN_FOLDERS):
            return None
        connection = HTTPConnection(scope)
        try:
            await self._accounts().who(token_of(connection))
        except Unauthenticated:
            if scope["type"] == "http" and scope["method"] == "GET" and path in _PAGES:
                query = f"?{connection.url.query}" if connection.url.query else ""
                return RedirectResponse(f"{_ROOT}/login{query}", 303, headers={"Cache-Control": "no-store"})
            return PlainTextResponse("Log in first, at /agent/login.", 401)
        except StoreUnavailable:
            return PlainTextResponse("The database does not answer. Try again in a moment.", 503)
        return None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
