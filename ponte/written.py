"""What WhatsApp does not take as it is goes out once more, as a plain text.

A voice note whose file cannot be fetched is written; a question whose buttons are refused has its answers
numbered. Twilio often tells so only after it took the message.
"""

from __future__ import annotations

from ponte.choice_contents import ChoiceContents
from ponte.domain.choices import from_details
from ponte.domain.message import SPOKEN, WRITTEN, Details, Message
from ponte.domain.splitting import split_body
from ponte.domain.twilio_errors import CONTENT_CODES, FILE_CODES
from ponte.ports import Store


def is_spoken(message: Message) -> bool:
    """Tell whether a message is a voice note of ours, and what it says is known."""
    return set(SPOKEN) <= set(message.details) and bool(message.body.strip())


def is_written(message: Message) -> bool:
    """Tell whether a message goes out as a text because WhatsApp did not take it otherwise."""
    return set(WRITTEN) <= set(message.details)


async def beside(store: Store, message: Message) -> bool:
    """Tell whether what a voice note says follows it in writing anyway."""
    behind = await store.messages(message.conversation_id, after=message.seq, limit=1)
    return any(
        m.author is message.author and not m.media and m.body == split_body(message.body)[0] for m in behind
    )


async def as_text(store: Store, message: Message, code: int | None) -> Details | None:
    """Return the details under which a message that met ``code`` goes out as a text; None where it does not.

    Choices that were refused are remembered: no other question goes out with them.
    """
    if code is None or is_written(message):
        return None
    if is_spoken(message):
        fits = code in FILE_CODES and len(split_body(message.body)) == 1
        if not fits or await beside(store, message):
            return None
        return (*(d for d in message.details if d not in SPOKEN), *WRITTEN)
    choices = from_details(message.details)
    if not choices or code not in CONTENT_CODES:
        return None
    language = (await store.conversation(message.conversation_id)).language
    await ChoiceContents(store, None).refuse(message.body, choices, language)
    return (*message.details, *WRITTEN)
