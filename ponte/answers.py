"""What an agent's answer becomes: the messages of the transcript, each with its way out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ponte.domain.choices import Choice, checked, to_details
from ponte.domain.contact import Contact
from ponte.domain.conversation import Conversation
from ponte.domain.media_rules import CAPTIONED, rule_for
from ponte.domain.message import (
    SPOKEN,
    Author,
    Delivery,
    Details,
    Kind,
    Media,
    Message,
    MessageStatus,
    parked,
    position,
)
from ponte.domain.splitting import split_body
from ponte.domain.templates import Template, content_variables, fill
from ponte.domain.window import window_open
from ponte.errors import InvalidInput, WrongState

# The detail of a translated message that keeps the words as the agent wrote them.
ORIGINAL: Final = "original"
_MAX_ORIGINAL: Final = 16_000


@dataclass(frozen=True, slots=True)
class Part:
    """One message of an answer.

    Args:
        body: its text.
        kind: what it is.
        media: the files that go with it, with their keys.
        details: what else it carries.
        anytime: may be sent when the 24-hour window is closed.
    """

    body: str
    kind: Kind = Kind.TEXT
    media: tuple[Media, ...] = ()
    details: Details = ()
    anytime: bool = False


def text_parts(body: str, choices: Sequence[Choice] = ()) -> list[Part]:
    """Return a text in parts that WhatsApp takes; the last one has the choices. Raises InvalidInput."""
    parts = [Part(part) for part in split_body(body)]
    if choices and parts:
        parts[-1] = Part(parts[-1].body, details=to_details(checked(choices)))
    return parts


def voice_part(body: str, recording: Media) -> Part:
    """Return a voice note that says ``body``."""
    return Part(body, Kind.AUDIO, (recording,), SPOKEN)


def with_original(part: Part, original: str) -> Part:
    """Return a part that also keeps the words of which its text is a translation."""
    if len(original) > _MAX_ORIGINAL:
        raise InvalidInput(f"The original has {len(original)} characters; the most is {_MAX_ORIGINAL}.")
    return replace(part, details=(*part.details, (ORIGINAL, original.strip())))


def file_parts(media: Media, caption: str) -> list[Part]:
    """Return a file, and its caption: below it where WhatsApp shows one there, else as a text behind it.

    Raises:
        InvalidInput: the file is not in the ``MediaStore``, or WhatsApp does not take it.
    """
    if media.key is None:
        raise InvalidInput("The file was not stored, so it cannot be sent. Upload it again.")
    kind = rule_for(media).kind
    texts = split_body(caption)
    if kind in CAPTIONED and texts:
        return [Part(texts[0], kind, (media,)), *(Part(text) for text in texts[1:])]
    return [Part("", kind, (media,)), *(Part(text) for text in texts)]


def template_part(template: Template, variables: Mapping[str, str], contact: Contact, now: int) -> Part:
    """Return a template with its variables filled in.

    Raises:
        InvalidInput: a variable is missing, unknown or too long.
        WrongState: the 24-hour window is closed and WhatsApp has not approved the template.
    """
    filled = content_variables(template, variables)
    if not template.approved and not window_open(contact.last_inbound_at, now):
        raise WrongState(
            f"WhatsApp has not approved the template {template.name} ({template.approval}), and the 24-hour"
            " window is closed. Choose an approved one."
        )
    values = {name: value.strip() for name, value in variables.items()}
    details = (("content_sid", template.sid), ("content_variables", filled))
    return Part(fill(template, values), details=details, anytime=True)


def messages_of(
    parts: Sequence[Part], *, stem: str, current: Conversation, contact: Contact, agent_id: str, now: int
) -> list[Message]:
    """Return an answer's messages: queued, or parked while the 24-hour window is closed.

    Args:
        parts: what it consists of.
        stem: the messages' ids follow from it.
        current: the conversation that they are appended to.
        contact: whom they go to.
        agent_id: who answers.
        now: ms UTC.
    """
    is_open = window_open(contact.last_inbound_at, now)
    found: list[Message] = []
    for n, part in enumerate(parts):
        seq = current.last_seq + 1 + n
        leaves = is_open or part.anytime
        delivery = Delivery(contact.address, position(current.opened_at, seq), current.epoch, now)
        found.append(
            Message(
                id=f"{stem}:{n}",
                conversation_id=current.id,
                contact_id=current.contact_id,
                seq=seq,
                author=Author.AGENT,
                kind=part.kind,
                body=part.body,
                status=MessageStatus.QUEUED if leaves else MessageStatus.PARKED,
                created_at=now,
                media=part.media,
                agent_id=agent_id,
                delivery=delivery if leaves else parked(delivery),
                details=part.details,
            )
        )
    return found
