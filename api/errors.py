"""One shape for every error, and the one place that decides which status an error is."""

from __future__ import annotations

import math
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from api.context import ponte_of
from ponte.errors import (
    AidFailed,
    AlreadyClaimed,
    Conflict,
    Forbidden,
    InvalidInput,
    MessengerError,
    NotFound,
    NotHolder,
    PonteError,
    StoreUnavailable,
    Throttled,
    Unauthenticated,
    WrongState,
)

_STATUSES: Final[dict[type[PonteError], tuple[int, str]]] = {
    InvalidInput: (422, "invalid_input"),
    NotFound: (404, "not_found"),
    Unauthenticated: (401, "unauthenticated"),
    Throttled: (429, "throttled"),
    Forbidden: (403, "forbidden"),
    AlreadyClaimed: (409, "already_claimed"),
    NotHolder: (409, "not_holder"),
    WrongState: (409, "wrong_state"),
    Conflict: (409, "conflict"),
    StoreUnavailable: (503, "store_unavailable"),
    MessengerError: (502, "twilio_error"),
    AidFailed: (502, "model_error"),
}
_HTTP_CODES: Final = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
}
_RETRY_STORE_S: Final = 2


def error_response(
    status: int, code: str, message: str, *, headers: dict[str, str] | None = None, **more: object
) -> JSONResponse:
    """Build the answer that every error has: ``{"error": {"code", "message", ...}}``.

    Args:
        status: the HTTP status.
        code: a stable name for programs.
        message: for people: what happened and what to do.
        headers: headers of the answer.
        **more: further fields of the error; None leaves one out.
    """
    error: dict[str, object] = {"code": code, "message": message}
    error.update({name: value for name, value in more.items() if value is not None})
    return JSONResponse({"error": error}, status, headers)


def install_error_handlers(app: FastAPI) -> None:
    """Make ``app`` answer all expected errors in one shape. ``api.middleware`` answers the others."""
    app.add_exception_handler(PonteError, _ponte_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)


async def _ponte_error(request: Request, error: Exception) -> JSONResponse:
    status, code = next(
        (_STATUSES[kind] for kind in type(error).__mro__ if kind in _STATUSES), (0, "internal")
    )
    if not status:
        # Not one that a request should ever meet: ``api.middleware`` logs it and answers 500.
        raise error
    headers: dict[str, str] = {}
    more: dict[str, object] = {}
    if isinstance(error, Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    elif isinstance(error, Throttled):
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_ms / 1000)))
    elif isinstance(error, StoreUnavailable):
        headers["Retry-After"] = str(_RETRY_STORE_S)
    elif isinstance(error, (AlreadyClaimed, NotHolder)) and error.holder_id is not None:
        more["holder"] = {"id": error.holder_id, "name": await _name(request, error.holder_id)}
    message = "The database does not answer. Try again." if status == 503 else str(error)  # noqa: PLR2004 - its own text may name hosts
    return error_response(status, code, message, headers=headers, **more)


async def _name(request: Request, agent_id: str) -> str | None:
    try:
        return (await ponte_of(request).store.agent(agent_id)).name
    except (NotFound, StoreUnavailable):
        return None


async def _validation_error(_request: Request, error: Exception) -> JSONResponse:
    """Name each wrong field; never echo what was sent."""
    found = error.errors() if isinstance(error, RequestValidationError) else []
    fields = [
        {"field": ".".join(str(part) for part in each["loc"]), "message": str(each["msg"])} for each in found
    ]
    return error_response(422, "invalid_input", "Some fields cannot be used; see fields.", fields=fields)


async def _http_error(_request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    headers = dict(error.headers) if isinstance(error, HTTPException) and error.headers else None
    return error_response(status, _HTTP_CODES.get(status, "http_error"), detail, headers=headers)
