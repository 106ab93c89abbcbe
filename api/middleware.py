"""What every request passes: a correlation id, a size limit, safe headers, and an end to unknown errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import error_response
from ponte.logs import bind_correlation, current_correlation, new_correlation

log = structlog.get_logger(__name__)

# A reply of 16,000 characters, each written as a JSON escape of a surrogate pair, and room to spare.
DEFAULT_LIMIT: Final = 256 * 1024

_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_SAFE_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)


class Edge:
    """The outermost layer, as plain ASGI: it costs a few microseconds, and leaves streams alone.

    Args:
        app: the application.
        limits: the most bytes of a request's body, by path, or by its last part as in ``*/voice``;
            ``DEFAULT_LIMIT`` for all other paths.
    """

    def __init__(self, app: ASGIApp, limits: Mapping[str, int]) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared, request_id = _read_headers(scope)
        answer = _Answer(send, request_id.encode())
        path: str = scope["path"]
        ending = self._limits.get(f"*/{path.rpartition('/')[2]}", DEFAULT_LIMIT)
        limit = self._limits.get(path, ending)
        with bind_correlation(request_id):
            try:
                await self._app(scope, _limited(receive, declared, limit), answer)
            except ClientDisconnect:
                log.info("client_gone", method=scope["method"], path=scope["path"])
            except Exception:
                # The edge: whatever nobody expected becomes a 500 that says nothing but where to look.
                log.exception("request_failed", method=scope["method"], path=scope["path"])
                if answer.started:
                    raise
                response = error_response(
                    500,
                    "internal",
                    "Something went wrong here. Try again, or tell the operator this correlation id.",
                    correlation_id=current_correlation(),
                )
                await response(scope, receive, answer)


class _Answer:
    """Adds the headers to the answer, where it has none of that name."""

    def __init__(self, send: Send, request_id: bytes) -> None:
        self._send = send
        self._request_id = request_id
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = list(message.get("headers", ()))
            present = {name for name, _ in headers}
            headers += [header for header in _SAFE_HEADERS if header[0] not in present]
            headers.append((b"x-request-id", self._request_id))
            message["headers"] = headers
        await self._send(message)


def _read_headers(scope: Scope) -> tuple[int, str]:
    """Return the declared length of the body (0 when none) and the request's id."""
    declared, request_id = 0, ""
    for name, value in scope["headers"]:
        if name == b"content-length":
            declared = int(value) if value.isdigit() else 0
        elif name == b"x-request-id" and _REQUEST_ID.fullmatch(value):
            request_id = value.decode()
    return declared, request_id or new_correlation()


def _limited(receive: Receive, declared: int, limit: int) -> Receive:
    """Return a ``receive`` that refuses a body over ``limit``, as soon as somebody begins to read it.

    Not earlier: an unsigned webhook is refused for that, whatever its size.
    """
    read = 0

    async def receive_limited() -> Message:
        nonlocal read
        if declared > limit:
            raise _too_large(limit)
        message = await receive()
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
            if read > limit:
                raise _too_large(limit)
        return message

    return receive_limited


def _too_large(limit: int) -> HTTPException:
    # The rest of the body stays unread, so the connection cannot be used again.
    return HTTPException(413, f"The body is larger than {limit} bytes.", headers={"Connection": "close"})
