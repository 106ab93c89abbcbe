"""A file and the text behind it arrive in this order: the text waits until WhatsApp has the file.

Twilio fetches a file and hands it on, which takes longer than a text; what is sent right behind it overtakes
it. https://www.twilio.com/docs/messaging/guides/send-messages-in-order

Twilio's callback ends the wait; only where none comes does the text wait for as long as the file may take.
"""

from __future__ import annotations

from typing import Final

from ponte.domain.message import Author, Message, MessageStatus
from ponte.ports import Store

WAIT_MS: Final = 10_000
"""For a file of any size: Twilio fetches it, looks into it, and hands it to WhatsApp."""

# Twice on its way, to Twilio and to WhatsApp, and from our side over a line that may take 4 Mbit a second.
_PER_MEGABYTE_MS: Final = 2_500
_MEGABYTE: Final = 1024 * 1024
# Between a file and the text that belongs to it there is hardly more.
_LOOK_BACK: Final = 3


def wait_for(file: Message) -> int:
    """Return for how many ms at most a text waits for ``file``: 50 s for WhatsApp's largest, of 16 MB."""
    size = sum(media.size or 0 for media in file.media)
    return WAIT_MS + _PER_MEGABYTE_MS * size // _MEGABYTE


async def file_leaves(store: Store, file: Message, now: int) -> None:
    """Record, for all processes, that ``file`` is being sent to its contact."""
    await store.acquire(_key(file.contact_id), file.id, now, wait_for(file))


async def file_arrived(store: Store, file: Message, now: int) -> None:
    """Record that WhatsApp has ``file``, or never will."""
    await _free(store, file, now)


async def may_follow(store: Store, message: Message, now: int) -> bool:
    """Tell whether ``message`` may be sent, or has to wait for a file that went before it."""
    before = await store.messages(message.conversation_id, before=message.seq, limit=_LOOK_BACK)
    # Once it is delivered, read or failed, the file is out of the way.
    files = [m for m in before if carries_file(m) and m.status is MessageStatus.SENT]
    if not files:
        return True
    return await _free(store, message, now)


async def _free(store: Store, message: Message, now: int) -> bool:
    """Free the contact's way for what follows; False while another message's file blocks it."""
    lease = await store.acquire(_key(message.contact_id), message.id, now, 1)
    if lease is not None:
        await store.release_lease(lease)
    return lease is not None


def carries_file(message: Message) -> bool:
    """Tell whether ``message`` is one of ours with a file."""
    return message.author is not Author.CUSTOMER and any(m.key for m in message.media)


def _key(contact_id: str) -> str:
    return f"file:{contact_id}"
