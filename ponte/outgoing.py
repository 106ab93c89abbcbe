"""From a message of the transcript to what Twilio is asked to send."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ponte.choice_contents import ChoiceContents
from ponte.domain.choices import Choice, from_details, numbered
from ponte.domain.contact import Contact
from ponte.domain.media_rules import CAPTIONED
from ponte.domain.message import Author, Message
from ponte.domain.twilio_errors import FILE_NOT_FETCHED, Fate, fate_of
from ponte.domain.window import window_open
from ponte.errors import SendRefused
from ponte.media_links import MediaLinks
from ponte.ports import ConversationStore, MediaStore, Outbound, Store
from ponte.written import is_spoken, is_written


@dataclass(frozen=True, slots=True)
class Prepared:
    """What to send; and for a question with choices, how to send it when Twilio refuses the choices."""

    outbound: Outbound
    fallback: Outbound | None = None


def is_template(message: Message) -> bool:
    """Tell whether a message is a template, which may be sent when the window is closed."""
    return "content_sid" in dict(message.details)


def may_wait(message: Message, code: int) -> bool:
    """Tell whether a message that met ``code`` waits until the customer writes, rather than fails."""
    return fate_of(code) is Fate.PARK and message.author is Author.AGENT and not is_template(message)


async def unpark_if_written(store: Store, seen: Contact, now: int) -> None:
    """Queue what was just parked for a contact who wrote after ``seen`` was read.

    Whoever writes later than this look finds the message parked: the commit of their message queues it.
    """
    contact = await store.contact(seen.id)
    if contact.last_inbound_at != seen.last_inbound_at and window_open(contact.last_inbound_at, now):
        await store.unpark(seen.id, now)


class Preparer:
    """Prepares messages for sending.

    Args:
        store: knows the conversation's language.
        links: makes the links to files; None where no file is ever sent.
        contents: makes buttons and lists.
        media: tells whether a file is still kept; None: it is taken to be.
    """

    def __init__(
        self,
        store: ConversationStore,
        links: MediaLinks | None,
        contents: ChoiceContents,
        media: MediaStore | None = None,
    ) -> None:
        self._store = store
        self._media = media
        self._links = links
        self._contents = contents

    async def prepare(self, message: Message, address: str) -> Prepared:
        """Return what to send of ``message`` to ``address``. May create a content at Twilio.

        A voice note whose file is not kept any more goes out as the text that it says.

        Raises:
            SendRefused: another file is not kept any more, so that Twilio could not fetch it.
        """
        plain = Outbound(address, message.body, message.id)
        details = dict(message.details)
        if sid := details.get("content_sid"):
            variables = details.get("content_variables")
            return Prepared(replace(plain, body="", content_sid=sid, content_variables=variables))
        key = next((m.key for m in message.media if m.key), None)
        if key is not None and self._links is not None:
            if self._media is not None and await self._media.stat(key) is None:
                return _without_file(message, plain)
            caption = message.body if message.kind in CAPTIONED else ""
            return Prepared(replace(plain, body=caption, media_url=self._links.url(key)))
        if choices := from_details(message.details):
            return await self._question(message, plain, choices)
        return Prepared(plain)

    async def refused(self, message: Message) -> None:
        """Twilio refused the choices of ``message``: they are not tried again."""
        language = (await self._store.conversation(message.conversation_id)).language
        await self._contents.refuse(message.body, from_details(message.details), language)

    async def _question(self, message: Message, plain: Outbound, choices: tuple[Choice, ...]) -> Prepared:
        text = replace(plain, body=numbered(message.body, choices))
        if is_written(message):
            return Prepared(text)
        language = (await self._store.conversation(message.conversation_id)).language
        sid = await self._contents.sid_for(message.body, choices, language)
        if sid is None:
            return Prepared(text)
        return Prepared(replace(plain, body="", content_sid=sid), text)


def _without_file(message: Message, plain: Outbound) -> Prepared:
    if is_spoken(message):
        return Prepared(plain)
    raise SendRefused("The file is not kept any more, so it cannot be sent.", FILE_NOT_FETCHED)
