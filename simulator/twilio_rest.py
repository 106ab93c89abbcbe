"""Twilio's REST API for messages and typing, as the twilio helper library calls it.

One host serves what Twilio spreads over `api`, `messaging` and `content`: point the `base_url` of each here.
See https://www.twilio.com/docs/messaging/api/message-resource.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hmac
import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.content import ContentLibrary, ContentRoutes
from simulator.faults import FaultKind
from simulator.forms import API_VERSION, media_path
from simulator.outbound import Draft
from simulator.paging import list_messages
from simulator.records import wa_id_of
from simulator.twilio_errors import TwilioError, error_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

    from simulator.faults import Scope
    from simulator.network import Network
    from simulator.records import Message

    Handler = Callable[[Request], Awaitable[Response]]
    Form = dict[str, list[str]]

_MAX_BODY = 1600
_MAX_MEDIA = 10
_HOLD_MS = 60_000


class TwilioRoutes:
    """The REST endpoints of one account.

    Args:
        network: where messages go.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._account = network.config.account_sid
        self._credentials = f"{self._account}:{network.config.auth_token}".encode()
        self._library = ContentLibrary(network.ledger.new_sid, lambda: network.now_ms)

    def routes(self) -> list[Route]:
        """Return the routes, each behind Basic auth."""
        messages = f"/{API_VERSION}/Accounts/{{account}}/Messages"
        content = ContentRoutes(self._library, self._account)
        table: list[tuple[str, str, Handler]] = [
            ("GET", f"{messages}.json", self._list),
            ("GET", f"{messages}/{{sid}}.json", self._fetch),
            ("DELETE", f"{messages}/{{sid}}.json", self._delete),
            ("GET", f"{messages}/{{sid}}/Media.json", self._list_media),
            ("GET", f"{messages}/{{sid}}/Media/{{media}}.json", self._media_record),
            ("GET", f"{messages}/{{sid}}/Media/{{media}}", self._media_content),
            ("POST", "/v2/Indicators/Typing.json", self._typing),
            *content.table(),
        ]
        routes = [Route(path, self._guard(handler, "all"), methods=[verb]) for verb, path, handler in table]
        send = Route(f"{messages}.json", self._guard(self._send, "messages"), methods=["POST"])
        return [send, *routes]

    def _guard(self, handler: Handler, scope: Scope) -> Handler:
        async def guarded(request: Request) -> Response:
            try:
                self._authenticate(request)
                if scope == "all":
                    await self._misbehave(request, "all", None)
                return await handler(request)
            except TwilioError as error:
                return error.response()

        return guarded

    def _authenticate(self, request: Request) -> None:
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        try:
            given = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            given = b""
        if scheme.lower() != "basic" or not hmac.compare_digest(given, self._credentials):
            raise TwilioError(20003)
        if request.path_params.get("account", self._account) != self._account:
            raise TwilioError(20404)

    async def _misbehave(self, request: Request, scope: Scope, wa_id: str | None) -> None:
        faults = self._network.faults
        if fault := faults.draw(FaultKind.OUTBOUND_HANG, wa_id=wa_id, scope=scope):
            await self._hold(request, fault.delay_ms)
            raise TwilioError(20500)
        if faults.draw(FaultKind.OUTBOUND_429, wa_id=wa_id, scope=scope):
            raise TwilioError(20429)
        if faults.draw(FaultKind.OUTBOUND_500, wa_id=wa_id, scope=scope):
            raise TwilioError(20500)

    async def _hold(self, request: Request, milliseconds: int | None) -> None:
        """Answer nothing until the client gives up, the time is over, or the simulator stops."""
        await request.body()  # what is received after the body is the client's leaving
        waits = {
            asyncio.ensure_future(request.receive()),
            asyncio.ensure_future(self._network.closing.wait()),
        }
        try:
            seconds = (milliseconds or _HOLD_MS) / 1000
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    async def _send(self, request: Request) -> Response:
        form = await read_form(request)
        draft = self._draft(form)
        await self._misbehave(request, "messages", draft.wa_id)
        faults = self._network.faults
        if faults.draw(FaultKind.OUTBOUND_21610, wa_id=draft.wa_id):
            raise TwilioError(21610)
        message = self._network.outbound.accept(draft)
        if fault := faults.draw(FaultKind.OUTBOUND_LOST_ANSWER, wa_id=draft.wa_id):
            await self._hold(request, fault.delay_ms)
            raise TwilioError(20500)
        return JSONResponse(self.record(message), 201)

    def _draft(self, form: Form) -> Draft:
        recipient, sender = _one(form, "To"), _one(form, "From")
        if not recipient:
            raise TwilioError(21604)
        if not sender:
            raise TwilioError(21603)
        if sender.startswith("whatsapp:") != recipient.startswith("whatsapp:"):
            raise TwilioError(21910)
        wa_id = wa_id_of(recipient)
        if wa_id is None:
            raise TwilioError(21211, f"Invalid 'To' Phone Number: {recipient}")
        if sender != self._network.config.business_number:
            raise TwilioError(63007)
        callback = _one(form, "StatusCallback")
        if callback is not None and not _is_url(callback):
            raise TwilioError(21609)
        body, media_urls, approved = self._contents(form)
        return Draft(
            wa_id=wa_id,
            recipient=recipient,
            sender=sender,
            body=body,
            media_urls=media_urls,
            content=_one(form, "ContentSid") is not None,
            template_approved=approved,
            status_callback=callback,
        )

    def _contents(self, form: Form) -> tuple[str, list[str], bool]:
        body, media_urls = _one(form, "Body"), form.get("MediaUrl", [])
        if content_sid := _one(form, "ContentSid"):
            body, media_urls, approved = self._library.render(content_sid, _one(form, "ContentVariables"))
        else:
            approved = False
        if body is None and not media_urls:
            raise TwilioError(21619)
        if not (body or "").strip() and not media_urls:
            raise TwilioError(21602)
        if len(body or "") > _MAX_BODY:
            raise TwilioError(21617)
        if len(media_urls) > _MAX_MEDIA:
            raise TwilioError(21623)
        if not all(_is_url(url) for url in media_urls):
            raise TwilioError(21620)
        return body or "", media_urls, approved

    async def _list(self, request: Request) -> Response:
        return JSONResponse(list_messages(self._network.ledger, request, self.record))

    def _found(self, request: Request) -> Message:
        message = self._network.ledger.message(request.path_params["sid"])
        if message is None:
            raise TwilioError(20404, f"The requested resource {request.url.path} was not found")
        return message

    async def _fetch(self, request: Request) -> Response:
        return JSONResponse(self.record(self._found(request)))

    async def _delete(self, request: Request) -> Response:
        self._network.ledger.remove(self._found(request).sid)
        return Response(status_code=204)

    async def _list_media(self, request: Request) -> Response:
        message = self._found(request)
        items = [self._media_json(message, item.sid) for item in message.media]
        path = request.url.path
        page = {"media_list": items, "page": 0, "page_size": 50, "start": 0, "end": max(0, len(items) - 1)}
        links = {"uri": path, "first_page_uri": path, "next_page_uri": None, "previous_page_uri": None}
        return JSONResponse(page | links)

    async def _media_record(self, request: Request) -> Response:
        return JSONResponse(self._media_json(self._found(request), request.path_params["media"]))

    async def _media_content(self, request: Request) -> Response:
        """Redirect to a signed address that needs, and must get, no credentials."""
        message, sid = self._found(request), request.path_params["media"]
        self._media_json(message, sid)
        signature = media_signature(self._network.config.auth_token, sid)
        base = self._network.public_url or str(request.base_url).rstrip("/")
        return Response(
            status_code=307, headers={"Location": f"{base}/cdn/{self._account}/{sid}?Signature={signature}"}
        )

    def _media_json(self, message: Message, media_sid: str) -> dict[str, object]:
        for item in message.media:
            if item.sid == media_sid and item.data:
                return {
                    "sid": item.sid,
                    "account_sid": self._account,
                    "parent_sid": message.sid,
                    "content_type": item.content_type,
                    "date_created": _rfc2822(item.created_ms),
                    "date_updated": _rfc2822(item.created_ms),
                    "uri": media_path(self._account, message.sid, item.sid) + ".json",
                }
        raise TwilioError(20404)

    async def _typing(self, request: Request) -> Response:
        form = await read_form(request)
        if _one(form, "channel") != "whatsapp":
            raise TwilioError(20001, "The channel must be 'whatsapp'.")
        if not self._network.typing(_one(form, "messageId") or ""):
            raise TwilioError(20404, "No inbound WhatsApp message has this messageId.")
        return JSONResponse({"success": True})

    def record(self, message: Message) -> dict[str, object]:
        """Return a message in the form of Twilio's API."""
        uri = f"/{API_VERSION}/Accounts/{self._account}/Messages/{message.sid}"
        return {
            "sid": message.sid,
            "account_sid": self._account,
            "api_version": API_VERSION,
            "messaging_service_sid": None,
            "from": message.sender,
            "to": message.recipient,
            "body": message.body,
            "direction": "inbound" if message.direction == "inbound" else "outbound-api",
            "status": message.status,
            "num_segments": "1",
            "num_media": str(len(message.media)),
            "price": None,
            "price_unit": None,
            "error_code": message.error_code,
            "error_message": error_text(message.error_code),
            "date_created": _rfc2822(message.created_ms),
            "date_sent": None if message.sent_ms is None else _rfc2822(message.sent_ms),
            "date_updated": _rfc2822(message.updated_ms),
            "uri": f"{uri}.json",
            "subresource_uris": {"media": f"{uri}/Media.json"},
        }


async def read_form(request: Request) -> Form:
    """Read an urlencoded body; repeated keys keep every value."""
    body = await request.body()
    try:
        return parse_qs(body.decode(), keep_blank_values=True)
    except (UnicodeDecodeError, ValueError) as error:
        raise TwilioError(20001, "The body is not a form in UTF-8.") from error


def media_signature(auth_token: str, media_sid: str) -> str:
    """Return the signature that opens a file's direct address."""
    return hmac.new(auth_token.encode(), json.dumps(["media", media_sid]).encode(), "sha256").hexdigest()


def _one(form: Form, name: str) -> str | None:
    found = form.get(name)
    return found[-1] if found else None


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _rfc2822(milliseconds: int) -> str:
    return format_datetime(datetime.fromtimestamp(milliseconds // 1000, UTC))
