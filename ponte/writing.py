"""Help for agents who write: drafts, translations and briefs. Nothing of it is sent by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ponte.domain.agent import Agent, Permission
from ponte.domain.conversation import Conversation
from ponte.domain.message import Author, Kind, Message
from ponte.domain.office import CannedReply, OfficeKind, canned_from, filled
from ponte.errors import Forbidden, InvalidInput
from ponte.ports import Draft, Store, WritingAid

_READ: Final = 40
MAX_TEXT: Final = 4_000
"""The most characters that are translated at once."""
MAX_MESSAGES: Final = 50
"""The most messages that are translated at once."""
_BRIEF: Final = 500
_SAID: Final = 3
_NO_AID = "No language model is set, so nothing can be drafted or translated. Set OPENAI_API_KEY."


@dataclass(frozen=True, slots=True)
class Translated:
    """A text in another language, given as a BCP 47 tag."""

    text: str
    language: str


class WritingDesk:
    """What an agent may ask for while writing.

    Every method raises Forbidden for a role that may not, and NotFound for an unknown conversation.

    Args:
        store: where conversations are.
        aid: the language model; None where none is set.
    """

    def __init__(self, store: Store, aid: WritingAid | None) -> None:
        self._store = store
        self._aid = aid

    @property
    def available(self) -> bool:
        """Whether there is a language model to help."""
        return self._aid is not None

    async def draft(self, agent: Agent, conversation_id: str) -> Draft:
        """Return an answer to what the customer said last, for the agent to change and send.

        Raises:
            InvalidInput: no language model is set, or the customer has said nothing.
            AidFailed: the model did not answer.
        """
        _permit(agent, Permission.WORK)
        aid = self._need()
        current, messages = await self._read(conversation_id)
        if not any(m.author is Author.CUSTOMER for m in messages):
            raise InvalidInput("The customer has said nothing yet that could be answered.")
        return await aid.draft(messages, await self._language(current))

    async def translate(
        self, agent: Agent, conversation_id: str, message_ids: Sequence[str], language: str
    ) -> dict[str, str]:
        """Return messages of a conversation in the agent's language, by id; those without text are left out.

        Raises:
            InvalidInput: no language model is set, or too many messages are asked for.
            AidFailed: the model did not answer for any of them.
        """
        _permit(agent, Permission.READ)
        aid = self._need()
        wanted = list(dict.fromkeys(message_ids))
        if not 0 < len(wanted) <= MAX_MESSAGES:
            raise InvalidInput(f"Name 1 to {MAX_MESSAGES} messages.")
        await self._store.conversation(conversation_id)
        found = [await self._store.message(message_id) for message_id in wanted]
        texts = {m.id: text for m in found if m.conversation_id == conversation_id and (text := _text(m))}
        done = await asyncio.gather(
            *(aid.translate(text[:MAX_TEXT], language) for text in texts.values()), return_exceptions=True
        )
        translated = {i: text for i, text in zip(texts, done, strict=True) if isinstance(text, str)}
        failures = [failure for failure in done if isinstance(failure, BaseException)]
        if failures and not translated:
            raise failures[0]
        return translated

    async def into_customers(self, agent: Agent, conversation_id: str, text: str) -> Translated:
        """Return the agent's text in the customer's language, for the agent to look at before it is sent.

        Raises:
            InvalidInput: no language model is set, or the text is empty or too long.
            AidFailed: the model did not answer.
        """
        _permit(agent, Permission.WORK)
        aid = self._need()
        if not 0 < len(text.strip()) <= MAX_TEXT:
            raise InvalidInput(f"A text to translate has 1 to {MAX_TEXT} characters.")
        current = await self._store.conversation(conversation_id)
        language = await self._language(current)
        return Translated(await aid.translate(text.strip(), language), language)

    async def brief(self, agent: Agent, conversation_id: str, language: str) -> str:
        """Return what the bot might have to know after the human stretch, for the agent to change.

        Without a language model, and where it does not answer, it is what the agents said last.

        Raises:
            AidFailed: never; see above.
        """
        _permit(agent, Permission.WORK)
        current, messages = await self._read(conversation_id)
        simple = simple_brief(current, messages)
        if self._aid is None or not simple:
            return simple
        stretch = [m for m in messages if m.seq > current.handoff_seq]
        found = await asyncio.gather(self._aid.brief(stretch, language), return_exceptions=True)
        return found[0] if isinstance(found[0], str) else simple

    async def canned(self, agent: Agent, conversation_id: str) -> list[CannedReply]:
        """Return the canned replies with their variables filled in, those in the customer's language first.

        Within a language they are in order of their shortcuts. A variable that has no value stays as it is.
        """
        _permit(agent, Permission.WORK)
        current = await self._store.conversation(conversation_id)
        contact, items = await asyncio.gather(
            self._store.contact(current.contact_id), self._store.office(OfficeKind.CANNED)
        )
        name = (contact.name or "").strip()
        values = {
            "name": name,
            "first_name": name.partition(" ")[0],
            "number": contact.address.removeprefix("whatsapp:"),
            "agent": agent.name,
        }
        spoken = _bare(contact.language or current.language)
        found = [canned_from(item) for item in items]
        found.sort(key=lambda c: (bool(c.locale) and _bare(c.locale) != spoken, c.shortcut))
        return [replace(c, body=filled(c.body, values)) for c in found]

    async def _read(self, conversation_id: str) -> tuple[Conversation, list[Message]]:
        current = await self._store.conversation(conversation_id)
        last = current.last_seq + 1
        return current, await self._store.messages(conversation_id, before=last, limit=_READ)

    async def _language(self, current: Conversation) -> str:
        """What agents say of the customer's language counts more than what was detected."""
        contact = await self._store.contact(current.contact_id)
        return contact.language or current.language

    def _need(self) -> WritingAid:
        if self._aid is None:
            raise InvalidInput(_NO_AID)
        return self._aid


def simple_brief(current: Conversation, messages: Sequence[Message]) -> str:
    """Return what the agents told the customer last, since the bot handed over; empty when nothing."""
    said = [
        m.body
        for m in messages
        if m.seq > current.handoff_seq and m.author is Author.AGENT and m.kind is not Kind.NOTE and m.body
    ]
    return "\n".join(text[:_BRIEF] for text in said[-_SAID:])


def _permit(agent: Agent, permission: Permission) -> None:
    if agent.disabled or not agent.may(permission):
        raise Forbidden(f"The role {agent.role} may not {permission}.")


def _bare(language: str) -> str:
    return language.partition("-")[0].lower()


def _text(message: Message) -> str:
    """Return what there is to translate: a message's text, else what was said or written in its files."""
    heard = [media.text for media in message.media if media.text]
    return (message.body or "\n".join(heard)).strip()
