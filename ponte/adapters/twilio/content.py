"""Twilio's Content API as ``ponte.ports.Templates``.

https://www.twilio.com/docs/content/content-api-resources
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

from twilio.base.exceptions import TwilioException
from twilio.rest import Client
from twilio.rest.content.v1.content import ContentList
from twilio.rest.content.v1.content_and_approvals import ContentAndApprovalsInstance

from ponte.adapters.twilio.client import open_client
from ponte.adapters.twilio.messenger import refused
from ponte.domain.choices import Choice, as_buttons, digest
from ponte.domain.templates import Template
from ponte.errors import SendUnknown
from ponte.ports import Clock
from ponte.settings import Settings

# Templates change rarely, and each look of a console would be a request.
_FRESH_MS: Final = 60_000
_PAGE: Final = 100
_MOST: Final = 1_000
_CHOICES: Final = "ponte_choices_"


class TwilioTemplates:
    """Reads and makes contents through the official client.

    Args:
        client: a twilio ``Client`` with an asynchronous transport.
        clock: the time: a list is kept for a minute.
    """

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._kept: tuple[int, list[Template]] | None = None

    async def templates(self) -> list[Template]:
        """Return all templates but the questions that Ponte made, by name and language; see the port."""
        now = self._clock.now()
        if self._kept is not None and now - self._kept[0] < _FRESH_MS:
            return self._kept[1]
        try:
            found = await self._client.content.v1.content_and_approvals.list_async(
                page_size=_PAGE, limit=_MOST
            )
        except TwilioException as error:
            refused(error)
        templates = [_template(content) for content in found]
        kept = sorted(
            (t for t in templates if not t.name.startswith(_CHOICES)), key=lambda t: (t.name, t.language)
        )
        self._kept = (now, kept)
        return kept

    async def create_choices(self, body: str, choices: Sequence[Choice], button: str) -> str:
        """Create a question with buttons or a list, and return its sid; see the port."""
        types: dict[str, object]
        if as_buttons(choices):
            actions = [{"type": "QUICK_REPLY", "title": c.title, "id": c.id} for c in choices]
            types = {"twilio/quick-reply": {"body": body, "actions": actions}}
        else:
            items = [{"item": c.title, "id": c.id} for c in choices]
            types = {"twilio/list-picker": {"body": body, "button": button, "items": items}}
        request = ContentList.ContentCreateRequest(
            {
                "friendly_name": f"{_CHOICES}{digest(body, choices, button)[:16]}",
                "language": "en",
                "variables": {},
                "types": _Types(types),
            }
        )
        try:
            made = await self._client.content.v1.contents.create_async(request)
        except TwilioException as error:
            refused(error)
        if not made.sid:
            raise SendUnknown("Twilio's answer carries no ContentSid.")
        return str(made.sid)


class _Types:
    """The request's types as plain JSON: the library's own classes add nulls, which Twilio refuses."""

    def __init__(self, plain: dict[str, object]) -> None:
        self._plain = plain

    def to_dict(self) -> dict[str, object]:
        """Return what is sent."""
        return self._plain


def _template(content: ContentAndApprovalsInstance) -> Template:
    types: Mapping[str, Mapping[str, object]] = content.types or {}
    content_type, parts = next(iter(types.items()), ("", {}))
    approval = content.approval_requests or {}
    return Template(
        sid=str(content.sid),
        name=str(content.friendly_name or content.sid),
        language=str(content.language or ""),
        body=str(parts.get("body") or parts.get("title") or ""),
        samples=tuple((str(name), str(value)) for name, value in (content.variables or {}).items()),
        approval=str(approval.get("status") or "unsubmitted").lower(),
        category=str(approval.get("category") or "").upper(),
        content_type=content_type,
    )


@asynccontextmanager
async def open_templates(settings: Settings, clock: Clock) -> AsyncIterator[TwilioTemplates]:
    """Open the templates of these settings' account; close the connections at the end.

    Raises:
        SettingsError: the Twilio account or its token is missing.
    """
    async with open_client(settings) as client:
        yield TwilioTemplates(client, clock)
