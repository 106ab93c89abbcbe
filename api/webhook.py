"""Twilio's webhooks: customers' messages, and what became of ours.

The routes are plain request handlers, without FastAPI's parameter machinery, because Twilio waits and the
customer with it: https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from time import perf_counter
from typing import Any, Final
from urllib.parse import parse_qsl

import structlog
from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from api.context import ponte_of
from ponte.adapters.twilio.webhook import SignatureCheck, parse_form
from ponte.bootstrap import Ponte
from ponte.errors import InvalidInput, StoreUnavailable
from ponte.logs import bind_correlation
from ponte.settings import Settings

log = structlog.get_logger(__name__)

# Twilio's own limit for a message is 1600 characters and ten files; all of it fits many times over.
MAX_BYTES: Final = 64 * 1024
LIMITS: Final = {"/webhook": MAX_BYTES, "/webhook/status": MAX_BYTES}

_MAX_FIELDS: Final = 300
_FORM: Final = "application/x-www-form-urlencoded"
_NO_ANSWER: Final = b'<?xml version="1.0" encoding="UTF-8"?><Response/>'

Form = list[tuple[str, str]]
Work = Callable[[Ponte, Request, Form], Awaitable[Response]]


class _PlainRoute(APIRoute):
    """A route that hands the request to its function as it is, and is documented all the same."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:  # FastAPI's types
        """Return the function itself."""
        return self.endpoint


class _Refused(Exception):
    """A request that is not Twilio's, or cannot be read."""

    def __init__(self, status: int, reason: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.reason = reason


class Webhooks:
    """Checks what comes in as Twilio's, and hands on what is.

    Args:
        settings: the Twilio secret and our public address. Without a secret nothing can be checked, so
            everything is refused.
    """

    def __init__(self, settings: Settings) -> None:
        token = settings.twilio_auth_token.get_secret_value()
        self._check = SignatureCheck(token, settings.base_url) if token else None

    async def message(self, request: Request) -> Response:
        """Store a customer's message and answer at once."""
        begun = perf_counter()
        response = await self._handle(request, _take_in)
        if response.status_code == 200:  # noqa: PLR2004 - the only success
            ponte_of(request).metrics.acknowledge.observe(perf_counter() - begun)
        return response

    async def status(self, request: Request) -> Response:
        """Record what became of a message of ours."""
        return await self._handle(request, _update)

    async def _handle(self, request: Request, work: Work) -> Response:
        ponte = ponte_of(request)
        try:
            form = await self._checked(request)
            with bind_correlation(_first(form, "MessageSid") or "webhook"):
                return await work(ponte, request, form)
        except _Refused as refused:
            status, reason, text = refused.status, refused.reason, str(refused)
        except InvalidInput as error:
            status, reason, text = 400, "malformed", str(error)
        except StoreUnavailable as error:
            log.error("webhook_not_stored", error=str(error))  # noqa: TRY400 - an outage needs no traceback a message
            status, reason, text = 503, "unavailable", "Nothing was stored. Send it again."
        ponte.metrics.rejected.labels(reason).inc()
        log.warning("webhook_refused", reason=reason, status=status)
        return PlainTextResponse(text, status)

    async def _checked(self, request: Request) -> Form:
        """Return the fields of a request that is Twilio's. Raises _Refused for any other."""
        signature = request.headers.get("x-twilio-signature")
        if self._check is None or not signature:
            raise _Refused(403, "no_signature", "This is for Twilio: the signature is missing.")
        is_form = request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
        try:
            body = await request.body()
            form = parse_fields(body) if is_form else []
        except HTTPException as error:
            raise _Refused(error.status_code, "too_large", error.detail) from None
        except ValueError:
            raise _Refused(400, "malformed", f"The form has more than {_MAX_FIELDS} fields.") from None
        if not self._check.valid(_signed_path(request), form, signature):
            raise _Refused(
                403,
                "bad_signature",
                "The signature does not fit. Check TWILIO_AUTH_TOKEN, and that BASE_URL is the address that "
                "Twilio calls.",
            )
        if not is_form:
            raise _Refused(400, "malformed", f"Send the fields as {_FORM}.")
        return form


def webhook_router(settings: Settings) -> APIRouter:
    """Build the routes of Twilio's webhooks."""
    webhooks = Webhooks(settings)
    router = APIRouter(tags=["Twilio"], route_class=_PlainRoute)
    router.add_api_route(
        "/webhook",
        webhooks.message,
        methods=["POST"],
        summary="A customer's message",
        description=(
            "Called by Twilio for each message of a customer. It is stored before the answer; the worker "
            "answers the customer later. A MessageSid that was stored before changes nothing."
        ),
        response_class=Response,
        openapi_extra=_document("MessageSid", "From", "To", "Body", "NumMedia", "ProfileName", "WaId"),
        responses={
            200: {"description": "Stored; empty TwiML.", "content": {"text/xml": {"example": "<Response/>"}}},
            **_REFUSALS,
        },
    )
    router.add_api_route(
        "/webhook/status",
        webhooks.status,
        methods=["POST"],
        summary="A delivery status",
        description=(
            "Called by Twilio when one of our messages is sent, delivered, read or failed. Statuses only "
            "move forward; one for an unknown message is accepted and changes nothing."
        ),
        status_code=204,
        response_class=Response,
        openapi_extra=_document("MessageSid", "MessageStatus", "ErrorCode", query="m"),
        responses={204: {"description": "Recorded, or nothing to record."}, **_REFUSALS},
    )
    return router


async def _take_in(ponte: Ponte, _request: Request, form: Form) -> Response:
    await ponte.intake.accept(parse_form(form, ponte.clock.now()))
    return Response(_NO_ANSWER, media_type="text/xml")


async def _update(ponte: Ponte, request: Request, form: Form) -> Response:
    sid = _first(form, "MessageSid") or _first(form, "SmsSid")
    status = _first(form, "MessageStatus") or _first(form, "SmsStatus")
    if not sid or not status:
        raise InvalidInput("MessageSid and MessageStatus are needed.")
    code = _first(form, "ErrorCode")
    try:
        await ponte.intake.status(
            sid=sid,
            twilio_status=status,
            error_code=int(code) if code.isascii() and code.isdigit() and len(code) < 10 else None,  # noqa: PLR2004 - far longer than Twilio's codes
            reference=request.query_params.get("m") or None,
        )
    except InvalidInput:
        # A status that Twilio invents later must not raise alarms in Twilio's log.
        log.warning("status_ignored", status=status[:20])
    return Response(status_code=204)


def parse_fields(body: bytes) -> Form:
    """Read the fields, repeated and empty ones too. Raises ValueError on too many.

    What is not UTF-8 is replaced: Twilio sends none, so the signature will not fit.
    """
    return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MAX_FIELDS)


def _first(form: Form, name: str) -> str:
    return next((value for key, value in form if key == name), "")


def _signed_path(request: Request) -> str:
    """Return path and query exactly as they were called: that is what Twilio signed."""
    scope = request.scope
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return (raw + b"?" + query if query else raw).decode("latin-1")


def _document(*fields: str, query: str | None = None) -> dict[str, Any]:  # OpenAPI is free-form JSON
    """Describe a webhook's request for the OpenAPI document."""
    described: dict[str, Any] = {
        "requestBody": {
            "required": True,
            "description": "Twilio's fields; others are kept as they come. At most 64 KB.",
            "content": {
                _FORM: {
                    "schema": {
                        "type": "object",
                        "properties": {name: {"type": "string"} for name in fields},
                        "required": ["MessageSid"],
                    }
                }
            },
        },
        "parameters": [
            {
                "name": "X-Twilio-Signature",
                "in": "header",
                "required": True,
                "description": "https://www.twilio.com/docs/usage/security#validating-requests",
                "schema": {"type": "string"},
            }
        ],
    }
    if query:
        described["parameters"].append(
            {
                "name": query,
                "in": "query",
                "required": False,
                "description": "Our message's id.",
                "schema": {"type": "string"},
            }
        )
    return described


_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"description": description, "content": {"text/plain": {"schema": {"type": "string"}}}}
    for status, description in {
        400: "Signed by Twilio, but not usable.",
        403: "Not signed, or not by Twilio.",
        413: "Larger than 64 KB.",
        503: "Not stored; Twilio tries again.",
    }.items()
}
