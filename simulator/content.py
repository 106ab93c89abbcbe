"""Content templates: kept, approved and filled in as Twilio does.

See https://www.twilio.com/docs/content/content-api-resources.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.responses import JSONResponse, Response

from simulator.twilio_errors import TwilioError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request

_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_MAX_VARIABLE = 1600
_MAX_TEMPLATES = 1000


@dataclass(slots=True)
class Template:
    """One content template; `types` maps `twilio/text` and the like to their parts."""

    sid: str
    friendly_name: str
    language: str
    variables: dict[str, str]
    types: dict[str, dict[str, object]]
    created_ms: int
    approval: str = "unsubmitted"
    name: str = ""
    category: str = ""


class ContentLibrary:
    """The account's templates.

    Args:
        new_sid: draws a sid with a prefix.
        now_ms: milliseconds since the epoch, UTC.
    """

    def __init__(self, new_sid: Callable[[str], str], now_ms: Callable[[], int]) -> None:
        self._new_sid = new_sid
        self._now_ms = now_ms
        self._templates: dict[str, Template] = {}

    def add(self, data: dict[str, object]) -> Template:
        """Keep a template from the JSON of a create request.

        Raises:
            TwilioError: the language or the types are missing, or there are too many templates (20001).
        """
        types, variables = data.get("types"), data.get("variables") or {}
        if not isinstance(types, dict) or not types or not isinstance(variables, dict):
            raise TwilioError(20001, "A template needs 'types', and 'variables' that map names to samples.")
        if not data.get("language"):
            raise TwilioError(20001, "A template needs a 'language'.")
        if len(self._templates) >= _MAX_TEMPLATES:
            raise TwilioError(20001, "There are too many templates: delete some.")
        template = Template(
            sid=self._new_sid("HX"),
            friendly_name=str(data.get("friendly_name") or ""),
            language=str(data["language"]),
            variables={str(key): str(value) for key, value in variables.items()},
            types={
                name: {key: value for key, value in parts.items() if value is not None}
                for name, parts in types.items()
                if isinstance(parts, dict)
            },
            created_ms=self._now_ms(),
        )
        self._templates[template.sid] = template
        return template

    def get(self, sid: str) -> Template:
        """Return a template.

        Raises:
            TwilioError: there is none with this sid (20404).
        """
        if sid not in self._templates:
            raise TwilioError(20404)
        return self._templates[sid]

    def all(self) -> list[Template]:
        """Return every template, newest first."""
        return list(reversed(self._templates.values()))

    def remove(self, sid: str) -> None:
        """Forget a template."""
        self.get(sid)
        del self._templates[sid]

    def render(self, sid: str, variables: str | None) -> tuple[str, list[str], bool]:
        """Fill a template in.

        Args:
            sid: the ContentSid.
            variables: the ContentVariables, a JSON object of texts, or None.

        Returns:
            The text, the media URLs, and whether the template is approved.

        Raises:
            TwilioError: an unknown sid (21655), or bad (21656) or too long (21658) variables.
        """
        template = self._templates.get(sid)
        if template is None:
            raise TwilioError(21655)
        values = template.variables | _read_variables(variables)
        parts = next(iter(template.types.values()), {})

        def fill(text: str) -> str:
            return _VARIABLE.sub(lambda match: values.get(match[1], match[0]), text)

        body = parts.get("body") or parts.get("title") or ""
        media = parts.get("media") or []
        urls = media if isinstance(media, list) else [media]
        return fill(str(body)), [fill(str(url)) for url in urls], template.approval == "approved"


def _read_variables(text: str | None) -> dict[str, str]:
    if not text:
        return {}
    try:
        values = json.loads(text)
    except ValueError as error:
        raise TwilioError(21656) from error
    if not isinstance(values, dict) or not all(isinstance(value, str) and value for value in values.values()):
        raise TwilioError(21656)
    if any(len(value) > _MAX_VARIABLE for value in values.values()):
        raise TwilioError(21658)
    return values


class ContentRoutes:
    """The endpoints of the content product.

    Args:
        library: holds the templates.
        account_sid: the account they belong to.
    """

    def __init__(self, library: ContentLibrary, account_sid: str) -> None:
        self._library = library
        self._account = account_sid

    def table(self) -> list[tuple[str, str, Callable[[Request], Awaitable[Response]]]]:
        """Return verb, path and handler of each endpoint."""
        return [
            ("POST", "/v1/Content", self._create),
            ("GET", "/v1/Content", self._list),
            ("GET", "/v1/ContentAndApprovals", self._list_with_approvals),
            ("GET", "/v1/Content/{sid}", self._fetch),
            ("DELETE", "/v1/Content/{sid}", self._delete),
            ("GET", "/v1/Content/{sid}/ApprovalRequests", self._approval),
            ("POST", "/v1/Content/{sid}/ApprovalRequests/whatsapp", self._approve),
        ]

    async def _create(self, request: Request) -> Response:
        return JSONResponse(self._record(self._library.add(await _read_json(request))), 201)

    async def _list(self, request: Request) -> Response:
        return JSONResponse(self._page(request, [self._record(item) for item in self._library.all()]))

    async def _list_with_approvals(self, request: Request) -> Response:
        records = [
            self._record(item) | {"approval_requests": _approval(item)} for item in self._library.all()
        ]
        return JSONResponse(self._page(request, records))

    async def _fetch(self, request: Request) -> Response:
        return JSONResponse(self._record(self._library.get(request.path_params["sid"])))

    async def _delete(self, request: Request) -> Response:
        self._library.remove(request.path_params["sid"])
        return Response(status_code=204)

    async def _approval(self, request: Request) -> Response:
        item = self._library.get(request.path_params["sid"])
        url = str(request.url)
        answer = {"sid": item.sid, "account_sid": self._account, "whatsapp": _approval(item), "url": url}
        return JSONResponse(answer)

    async def _approve(self, request: Request) -> Response:
        """Approve at once; WhatsApp's reviewers take minutes to days."""
        item = self._library.get(request.path_params["sid"])
        data = await _read_json(request)
        item.name, item.category = str(data.get("name") or ""), str(data.get("category") or "UTILITY")
        item.approval = "approved"
        return JSONResponse(_approval(item), 201)

    def _page(self, request: Request, records: list[dict[str, object]]) -> dict[str, object]:
        url = str(request.url)
        meta = {
            "page": 0,
            "page_size": max(50, len(records)),
            "first_page_url": url,
            "previous_page_url": None,
            "url": url,
            "next_page_url": None,
            "key": "contents",
        }
        return {"contents": records, "meta": meta}

    def _record(self, item: Template) -> dict[str, object]:
        made = datetime.fromtimestamp(item.created_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "sid": item.sid,
            "account_sid": self._account,
            "friendly_name": item.friendly_name,
            "language": item.language,
            "variables": item.variables,
            "types": item.types,
            "date_created": made,
            "date_updated": made,
            "url": f"/v1/Content/{item.sid}",
            "links": {"approval_fetch": f"/v1/Content/{item.sid}/ApprovalRequests"},
        }


def _approval(item: Template) -> dict[str, object]:
    return {
        "name": item.name,
        "category": item.category,
        "content_type": next(iter(item.types), ""),
        "status": item.approval,
        "rejection_reason": "",
        "allow_category_change": False,
    }


async def _read_json(request: Request) -> dict[str, object]:
    try:
        data = json.loads(await request.body())
    except ValueError as error:
        raise TwilioError(20001, "The body is not JSON.") from error
    if not isinstance(data, dict):
        raise TwilioError(20001, "The body is not a JSON object.")
    return data
