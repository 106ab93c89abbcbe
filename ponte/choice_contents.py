"""Twilio contents for questions with choices: each made once, and remembered by what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from ponte.domain.choices import Choice, as_buttons, digest, sendable
from ponte.errors import MessengerError
from ponte.ports import LeaseStore, Templates

log = structlog.get_logger(__name__)

_BUTTON: Final[Mapping[str, str]] = {"pt-BR": "Ver opções", "es": "Ver opciones", "en": "See options"}
_REFUSED: Final = "-"


class ChoiceContents:
    """Finds or makes the content of a question.

    Args:
        store: remembers the contents by the hash of what is in them.
        templates: makes them; None: every question goes out as a numbered text.
    """

    def __init__(self, store: LeaseStore, templates: Templates | None) -> None:
        self._store = store
        self._templates = templates

    async def sid_for(self, body: str, choices: Sequence[Choice], language: str) -> str | None:
        """Return the ContentSid of a question; None when it has to go out as a numbered text."""
        if self._templates is None or not sendable(body):
            return None
        button = "" if as_buttons(choices) else _BUTTON.get(language, _BUTTON["en"])
        name = _name(body, choices, button)
        known = await self._store.get_value(name)
        if known is not None:
            return None if known == _REFUSED else known
        try:
            sid = await self._templates.create_choices(body, choices, button)
        except MessengerError as error:
            log.warning("choices_as_text", code=error.code, error=str(error))
            return None
        await self._store.set_value(name, sid)
        return sid

    async def refuse(self, body: str, choices: Sequence[Choice], language: str) -> None:
        """Remember that Twilio does not send this content: its question is a numbered text from now on."""
        button = "" if as_buttons(choices) else _BUTTON.get(language, _BUTTON["en"])
        await self._store.set_value(_name(body, choices, button), _REFUSED)


def _name(body: str, choices: Sequence[Choice], button: str) -> str:
    return f"content.{digest(body, choices, button)}"
