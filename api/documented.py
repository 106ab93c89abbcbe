"""The errors of a route, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from api.schemas import ErrorOut

_DESCRIPTIONS: Final = {
    400: "The request cannot be read.",
    401: "No session, or one that ended. Log in again.",
    403: "The role may not do this.",
    404: "No such conversation, message or agent.",
    409: "The state does not allow it, or somebody else was first; `holder` says who.",
    413: "The body is too large.",
    422: "Some fields cannot be used.",
    429: "Too many tries; Retry-After says how many seconds to wait.",
    502: "Twilio does not answer, or refuses. Try again.",
    503: "The database does not answer. Try again.",
}


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:  # FastAPI's type for `responses`
    """Return the documentation of these error statuses."""
    return {status: {"model": ErrorOut, "description": _DESCRIPTIONS[status]} for status in statuses}
